//! `pgctl report`.

mod archive;
mod collect;
mod flags;
mod logs;
mod piece;
mod redaction;
mod run;

pub(super) use run::run;

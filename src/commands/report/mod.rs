//! `pgctl report`.

mod archive;
mod collect;
mod redaction;
mod run;

pub(super) use run::run;

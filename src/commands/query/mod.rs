//! `pgctl query`.

mod look;
mod many;
mod run;
mod text;
mod write;

pub(super) use run::run;

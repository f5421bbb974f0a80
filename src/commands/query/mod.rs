//! `pgctl query`.

mod look;
mod run;
mod text;
mod write;

pub(super) use run::run;

//! `pgctl logs`.

mod run;
mod targets;

pub(super) use run::run;

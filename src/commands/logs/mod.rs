//! `pgctl logs`.

mod cluster_watch;
mod run;
mod targets;

pub(super) use run::run;

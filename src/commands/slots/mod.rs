//! `pgctl slots`.

mod drop;
mod look;
mod run;

pub(super) use run::run;

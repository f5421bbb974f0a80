//! `pgctl pooler`.

mod look;
mod run;
mod setup;

pub(super) use run::run;

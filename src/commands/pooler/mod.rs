//! `pgctl pooler`.

mod look;
mod order;
mod run;
mod setup;

pub(super) use run::run;

//! `pgctl pooler`.

mod run;
mod setup;

pub(super) use run::run;

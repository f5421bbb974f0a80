//! `pgctl users`.

mod create;
mod drop;
mod look;
mod run;
mod secret;

pub(super) use run::run;

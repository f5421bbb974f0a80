//! `pgctl metrics`.

mod look;
mod run;
mod served;
mod server;

pub(super) use run::run;

//! `pgctl restore`.

mod backup;
mod discard;
mod run;

pub(super) use run::run;

//! `pgctl config`.

mod alter;
mod change;
mod diff;
mod run;
mod show;
mod unknown;

pub(super) use run::run;

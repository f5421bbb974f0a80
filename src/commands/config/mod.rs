//! `pgctl config`.

mod alter;
mod change;
mod diff;
mod own_file;
mod run;
mod show;
mod unknown;

pub(super) use run::run;

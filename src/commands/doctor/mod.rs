//! `pgctl doctor`.

mod judge;
mod many;
mod one;
mod run;

pub(super) use one::examination;
pub(super) use run::run;

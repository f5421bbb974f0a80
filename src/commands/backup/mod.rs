//! `pgctl backup`, `list`, `verify` and `prune`.

mod failure;
mod list;
mod progress;
mod prune;
mod prune_wal;
mod replayed_wal;
mod run;
pub(super) mod store;
mod take;
mod verify;

pub(super) use failure::cannot_open;
pub(super) use run::run;

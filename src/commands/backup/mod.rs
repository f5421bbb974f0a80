//! `pgctl backup`, `list`, `verify`, `copy` and `prune`.

mod chosen;
mod copy;
mod copy_to;
mod failure;
mod list;
mod noting;
mod progress;
mod prune;
mod prune_wal;
mod replayed_wal;
mod run;
mod second;
mod second_store;
pub(super) mod store;
mod take;
mod verify;

pub(super) use failure::cannot_open;
pub(super) use run::run;

//! `pgctl wal`: archive the WAL, and look after what is archived.

mod archive;
mod archives;
mod list;
mod primaries;
mod run;
mod verify;

pub(super) use run::run;

//! A physical restore: the work on the primary's volume.

mod script;
pub(in crate::world) mod steps;
mod wal;

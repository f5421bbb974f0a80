//! A physical restore: the work on the primary's volume.

pub(in crate::world) mod steps;

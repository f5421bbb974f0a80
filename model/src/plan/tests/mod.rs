//! What planning promises.

mod alive;
mod any_snapshot;
mod journal;
mod proofs;
mod refusals;
mod replaced;
mod scaling;
mod scaling_any;
mod shape;
mod stored;

pub(in crate::plan) use shape::moved_to_replica_0;

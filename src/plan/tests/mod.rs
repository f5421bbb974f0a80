//! What planning promises.

mod any_snapshot;
mod journal;
mod refusals;
mod replaced;
mod shape;

//! StatefulSets.

mod controller;
mod plan;
mod pod;
mod revision;
#[cfg(test)]
mod tests;

use super::{claiming, events, hash, owner, pods, worker};

pub(super) use controller::StatefulSets;

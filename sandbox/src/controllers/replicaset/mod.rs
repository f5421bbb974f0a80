//! ReplicaSets.

mod controller;
mod plan;
#[cfg(test)]
mod tests;

use super::{claiming, events, pods, worker};

pub(super) use controller::ReplicaSets;

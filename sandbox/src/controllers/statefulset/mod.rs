//! StatefulSets.

mod controller;
mod plan;
mod pod;
mod revision;
#[cfg(test)]
mod tests;

use super::{claiming, events, hash, owner, worker};

pub(super) use controller::StatefulSets;

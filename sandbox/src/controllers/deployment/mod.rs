//! Deployments.

mod condition;
mod controller;
mod plan;
mod proportion;
mod rollout;
#[cfg(test)]
mod tests;

use super::{claiming, events, hash, owner, pods, share, worker};

pub(super) use controller::Deployments;

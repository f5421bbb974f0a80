//! Jobs.

mod conditions;
mod controller;
mod failure_policy;
mod plan;
#[cfg(test)]
mod tests;

use super::{claiming, events, owner, pods, worker};

pub(super) use conditions::outcome;
pub(super) use controller::Jobs;

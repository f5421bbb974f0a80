//! CronJobs.

mod controller;
mod plan;
#[cfg(test)]
mod tests;

use super::{events, job, owner, worker};

pub(super) use controller::CronJobs;

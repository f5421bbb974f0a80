//! Another primary: a switchover, or an emergency.

mod checks;
mod common;
mod plan;
mod ranking;
mod steps;

pub use plan::{candidates, plan_failover};

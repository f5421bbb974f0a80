//! Rollouts: every pod is brought to what its StatefulSet says, the standbys first.

mod drain_checks;
#[cfg(test)]
mod drain_tests;
mod order;
mod other_pods;
mod restart;
mod standby_checks;
#[cfg(test)]
mod tests;
mod whole;

pub use drain_checks::still_drained;
pub use other_pods::{emptying, other_pod_checks};
pub use restart::plan_restart;
pub use whole::plan_rollout;

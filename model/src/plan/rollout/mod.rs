//! Rollouts: every pod is brought to what its StatefulSet says, the standbys first.

mod order;
mod restart;
mod standby_checks;
#[cfg(test)]
mod tests;
mod whole;

pub use restart::plan_restart;
pub use whole::plan_rollout;

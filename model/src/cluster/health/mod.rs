//! The verdict on a cluster: what is wrong, how bad it is, and what to type about it.

mod assess;
mod capacity;
mod finding;
mod headline;
mod next_start;
#[cfg(test)]
mod next_start_tests;
mod operations;
mod out_of_reach;
mod pods;
mod primary;
mod replication;
mod services;
mod state;
mod storage;
#[cfg(test)]
mod tests;

pub use assess::{Health, Limits, assess};
pub use finding::{Finding, FindingCode, ObjectRef, Severity, Verdict};
pub use headline::Headline;
pub use state::{InstanceState, instance_state, role_words};

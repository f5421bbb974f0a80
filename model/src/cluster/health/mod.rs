//! The verdict on a cluster: what is wrong, how bad it is, and what to type about it.

mod advice;
mod assess;
mod capacity;
mod certificates;
mod finding;
mod headline;
mod limits;
mod next_start;
mod operations;
mod out_of_reach;
mod pods;
mod primary;
mod replication;
mod revision;
mod services;
mod state;
mod storage;
#[cfg(test)]
mod tests;
mod throw_away;

pub use assess::{Health, assess};
pub use finding::{FindingCode, HealthFinding, HealthVerdict, ObjectRef, Severity};
pub use headline::Headline;
pub use limits::Limits;
pub use state::{InstanceState, instance_state};

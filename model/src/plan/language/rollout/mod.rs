//! The words of a rollout: what is asked for, its parts, the restart of one standby, and the node that it is to leave.

mod drained_node;
mod other_pod;
mod part;
mod request;
mod scope;
mod whole;

pub use drained_node::DrainedNode;
pub use other_pod::{BudgetNow, OtherPod, OtherPodKind};
pub use part::{RestartReason, RolloutPart};
pub use request::{Restarts, RolloutRequest};
pub use scope::RestartScope;
pub use whole::Rollout;

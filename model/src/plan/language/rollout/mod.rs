//! The words of a rollout: what is asked for, its parts, and the restart of one standby.

mod part;
mod request;
mod scope;
mod whole;

pub use part::{RestartReason, RolloutPart};
pub use request::{Restarts, RolloutRequest};
pub use scope::RestartScope;
pub use whole::Rollout;

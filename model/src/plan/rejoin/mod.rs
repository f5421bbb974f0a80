//! A pod becomes a standby again: a former primary, or a broken standby on a new volume.

mod former_primary;
mod reinit;
mod situation;
mod steps;

pub use former_primary::plan_rejoin;
pub use reinit::plan_reinit;

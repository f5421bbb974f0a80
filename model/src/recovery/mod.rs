//! Which way leads to a moment: base backups, archived WAL, timelines and their forks, and a target.

mod choice;
mod moment;
mod target;
#[cfg(test)]
mod tests;
mod unreachable;
mod way;

pub use choice::{RecoveryRequest, choose_way};
pub use moment::{MomentError, parse_moment};
pub use target::RecoveryTarget;
pub use unreachable::{Nearest, Unreachable, UnreachableReason};
pub use way::{RecoveryWay, SegmentRun};

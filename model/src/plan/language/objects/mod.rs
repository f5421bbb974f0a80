//! Objects of the cluster as a plan names them.

mod claim;
mod pod;

pub use claim::ClaimRef;
pub use pod::{Follower, PodRef};

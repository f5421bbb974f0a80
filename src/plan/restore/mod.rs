//! Planning restores: a logical backup into a running primary, a base backup into its volume.

mod action;
mod checks;
mod condition;
mod discard;
mod facts;
mod logical;
mod physical;
mod plan;
mod scope;
#[cfg(test)]
pub(crate) mod tests;

pub use action::{LOADED, Load, RestoreAction, Swap, VolumeHandle};
pub use condition::RestoreCondition;
pub use discard::{DiscardRequest, KeptFacts, plan_discard};
pub use facts::{
    BackupFacts, DatabaseHere, DatabaseInBackup, RESTORE_PERMISSIONS, RestoreGrounds,
    RestoreRequest, TargetFacts,
};
pub use plan::plan_restore;
pub use scope::{KeptData, RestoreKind, RestoreScope};

//! What only restores are made of.

mod action;
mod condition;
mod facts;
mod scope;

pub use action::{LOADED, Load, RestoreAction, Swap, VolumeHandle};
pub use condition::RestoreCondition;
pub use facts::{
    BackupFacts, DatabaseHere, DatabaseInBackup, DiscardRequest, KeptFacts, RESTORE_PERMISSIONS,
    RestoreGrounds, RestoreRequest, TargetFacts,
};
pub use scope::{KeptData, RestoreKind, RestoreScope};

//! What only restores are made of.

mod action;
mod condition;
mod facts;
mod scope;

pub use action::{
    DatabaseAction, LOADED, Load, RestoreAction, Swap, ThrowAwayServer, VolumeAction, VolumeHandle,
};
pub use condition::{DatabaseCondition, RestoreCondition, VolumeCondition};
pub use facts::{
    BackupFacts, DatabaseHere, DatabaseInBackup, DiscardRequest, KeptFacts, RecoveryFacts,
    RestoreCircumstances, RestoreRequest, TargetFacts,
};
pub use scope::{KeptData, RestoreKind, RestoreScope};

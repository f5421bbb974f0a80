//! What a plan is made of: data, and nothing that decides.

mod action;
mod autoscaler;
mod candidate;
mod check;
mod circumstances;
mod condition;
mod drift;
mod journal;
mod known;
mod objects;
mod operation;
mod operation_kind;
mod plan;
mod refusal;
mod request;
mod restore;
mod rollout;
mod step;
mod step_name;

pub use crate::cluster::PAUSED_BOUNDS;
pub use action::Action;
pub(crate) use autoscaler::original_minimum;
pub use autoscaler::{AutoscalerPatch, Bounds, ORIGINAL_MINIMUM};
pub use candidate::Candidate;
pub use check::{Check, CheckName, CheckVerdict};
pub use circumstances::{
    Circumstances, LockHolder, Permission, Permitted, Unfinished, UnloggedTables,
};
pub use condition::{Condition, ServingGoal};
pub use drift::{Drift, Reverts};
pub(crate) use drift::{MAXIMUM, METRICS, MINIMUM};
pub use journal::{
    ImpossibleHistory, JournalEntry, JournalEvent, OperationFinding, OperationOutcome,
    OperationProgress, OutageMethod, OutageParts, RecoveredTo,
};
pub use known::Known;
pub use objects::{ClaimRef, Follower, PodRef};
pub use operation::{Loss, Mode, Operation, OperationId, PrimaryChange, Shutdown};
pub use operation_kind::OperationKind;
pub use plan::Plan;
pub use refusal::Refusal;
pub use request::{
    AutoscaleRequest, AutoscalerPolicy, DEFAULT_MAX_LAG_BYTES, FailoverRequest, Hold,
    ReinitRequest, RejoinRequest, ScaleRequest, SynchronousRequest,
};
pub use restore::{
    BackupFacts, DatabaseAction, DatabaseCondition, DatabaseHere, DatabaseInBackup, DiscardRequest,
    KeptData, KeptFacts, LOADED, Load, RecoveryFacts, RestoreAction, RestoreCircumstances,
    RestoreCondition, RestoreKind, RestoreRequest, RestoreScope, Swap, TargetFacts,
    ThrowAwayServer, VolumeAction, VolumeCondition, VolumeHandle,
};
pub use rollout::{
    BudgetNow, DrainedNode, OtherPod, OtherPodKind, RestartReason, RestartScope, Restarts, Rollout,
    RolloutPart, RolloutRequest,
};
pub use step::{OnFailure, Step, Undo};
pub use step_name::StepName;

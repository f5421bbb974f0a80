//! Guided operations as data: from facts and a request, a [`Plan`] or a [`Refusal`].
//!
//! Nothing here does anything: no Kubernetes, no SQL, no clock of its own. What was decided can be
//! printed, stored, resumed and compared; the engine only carries it out.
//!
//! `language/` is what a plan is made of. Each kind of operation has a folder that makes plans of it; what
//! they share is in `common/` and `decision.rs`.

mod common;
mod decision;
mod failover;
mod language;
mod rejoin;
mod restore;
mod rollout;
mod scaling;
#[cfg(any(test, feature = "testing"))]
pub mod simulation;
#[cfg(test)]
mod tests;

pub use common::{
    CLOSED_BY, COMPONENT_LABEL, ORIGINAL_SELECTOR, POD_NAME_LABEL, applications, drift,
};
pub use failover::{candidates, plan_failover};
pub use language::{
    Action, AutoscaleRequest, AutoscalerPatch, AutoscalerPolicy, BackupFacts, Bounds, BudgetNow,
    Candidate, Check, CheckName, CheckVerdict, Circumstances, ClaimRef, Condition,
    DEFAULT_MAX_LAG_BYTES, DatabaseAction, DatabaseCondition, DatabaseHere, DatabaseInBackup,
    DiscardRequest, DrainedNode, Drift, FailoverRequest, Follower, Hold, ImpossibleHistory,
    JournalEntry, JournalEvent, KeptData, KeptFacts, Known, LOADED, Load, LockHolder, Loss, Mode,
    ORIGINAL_MINIMUM, OnFailure, Operation, OperationFinding, OperationId, OperationKind,
    OperationOutcome, OperationProgress, OtherPod, OtherPodKind, OutageMethod, OutageParts,
    PAUSED_BOUNDS, Permission, Permitted, Plan, PodRef, PrimaryChange, RecoveredTo, RecoveryFacts,
    Refusal, ReinitRequest, RejoinRequest, RestartReason, RestartScope, Restarts, RestoreAction,
    RestoreCircumstances, RestoreCondition, RestoreKind, RestoreRequest, RestoreScope, Reverts,
    Rollout, RolloutPart, RolloutRequest, ScaleRequest, ServingGoal, Shutdown, Step, StepName,
    Swap, SynchronousRequest, TargetFacts, ThrowAwayServer, Undo, Unfinished, UnloggedTables,
    VolumeAction, VolumeCondition, VolumeHandle,
};
pub use rejoin::{plan_reinit, plan_rejoin};
#[cfg(any(test, feature = "testing"))]
pub use restore::fixture as restore_fixture;
pub use restore::{plan_discard, plan_restore};
pub use rollout::{emptying, other_pod_checks, plan_restart, plan_rollout, still_drained};
pub use scaling::{plan_autoscale, plan_scale, plan_synchronous};

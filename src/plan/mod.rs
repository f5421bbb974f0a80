//! Guided operations as data: from facts and a request, a [`Plan`] or a [`Refusal`].
//!
//! Nothing here does anything: no Kubernetes, no SQL, no clock of its own. What was decided can be
//! printed, stored, resumed and compared; the engine only carries it out.

mod action;
mod candidate;
mod case;
mod check;
mod checks;
mod condition;
mod failover;
mod failover_steps;
mod git_ops;
mod grounds;
mod journal;
mod known;
mod operation;
mod rejoin;
mod request;
mod restore;
mod scaling;
mod selector;
pub mod simulation;
mod step;
#[cfg(test)]
mod tests;

pub use action::{Action, ClaimRef, Follower, PodRef};
pub use candidate::Candidate;
pub use check::{Check, CheckName, Refusal, Verdict};
pub use condition::Condition;
pub use failover::{candidates, plan_failover};
pub use failover_steps::ORIGINAL_MINIMUM;
pub use git_ops::{Drift, Reverts, applications, drift};
pub use grounds::{
    Grounds, LockHolder, PERMISSIONS, Permission, Permitted, REINIT_PERMISSIONS, Unfinished,
    UnloggedTables,
};
pub use journal::{
    Entry, Event, Finding, ImpossibleHistory, OutageMethod, OutageParts, Outcome, Progress,
};
pub use known::Known;
pub use operation::{Loss, Mode, Operation, OperationId, Plan, Shutdown};
pub use rejoin::{plan_reinit, plan_rejoin};
pub use request::{DEFAULT_MAX_LAG_BYTES, FailoverRequest, ReinitRequest, RejoinRequest};
#[cfg(test)]
pub(crate) use restore::tests as restore_fixture;
pub use restore::{
    BackupFacts, DatabaseHere, DatabaseInBackup, DiscardRequest, KeptData, KeptFacts, LOADED, Load,
    RESTORE_PERMISSIONS, RestoreAction, RestoreCondition, RestoreGrounds, RestoreKind,
    RestoreRequest, RestoreScope, Swap, TargetFacts, VolumeHandle, plan_discard, plan_restore,
};
pub use scaling::{
    AutoscaleRequest, AutoscalerPatch, Bounds, PAUSED_BOUNDS, ScaleRequest, SynchronousRequest,
    Way, plan_autoscale, plan_scale, plan_synchronous,
};
pub use selector::{CLOSED_BY, COMPONENT_LABEL, ORIGINAL_SELECTOR, POD_NAME_LABEL};
pub use step::{OnFailure, Step, StepName, Undo};

//! What was done so far, as a list of entries, and which lists are possible.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::objects::PodRef;
use super::operation::Shutdown;
use super::plan::Plan;
use super::restore::KeptData;
use super::step::{OnFailure, Undo};
use super::step_name::StepName;
use crate::cluster::{Lsn, Timeline};

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OperationOutcome {
    /// Everything was done.
    Done,
    /// It failed, or was aborted, and everything was put back.
    RolledBack,
    /// Another change of the primary took its place.
    Replaced,
}

/// Something learnt on the way that later steps, the report or a resume need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    tag = "found"
)]
pub enum OperationFinding {
    /// Where the old primary's WAL ended.
    Shutdown(Shutdown),
    /// The fence was written, and of the pods whose end is needed these existed right after that: any
    /// of them may have read what the topology said before. One that comes later sees the fence.
    Fenced {
        /// By name and UID, as they were seen then.
        pods: Vec<PodRef>,
    },
    /// A pod has ended for good: it was being deleted, and its container had terminated.
    Ended {
        /// The pod, by name and UID.
        pod: PodRef,
    },
    /// A pod was deleted in place of the one of its name that the plan was made for, which it had
    /// replaced.
    Deleted {
        /// The pod that was deleted, by name and UID.
        pod: PodRef,
    },
    /// How far the candidate was when it was promoted.
    Promoted {
        /// The position up to which it had the old primary's WAL.
        position: Lsn,
        /// The timeline that began with the promotion.
        timeline: Timeline,
    },
    /// How long no write was accepted, in seconds.
    Outage {
        /// From the last acknowledged write on the old primary to the first committed on the new.
        seconds: f64,
        /// How it was measured.
        method: OutageMethod,
    },
    /// Where the time of the outage went.
    OutageParts(OutageParts),
    /// How long the clients of poolers were held, in seconds.
    ClientsHeld {
        /// From the first that was held to the last that was released.
        seconds: f64,
        /// Names of the poolers' pods.
        poolers: Vec<String>,
    },
    /// Until the write Service led to the new primary, counted from the last acknowledged write,
    /// in seconds.
    ServiceSwitched {
        /// From the last acknowledged write on the old primary.
        seconds: f64,
    },
    /// What will be replaced is in this backup.
    SafetyBackup {
        /// Its name in the store.
        backup: String,
    },
    /// Data of before was kept.
    Kept(KeptData),
    /// Restored data that had been started was taken away again, and is kept: whoever reached it may
    /// have written to it.
    TakenAway(KeptData),
    /// The timeline that the restored data goes on with.
    RestoredTimeline {
        /// The timeline that the restored data writes on.
        timeline: Timeline,
    },
    /// Where a recovery through archived WAL has ended, in the words of the server that did it.
    Recovered(RecoveredTo),
}

/// Where a recovery through archived WAL has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecoveredTo {
    /// Where the last record that was replayed begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Lsn>,
    /// The last commit that is in, by the clock of the primary of then; none when there was none after the
    /// backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_commit: Option<Timestamp>,
    /// What ended it, such as "before commit of transaction 751, time 2026-11-28 13:03:02.12+00"; none:
    /// the end of the archived WAL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
}

/// Where the time of a write outage went, in seconds, one after the other: together they are all of
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutageParts {
    /// From the last acknowledged write until the old primary was proven stopped.
    pub stop_seconds: f64,
    /// Until the new one had replayed everything.
    pub catch_up_seconds: f64,
    /// Until the promotion was sent: what it needs was looked at once more, and its beginning stored.
    pub prepare_seconds: f64,
    /// Until it was promoted.
    pub promote_seconds: f64,
    /// Until it had committed the first write.
    pub first_write_seconds: f64,
}

/// How a write outage was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OutageMethod {
    /// By pgctl's own writes, sent one after the other to both servers: one clock.
    OwnWrites,
    /// By commit time of the last transaction and that of the first: two servers' clocks.
    CommitTimes,
}

/// What the journal keeps of an event: what whoever goes on with the operation has to know. The words
/// are stored, and never change; what is told while it runs can say more, in other words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    tag = "event"
)]
pub enum JournalEvent {
    /// The operation was confirmed and has begun.
    Started {
        /// Who started it: user, machine and process.
        by: String,
    },
    /// Somebody goes on with it.
    Resumed {
        /// Who goes on: user, machine and process.
        by: String,
    },
    /// Somebody wants it put back.
    AbortAsked {
        /// Who asks: user, machine and process.
        by: String,
    },
    /// A step is about to be done.
    Began {
        /// The step; its action may have been done from here on, wholly or in part.
        step: StepName,
    },
    /// A step is done and proven.
    Completed {
        /// By its stable name.
        step: StepName,
        /// How long it took, in seconds.
        seconds: f64,
    },
    /// A step failed, and the operation goes on.
    Reported {
        /// By its stable name.
        step: StepName,
        /// The failure; the report repeats it with what to type.
        reason: String,
    },
    /// A step failed, and the operation stops.
    Failed {
        /// By its stable name.
        step: StepName,
        /// The failure, with the object that it is about.
        reason: String,
    },
    /// A step is about to be taken back.
    UndoBegan {
        /// The step; its way back may have been gone from here on, wholly or in part.
        step: StepName,
    },
    /// A step is taken back, and that is proven.
    Undone {
        /// By its stable name.
        step: StepName,
    },
    /// A step could not be taken back, and what it leaves does no harm: the rest goes back.
    Left {
        /// By its stable name.
        step: StepName,
        /// Why, and what is left.
        reason: String,
    },
    /// Somebody looks before this step is begun, as was asked for. Whoever goes on then begins it.
    Paused {
        /// By its stable name.
        step: StepName,
    },
    /// Something was learnt.
    Found(OperationFinding),
    /// The operation has ended.
    Ended {
        /// What became of it.
        outcome: OperationOutcome,
    },
}

/// An entry of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Entry")]
pub struct JournalEntry {
    /// By the clock of the machine that ran pgctl.
    pub at: Timestamp,
    /// The part of the event that is kept.
    #[serde(flatten)]
    pub event: JournalEvent,
}

/// Where an operation stands, by its journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationProgress {
    /// Nothing was journaled yet.
    Planned,
    /// Between steps: every step before this index is over.
    Between(usize),
    /// In the step of this index: it may have happened.
    Within(usize),
    /// Putting back: every step from this index on is put back (or never began).
    Undoing(usize),
    /// Putting back the step of this index: it may have been put back.
    UndoWithin(usize),
    /// Over.
    Ended(OperationOutcome),
}

/// A journal that can't have come about.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the journal is impossible: {event:?} after {progress:?}")]
pub struct ImpossibleHistory {
    /// Where the operation stood.
    pub progress: OperationProgress,
    /// The entry that can't follow.
    pub event: Box<JournalEvent>,
}

impl OperationProgress {
    /// Where an operation stands after these entries.
    ///
    /// # Errors
    /// When they can't have come about.
    pub fn of(plan: &Plan, entries: &[JournalEntry]) -> Result<Self, ImpossibleHistory> {
        entries.iter().try_fold(Self::Planned, |progress, entry| {
            progress.after(plan, &entry.event)
        })
    }

    /// Where it stands after one more entry: the table of transitions.
    ///
    /// # Errors
    /// When the entry can't follow.
    pub fn after(self, plan: &Plan, event: &JournalEvent) -> Result<Self, ImpossibleHistory> {
        let at = |index: usize, step: &StepName| {
            plan.steps.get(index).is_some_and(|it| it.name == *step)
        };
        let index_of = |step: &StepName| plan.steps.iter().position(|it| it.name == *step);
        let passed = |index: usize| plan.point_of_no_return().is_some_and(|last| last < index);
        let next = match (self, event) {
            (Self::Planned, JournalEvent::Started { .. }) => Some(Self::Between(0)),
            (Self::Planned | Self::Ended(_), _) => None,
            // Taking over changes nothing about where it stands.
            (
                _,
                JournalEvent::Resumed { .. }
                | JournalEvent::AbortAsked { .. }
                | JournalEvent::Found(_),
            ) => Some(self),
            // A step that may have happened can begin again.
            (Self::Between(index) | Self::Within(index), JournalEvent::Began { step })
                if at(index, step) =>
            {
                Some(Self::Within(index))
            }
            (Self::Within(index), JournalEvent::Completed { step, .. }) if at(index, step) => {
                Some(Self::Between(index + 1))
            }
            (Self::Within(index), JournalEvent::Reported { step, .. })
                if at(index, step) && plan.steps[index].on_failure == OnFailure::Report =>
            {
                Some(Self::Between(index + 1))
            }
            (Self::Between(index), JournalEvent::Paused { step })
                if at(index, step) && plan.steps[index].pauses =>
            {
                Some(self)
            }
            // What it needs does not hold: it fails without having begun.
            (Self::Between(index), JournalEvent::Failed { step, .. }) if at(index, step) => {
                Some(self)
            }
            (Self::Within(index), JournalEvent::Failed { step, .. }) if at(index, step) => {
                Some(self)
            }
            (Self::Between(end), JournalEvent::UndoBegan { step }) if !passed(end) => {
                index_of(step)
                    .filter(|index| *index < end)
                    .map(Self::UndoWithin)
            }
            (Self::Within(end), JournalEvent::UndoBegan { step }) if !passed(end + 1) => {
                index_of(step)
                    .filter(|index| *index <= end)
                    .map(Self::UndoWithin)
            }
            (Self::Undoing(end), JournalEvent::UndoBegan { step }) => index_of(step)
                .filter(|index| *index < end)
                .map(Self::UndoWithin),
            (Self::UndoWithin(index), JournalEvent::UndoBegan { step }) if at(index, step) => {
                Some(self)
            }
            (
                Self::UndoWithin(index),
                JournalEvent::Undone { step } | JournalEvent::Left { step, .. },
            ) if at(index, step) => Some(Self::Undoing(index)),
            (
                _,
                JournalEvent::Ended {
                    outcome: OperationOutcome::Replaced,
                },
            ) => Some(Self::Ended(OperationOutcome::Replaced)),
            (
                Self::Between(end),
                JournalEvent::Ended {
                    outcome: OperationOutcome::Done,
                },
            ) if end == plan.steps.len() => Some(Self::Ended(OperationOutcome::Done)),
            (
                Self::Between(end) | Self::Undoing(end),
                JournalEvent::Ended {
                    outcome: OperationOutcome::RolledBack,
                },
            ) if !passed(end) && nothing_left(plan, end) => {
                Some(Self::Ended(OperationOutcome::RolledBack))
            }
            (
                Self::Within(end),
                JournalEvent::Ended {
                    outcome: OperationOutcome::RolledBack,
                },
            ) if !passed(end + 1) && nothing_left(plan, end + 1) => {
                Some(Self::Ended(OperationOutcome::RolledBack))
            }
            _ => None,
        };
        next.ok_or_else(|| ImpossibleHistory {
            progress: self,
            event: Box::new(event.clone()),
        })
    }

    /// Whether the step from which there is only forward may have happened.
    pub fn past_point_of_no_return(self, plan: &Plan) -> bool {
        let Some(last) = plan.point_of_no_return() else {
            return false;
        };
        match self {
            Self::Between(index) => index > last,
            Self::Within(index) => index >= last,
            _ => false,
        }
    }
}

/// No step before `end` has left anything to put back.
fn nothing_left(plan: &Plan, end: usize) -> bool {
    plan.steps[..end]
        .iter()
        .all(|step| step.undo == Undo::Nothing)
}

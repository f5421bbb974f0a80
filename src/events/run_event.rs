//! What can happen while something runs.

use schemars::JsonSchema;
use serde::Serialize;

use super::StandbyStage;
use crate::plan::{Check, JournalEvent, OperationFinding, OperationOutcome, Plan, StepName};

/// Something that has happened while an operation, a backup or a restore test runs.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    tag = "event"
)]
pub enum RunEvent {
    /// A plan was made. It is run when somebody agrees to it.
    Planned {
        /// What it does, in words.
        title: String,
        /// Its steps, in order.
        steps: Vec<StepName>,
    },
    /// No plan was made; nothing was changed.
    Refused {
        /// What was asked for, in words.
        title: String,
        /// All that was checked.
        checks: Vec<Check>,
    },
    /// The operation was agreed to and has begun.
    Started {
        /// Who started it: user, machine and process.
        by: String,
    },
    /// Somebody goes on with an operation that was interrupted.
    Resumed {
        /// Who goes on: user, machine and process.
        by: String,
    },
    /// Somebody wants an operation put back.
    AbortAsked {
        /// Who asks: user, machine and process.
        by: String,
    },
    /// A step begins: what it needs is looked at.
    StepBegan {
        /// Its number, from 1.
        number: usize,
        /// How many steps the plan has.
        of: usize,
        /// By its stable name.
        step: StepName,
        /// What it does, in words.
        title: String,
    },
    /// What a step needs holds. From here on its action may have been done, wholly or in part; told
    /// once more when it is tried again.
    StepActing {
        /// By its stable name.
        step: StepName,
    },
    /// It did not work yet and is tried again.
    StepRetrying {
        /// By its stable name.
        step: StepName,
        /// Why it did not work.
        reason: String,
    },
    /// What it waits for does not hold yet.
    StepWaiting {
        /// By its stable name.
        step: StepName,
        /// Why it does not hold.
        reason: String,
    },
    /// It is done and proven.
    StepCompleted {
        /// By its stable name.
        step: StepName,
        /// How long it took, in seconds.
        seconds: f64,
    },
    /// It had been done before the interruption.
    StepFoundDone {
        /// By its stable name.
        step: StepName,
    },
    /// It failed, and the operation goes on.
    StepReported {
        /// By its stable name.
        step: StepName,
        /// The failure, with the object that it is about.
        reason: String,
    },
    /// It failed, and the operation stops.
    StepFailed {
        /// By its stable name.
        step: StepName,
        /// The failure, with the object that it is about.
        reason: String,
    },
    /// A step is being put back.
    StepUndoing {
        /// By its stable name.
        step: StepName,
    },
    /// It is put back, and that is proven.
    StepUndone {
        /// By its stable name.
        step: StepName,
    },
    /// A step could not be put back, and the rest is.
    StepLeft {
        /// By its stable name.
        step: StepName,
        /// Why not, and what is left.
        reason: String,
    },
    /// A standby that is waited for has come further.
    StandbyProgress {
        /// Name of its pod.
        pod: String,
        /// Where it is now.
        stage: StandbyStage,
    },
    /// Somebody looks before this step is begun, as was asked for.
    Paused {
        /// By its stable name.
        step: StepName,
    },
    /// Something was learnt.
    Found {
        /// What the journal, the report and later steps need.
        finding: OperationFinding,
    },
    /// The operation has ended.
    Ended {
        /// What became of it: done, rolled back or replaced.
        outcome: OperationOutcome,
    },
    /// It is settled from where a backup is taken.
    SourceChosen {
        /// The pod whose server is dumped or copied.
        pod: String,
        /// `primary` or `standby`.
        role: String,
        /// Why this one, in words.
        why: String,
        /// Where the backup is put.
        store: String,
    },
    /// A backup begins.
    BackupBegan {
        /// Id of the backup, as `pgctl backup list` shows it.
        id: String,
        /// How many archives it will have.
        archives: usize,
        /// Sum of the sizes of the databases, in bytes.
        database_bytes: u64,
    },
    /// How far a backup is, every few seconds.
    BackupProgress {
        /// Bytes received so far.
        received_bytes: u64,
        /// Of these, in a second.
        bytes_per_second: f64,
        /// Bytes that the server has read so far; none when that is not known.
        read_bytes: Option<u64>,
        /// Bytes that it will have read; none when that is not known.
        of_bytes: Option<u64>,
    },
    /// An archive of a backup is whole in the store.
    FileStored {
        /// Name of the archive within the backup.
        file: String,
        /// Bytes in the store.
        bytes: u64,
    },
    /// How much of an archive was sent to where it is restored, every few seconds.
    UploadProgress {
        /// Name of the archive within the backup.
        file: String,
        /// Bytes sent so far.
        bytes: u64,
        /// How many there are in all.
        of_bytes: u64,
    },
    /// What a restore replaces is in a backup.
    SafetyBackupTaken {
        /// Id of the backup, as `pgctl backup list` shows it.
        backup: String,
    },
    /// How much of a backup was read, every few seconds.
    ReadProgress {
        /// Id of the backup, as `pgctl backup list` shows it.
        backup: String,
        /// Bytes read so far.
        bytes: u64,
        /// How many there are in all.
        of_bytes: u64,
    },
    /// A throw-away server is made for a restore test.
    RestoreTestBegan {
        /// Id of the backup.
        backup: String,
        /// Version of the server, such as `15.18`.
        server: String,
    },
    /// An archive was restored into it.
    FileRestored {
        /// Name of the archive within the backup.
        file: String,
    },
    /// Everything is restored and is looked at.
    LookingAtTables,
    /// Something that stops nothing.
    Warning {
        /// What it is, in words.
        message: String,
    },
    /// The command has ended: always the last line.
    Exited {
        /// The exit code of the process (docs/exit-codes.md).
        exit_code: u8,
        /// Why it failed; none when it did not, or says so in its result.
        error: Option<EventError>,
    },
}

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventError {
    /// What happened.
    pub what: String,
    /// On which object, when on one.
    pub object: Option<String>,
    /// Causes, outermost first.
    pub why: Vec<String>,
    /// What to type next.
    pub next: Vec<String>,
}

impl RunEvent {
    /// Something that stops nothing.
    pub fn warning(message: impl Into<String>) -> Self {
        Self::Warning {
            message: message.into(),
        }
    }

    /// What the journal keeps of it; none of what nobody has to know to go on.
    pub fn journaled(&self) -> Option<JournalEvent> {
        Some(match self.clone() {
            Self::Started { by } => JournalEvent::Started { by },
            Self::Resumed { by } => JournalEvent::Resumed { by },
            Self::AbortAsked { by } => JournalEvent::AbortAsked { by },
            Self::StepActing { step } => JournalEvent::Began { step },
            Self::StepCompleted { step, seconds } => JournalEvent::Completed { step, seconds },
            // How long it took is not known any more.
            Self::StepFoundDone { step } => JournalEvent::Completed { step, seconds: 0.0 },
            Self::StepReported { step, reason } => JournalEvent::Reported { step, reason },
            Self::StepFailed { step, reason } => JournalEvent::Failed { step, reason },
            Self::StepUndoing { step } => JournalEvent::UndoBegan { step },
            Self::StepUndone { step } => JournalEvent::Undone { step },
            Self::StepLeft { step, reason } => JournalEvent::Left { step, reason },
            Self::Paused { step } => JournalEvent::Paused { step },
            Self::Found { finding } => JournalEvent::Found(finding),
            Self::Ended { outcome } => JournalEvent::Ended { outcome },
            Self::Planned { .. }
            | Self::Refused { .. }
            | Self::StepBegan { .. }
            | Self::StepRetrying { .. }
            | Self::StepWaiting { .. }
            | Self::StandbyProgress { .. }
            | Self::SourceChosen { .. }
            | Self::BackupBegan { .. }
            | Self::BackupProgress { .. }
            | Self::FileStored { .. }
            | Self::UploadProgress { .. }
            | Self::SafetyBackupTaken { .. }
            | Self::ReadProgress { .. }
            | Self::RestoreTestBegan { .. }
            | Self::FileRestored { .. }
            | Self::LookingAtTables
            | Self::Warning { .. }
            | Self::Exited { .. } => return None,
        })
    }
}

/// Reads the stream of an operation.
pub trait Reporter: Sync {
    /// Called for each event, in order.
    fn report(&self, plan: &Plan, event: &RunEvent);
}

impl<F: Fn(&Plan, &RunEvent) + Sync> Reporter for F {
    fn report(&self, plan: &Plan, event: &RunEvent) {
        self(plan, event);
    }
}

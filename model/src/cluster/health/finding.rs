//! A finding, and how findings make a verdict.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// The answer, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum HealthVerdict {
    /// Nothing to do.
    Healthy,
    /// It serves, but something needs a person soon.
    Degraded,
    /// Writes fail, or data is in danger: now.
    Critical,
}

impl fmt::Display for HealthVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Healthy => "HEALTHY",
            Self::Degraded => "DEGRADED",
            Self::Critical => "CRITICAL",
        })
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Writes fail, or data is in danger.
    Critical,
    /// It serves, but with less safety or room than wanted.
    Warning,
    /// Good to know; does not change the verdict.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// What is wrong, as a stable word for scripts. The order is the order of urgency: within a
/// severity the first is what a person should deal with first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FindingCode {
    /// More than one pod is out of recovery.
    SplitBrain,
    /// A pod holds data of another cluster.
    OtherSystem,
    /// The pod that is to be primary has an empty or missing volume.
    EmptyPrimaryVolume,
    /// No pod is out of recovery.
    NoPrimary,
    /// The primary does not answer pgctl, and others tell that it is alive.
    PrimarySilent,
    /// The only primary is told to refuse writes.
    ReadOnlyPrimary,
    /// The write Service leads to a pod that is not the primary.
    WriteServiceAstray,
    /// The write Service leads to nothing, or does not exist.
    WriteServiceEmpty,
    /// Commits wait for a synchronous standby that is not there.
    SynchronousStandbyMissing,
    /// Commits do not wait for the standbys that they were said to wait for.
    SynchronousNamesDiffer,
    /// The autoscaler may delete the pod that is primary.
    AutoscalerMayDeletePrimary,
    /// Several autoscalers scale one StatefulSet.
    SeveralAutoscalers,
    /// A volume is being deleted: its data goes with the pod that has it.
    VolumeDeleting,
    /// A volume is full or nearly so.
    DiskFull,
    /// No standby streams: nothing to fail over to.
    NoStandby,
    /// Settings in a pod's files would end recovery, or hold it up.
    RecoverySettings,
    /// A standby that starts would not be let in.
    StandbysKeptOut,
    /// The certificate of a server expires soon, or has expired.
    CertificateExpires,
    /// The configuration files of a pod can't be read.
    ConfigurationMistake,
    /// Servers take no `ALTER SYSTEM`, by which standbys are pointed at another primary.
    AlterSystemOff,
    /// Applications have taken every connection.
    ConnectionsExhausted,
    /// A standby is on another timeline than the primary.
    OtherTimeline,
    /// The start script will not start PostgreSQL on this volume.
    StartRefused,
    /// The start script holds PostgreSQL back.
    StartWaiting,
    /// The node does not report.
    NodeNotReady,
    /// A pod can't be scheduled.
    PodUnscheduled,
    /// A container is not running.
    PodDown,
    /// A container runs, and its database does not answer.
    DatabaseSilent,
    /// A pod has been terminating for longer than it may take.
    PodTerminating,
    /// A container restarted lately.
    PodRestarting,
    /// A slot's WAL is gone: its standby must be cloned anew.
    SlotLost,
    /// A standby is not streaming.
    StandbyNotStreaming,
    /// Replay is paused on a standby.
    ReplayPaused,
    /// A standby replays late: it is told to, or queries on it hold its replay up.
    ReplayDelayed,
    /// A standby is behind by more than the limit.
    StandbyBehind,
    /// A slot that nobody uses holds WAL back.
    InactiveSlot,
    /// The read Service leads to nothing, or does not exist.
    ReadServiceEmpty,
    /// The read Service leads to a pod that is not in recovery.
    ReadServiceAstray,
    /// Fewer pods than wanted.
    ReplicasMissing,
    /// The autoscaler can't add more.
    AutoscalerAtMaximum,
    /// An operation was begun and has not ended.
    OperationUnfinished,
    /// The journal of operations is there and can't be read.
    JournalUnreadable,
    /// A pod that may accept writes was to be stopped, and that was never proven.
    StopUnproven,
    /// A finalizer of pgctl keeps the object of a pod that has ended.
    RecordHeld,
    /// The recorded topology names another pod than the one that is primary.
    TopologyDiffers,
    /// WAL archiving fails.
    ArchivingFails,
    /// WAL archiving gets nowhere: its command hangs.
    ArchivingHangs,
    /// A server presents another certificate than its Secret has by now.
    CertificateNotTaken,
    /// Settings wait for a restart.
    RestartPending,
    /// Pods were made from an older template than their StatefulSet has.
    OlderRevision,
    /// A container runs, but Kubernetes does not count the pod as ready.
    PodNotReady,
    /// The autoscaler can't see its metrics, or can't change the number of pods.
    AutoscalerBlind,
    /// A throw-away server (`pgctl restore --into`) is there, is being made, or was never finished.
    ThrowAwayLeft,
    /// Something could not be looked at.
    Unseen,
}

impl FindingCode {
    /// All of them, in the order of urgency.
    pub const ALL: &'static [Self] = &[
        Self::SplitBrain,
        Self::OtherSystem,
        Self::EmptyPrimaryVolume,
        Self::NoPrimary,
        Self::PrimarySilent,
        Self::ReadOnlyPrimary,
        Self::WriteServiceAstray,
        Self::WriteServiceEmpty,
        Self::SynchronousStandbyMissing,
        Self::SynchronousNamesDiffer,
        Self::AutoscalerMayDeletePrimary,
        Self::SeveralAutoscalers,
        Self::VolumeDeleting,
        Self::DiskFull,
        Self::NoStandby,
        Self::RecoverySettings,
        Self::StandbysKeptOut,
        Self::CertificateExpires,
        Self::ConfigurationMistake,
        Self::AlterSystemOff,
        Self::ConnectionsExhausted,
        Self::OtherTimeline,
        Self::StartRefused,
        Self::StartWaiting,
        Self::NodeNotReady,
        Self::PodUnscheduled,
        Self::PodDown,
        Self::DatabaseSilent,
        Self::PodTerminating,
        Self::PodRestarting,
        Self::SlotLost,
        Self::StandbyNotStreaming,
        Self::ReplayPaused,
        Self::ReplayDelayed,
        Self::StandbyBehind,
        Self::InactiveSlot,
        Self::ReadServiceEmpty,
        Self::ReadServiceAstray,
        Self::ReplicasMissing,
        Self::AutoscalerAtMaximum,
        Self::OperationUnfinished,
        Self::JournalUnreadable,
        Self::StopUnproven,
        Self::RecordHeld,
        Self::TopologyDiffers,
        Self::ArchivingFails,
        Self::ArchivingHangs,
        Self::CertificateNotTaken,
        Self::RestartPending,
        Self::OlderRevision,
        Self::PodNotReady,
        Self::AutoscalerBlind,
        Self::ThrowAwayLeft,
        Self::Unseen,
    ];
}

impl fmt::Display for FindingCode {
    /// The word that JSON has.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// A Kubernetes object, or something inside PostgreSQL, as `kind/name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRef {
    /// `cluster`, `pod`, `service`, `slot`, ... in kubectl's short lower-case words.
    pub kind: String,
    /// `metadata.name`, or the pod and the name of what is in its server (`POD/SLOT`).
    pub name: String,
}

impl ObjectRef {
    /// `kind` in small letters, as kubectl takes it; `name` without the namespace.
    pub fn new(kind: &str, name: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            name: name.to_owned(),
        }
    }

    /// A pod.
    pub fn pod(name: &str) -> Self {
        Self::new("pod", name)
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// Something that is wrong, or good to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthFinding {
    /// The word in documents; it never changes.
    pub code: FindingCode,
    /// Whether somebody has to act now, soon, or not at all.
    pub severity: Severity,
    /// The object that it is about, as kubectl names it.
    pub object: ObjectRef,
    /// What is wrong, one sentence without a full stop.
    pub what: String,
    /// Why, or what it leads to; may be empty.
    pub why: String,
    /// What to type next, each a command.
    pub next: Vec<String>,
}

impl HealthFinding {
    pub(super) fn new(
        severity: Severity,
        code: FindingCode,
        object: ObjectRef,
        what: impl Into<String>,
    ) -> Self {
        Self {
            code,
            severity,
            object,
            what: what.into(),
            why: String::new(),
            next: Vec::new(),
        }
    }

    pub(super) fn critical(code: FindingCode, object: ObjectRef, what: impl Into<String>) -> Self {
        Self::new(Severity::Critical, code, object, what)
    }

    pub(super) fn warning(code: FindingCode, object: ObjectRef, what: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, object, what)
    }

    pub(super) fn note(code: FindingCode, object: ObjectRef, what: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, object, what)
    }

    pub(super) fn why(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    pub(super) fn next(mut self, command: impl Into<String>) -> Self {
        self.next.push(command.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is added to the enum is in its schema by itself, and in the list only by hand.
    #[test]
    fn the_list_of_codes_has_all_of_them() {
        let schema = schemars::schema_for!(FindingCode).to_value().to_string();
        let words = schema.matches("\"const\"").count();
        assert_eq!(words, FindingCode::ALL.len());
        for code in FindingCode::ALL {
            assert!(schema.contains(&format!("\"{code}\"")), "{code}");
        }
        assert!(
            FindingCode::ALL.is_sorted_by(|a, b| a < b),
            "in order, each once"
        );
    }
}

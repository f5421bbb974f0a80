//! Checks: what was looked at before anything changes, and what it means.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a check asks. The order is the order of the table on the screen.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum CheckName {
    /// Nobody else runs an operation on this cluster.
    Lock,
    /// No operation was left unfinished.
    Unfinished,
    /// Every later step is permitted (SelfSubjectAccessReview).
    Permissions,
    /// One writable primary; none is an emergency, two a split brain.
    OnePrimary,
    /// Nothing shows that a primary that does not answer is alive.
    SignsOfLife,
    /// The old primary is, or will be, proven stopped before another is promoted.
    OldPrimary,
    /// It is given the time that its pod may take to stop.
    StopTimeout,
    /// The start script reads the topology, so that the old primary can't come back as one.
    StartScript,
    /// The pod that was asked for exists and is meant unambiguously.
    Target,
    /// Its pod is ready and stays.
    Ready,
    /// It is in recovery.
    Recovery,
    /// It is of the same system.
    System,
    /// It is on the same timeline.
    Timeline,
    /// It streams from the primary.
    Streaming,
    /// Nothing holds up its replay: no pause, no delay, no queries on it.
    Replay,
    /// It is not too far behind.
    Lag,
    /// No other standby is ahead of it.
    Ahead,
    /// Every other standby has a walsender there.
    Walsenders,
    /// Every other standby has a slot there.
    Slots,
    /// No other standby has a lower limit than the new primary.
    Settings,
    /// Standbys that start are let in.
    StandbyLogin,
    /// The configuration files have no mistake.
    Files,
    /// No setting in the files would end a standby's recovery.
    RecoverySettings,
    /// Commits will not wait for a synchronous standby that is not there.
    Synchronous,
    /// No query is in the way of what it has to replay.
    Queries,
    /// No base backup is running.
    BaseBackup,
    /// The archive has everything.
    Archive,
    /// No logical slot is lost.
    LogicalSlots,
    /// Prepared transactions survive.
    PreparedTransactions,
    /// Unlogged tables are emptied.
    UnloggedTables,
    /// The other standbys will follow.
    Followers,
    /// The autoscaler can't delete the new primary.
    Autoscaler,
    /// There is a write Service to point.
    WriteService,
    /// No GitOps tool reverts the changes.
    GitOps,
    /// The data volume is there.
    Volume,
    /// `pg_rewind` can work.
    Rewind,

    // Scaling, the autoscaler, synchronous replication.
    /// So many pods can be.
    Count,
    /// The primary's pod is not among those that go.
    PrimaryStays,
    /// Kubernetes accepts the bounds.
    Bounds,
    /// The autoscaler can measure what it is to go by.
    Metrics,
    // Restores.
    /// The backup is whole.
    Backup,
    /// It is of this cluster, or the operator should know that it is not.
    Cluster,
    /// The server can read it.
    Version,
    /// The machine can read it.
    Architecture,
    /// There is room for it beside what is there.
    Space,
    /// What will be restored, and what it replaces.
    Databases,
    /// The roles that it needs.
    Roles,
    /// The tablespaces that it was in.
    Tablespaces,
    /// The extensions that it needs.
    Extensions,
    /// Who is connected to what will be replaced.
    Connections,
    /// Whether what is replaced is backed up first.
    SafetyBackup,
    /// What is kept, and where.
    Kept,
}

impl CheckName {
    /// The name as the table and the documentation print it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Lock => "no other operation",
            Self::Unfinished => "nothing unfinished",
            Self::Permissions => "permissions",
            Self::OnePrimary => "one primary",
            Self::SignsOfLife => "signs of life",
            Self::OldPrimary => "old primary",
            Self::StopTimeout => "time to stop",
            Self::StartScript => "start script",
            Self::Target => "target",
            Self::Ready => "ready",
            Self::Recovery => "in recovery",
            Self::System => "same system",
            Self::Timeline => "same timeline",
            Self::Streaming => "streaming",
            Self::Replay => "replaying",
            Self::Lag => "lag",
            Self::Ahead => "furthest ahead",
            Self::Walsenders => "walsenders",
            Self::Slots => "slots",
            Self::Settings => "settings",
            Self::StandbyLogin => "standby login",
            Self::Files => "configuration files",
            Self::RecoverySettings => "recovery settings",
            Self::Synchronous => "synchronous commit",
            Self::Queries => "queries",
            Self::BaseBackup => "base backup",
            Self::Archive => "archive",
            Self::LogicalSlots => "logical slots",
            Self::PreparedTransactions => "prepared transactions",
            Self::UnloggedTables => "unlogged tables",
            Self::Followers => "other standbys",
            Self::Autoscaler => "autoscaler",
            Self::WriteService => "write Service",
            Self::GitOps => "GitOps",
            Self::Volume => "volume",
            Self::Rewind => "pg_rewind",
            Self::Count => "number of pods",
            Self::PrimaryStays => "primary stays",
            Self::Bounds => "bounds",
            Self::Metrics => "metrics",
            Self::Backup => "backup",
            Self::Cluster => "cluster",
            Self::Version => "version",
            Self::Architecture => "architecture",
            Self::Space => "space",
            Self::Databases => "databases",
            Self::Roles => "roles",
            Self::Tablespaces => "tablespaces",
            Self::Extensions => "extensions",
            Self::Connections => "connections",
            Self::SafetyBackup => "safety backup",
            Self::Kept => "kept",
        }
    }
}

impl fmt::Display for CheckName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

/// What a check found.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum CheckVerdict {
    /// As it should be.
    Pass,
    /// The operation goes on, and the operator should know.
    Warn,
    /// The operation does not start.
    Refuse,
}

/// One row of the table of checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What was looked at.
    pub check: CheckName,
    /// Whether it lets the plan pass, warns, or refuses it.
    pub verdict: CheckVerdict,
    /// What was seen, as a sentence.
    pub reason: String,
    /// What to type about it, when there is something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Check {
    /// As it should be.
    pub fn pass(check: CheckName, reason: impl Into<String>) -> Self {
        Self::new(check, CheckVerdict::Pass, reason)
    }

    /// Worth knowing.
    pub fn warn(check: CheckName, reason: impl Into<String>) -> Self {
        Self::new(check, CheckVerdict::Warn, reason)
    }

    /// Not like this.
    pub fn refuse(check: CheckName, reason: impl Into<String>) -> Self {
        Self::new(check, CheckVerdict::Refuse, reason)
    }

    fn new(check: CheckName, verdict: CheckVerdict, reason: impl Into<String>) -> Self {
        Self {
            check,
            verdict,
            reason: reason.into(),
            next: None,
        }
    }

    /// Adds what to type next.
    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// Whether it stands in the way.
    pub fn refuses(&self) -> bool {
        self.verdict == CheckVerdict::Refuse
    }
}

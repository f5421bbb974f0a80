//! Checks: what was looked at before anything changes, and what it means.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Makes the names, their words, and the list of them all from one table.
macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $title:literal;)*) => {
        /// What a check asks. The order is the order of the table on the screen.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        pub enum CheckName {
            $($(#[$doc])* #[serde(rename = $code)] $name,)*
        }

        impl CheckName {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The word that documents and stored plans have, and `docs/operation-checks.md`.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// The name as the table prints it.
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)*
                }
            }
        }
    };
}

// Stored plans have them: a name is never changed or taken away. A new one needs nothing more than its line and its section
// of `docs/operation-checks.md`: it is stored where the versions before it do not look.
names! {
    /// Nobody else runs an operation on this cluster.
    Lock = "lock", "no other operation";
    /// No operation was left unfinished.
    Unfinished = "unfinished", "nothing unfinished";
    /// Every later step is permitted (SelfSubjectAccessReview).
    Permissions = "permissions", "permissions";
    /// One writable primary; none is an emergency, two a split brain.
    OnePrimary = "one-primary", "one primary";
    /// Nothing shows that a primary that does not answer is alive.
    SignsOfLife = "signs-of-life", "signs of life";
    /// The old primary is, or will be, proven stopped before another is promoted.
    OldPrimary = "old-primary", "old primary";
    /// It is given the time that its pod may take to stop.
    StopTimeout = "stop-timeout", "time to stop";
    /// The start script reads the topology, so that the old primary can't come back as one.
    StartScript = "start-script", "start script";
    /// The pod that was asked for exists and is meant unambiguously.
    Target = "target", "target";
    /// What the pods were made from, and would be made from now, is known.
    Revision = "revision", "revision";
    /// Its pod is ready and stays.
    Ready = "ready", "ready";
    /// It is in recovery.
    Recovery = "recovery", "in recovery";
    /// It is of the same system.
    System = "system", "same system";
    /// It is on the same timeline.
    Timeline = "timeline", "same timeline";
    /// It streams from the primary.
    Streaming = "streaming", "streaming";
    /// Nothing holds up its replay: no pause, no delay, no queries on it.
    Replay = "replay", "replaying";
    /// It is not too far behind.
    Lag = "lag", "lag";
    /// No other standby is ahead of it.
    Ahead = "ahead", "furthest ahead";
    /// Every other standby has a walsender there.
    Walsenders = "walsenders", "walsenders";
    /// Every other standby has a slot there.
    Slots = "slots", "slots";
    /// No other standby has a lower limit than the new primary.
    Settings = "settings", "settings";
    /// Standbys that start are let in.
    StandbyLogin = "standby-login", "standby login";
    /// The configuration files have no mistake.
    Files = "files", "configuration files";
    /// No setting in the files would end a standby's recovery.
    RecoverySettings = "recovery-settings", "recovery settings";
    /// Commits will not wait for a synchronous standby that is not there.
    Synchronous = "synchronous", "synchronous commit";
    /// No query is in the way of what it has to replay.
    Queries = "queries", "queries";
    /// No base backup is running.
    BaseBackup = "base-backup", "base backup";
    /// The archive has everything.
    Archive = "archive", "archive";
    /// No logical slot is lost.
    LogicalSlots = "logical-slots", "logical slots";
    /// Prepared transactions survive.
    PreparedTransactions = "prepared-transactions", "prepared transactions";
    /// Unlogged tables are emptied.
    UnloggedTables = "unlogged-tables", "unlogged tables";
    /// The other standbys will follow.
    Followers = "followers", "other standbys";
    /// The autoscaler can't delete the new primary.
    Autoscaler = "autoscaler", "autoscaler";
    /// The clients of poolers will wait, in place of failing.
    Poolers = "poolers", "poolers";
    /// Poolers that somebody has paused by hand stay so.
    PausedPoolers = "paused-poolers", "paused poolers";
    /// There is a write Service to point.
    WriteService = "write-service", "write Service";
    /// No GitOps tool reverts the changes.
    GitOps = "git-ops", "GitOps";
    /// The data volume is there.
    Volume = "volume", "volume";
    /// The node is there, takes no new pods, and others do.
    Node = "node", "node";
    /// Disruption budgets let the pods go.
    Budgets = "budgets", "disruption budgets";
    /// What becomes of the clients of poolers on the node.
    EvictedPoolers = "evicted-poolers", "evicted poolers";
    /// What else of the cluster is on the node.
    OtherPods = "other-pods", "other pods";
    /// `pg_rewind` can work.
    Rewind = "rewind", "pg_rewind";

    // Scaling, the autoscaler, synchronous replication.
    /// So many pods can be.
    Count = "count", "number of pods";
    /// The primary's pod is not among those that go.
    PrimaryStays = "primary-stays", "primary stays";
    /// Kubernetes accepts the bounds.
    Bounds = "bounds", "bounds";
    /// The autoscaler can measure what it is to go by.
    Metrics = "metrics", "metrics";
    // Restores.
    /// The backup is whole.
    Backup = "backup", "backup";
    /// Where the recovery ends, and what will not be there.
    RecoveryTarget = "recovery-target", "recovery target";
    /// The archived WAL that leads there is whole.
    ArchivedWal = "archived-wal", "archived WAL";
    /// It is of this cluster, or the operator should know that it is not.
    Cluster = "cluster", "cluster";
    /// The server can read it.
    Version = "version", "version";
    /// The machine can read it.
    Architecture = "architecture", "architecture";
    /// There is room for it beside what is there.
    Space = "space", "space";
    /// What will be restored, and what it replaces.
    Databases = "databases", "databases";
    /// The roles that it needs.
    Roles = "roles", "roles";
    /// The tablespaces that it was in.
    Tablespaces = "tablespaces", "tablespaces";
    /// The extensions that it needs.
    Extensions = "extensions", "extensions";
    /// Who is connected to what will be replaced.
    Connections = "connections", "connections";
    /// Whether what is replaced is backed up first.
    SafetyBackup = "safety-backup", "safety backup";
    /// What is kept, and where.
    Kept = "kept", "kept";
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

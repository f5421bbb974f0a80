//! The registry: every check, by its stable code.

use std::fmt;

use serde::Serialize;

use crate::cluster::FindingCode;

/// What a check is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Everything that `pgctl status` finds.
    Health,
    /// What a failure would cost.
    Protection,
    /// Old rows and old transactions.
    Vacuum,
    /// Indexes.
    Indexes,
    /// Whether data are what they were, and have room to grow.
    Data,
    /// Who gets in, and what he may do.
    Security,
    /// Settings, versions, memory.
    Configuration,
    /// The autoscaler.
    Autoscaler,
    /// What deploys the cluster.
    GitOps,
    /// What the one who asks may do.
    Rights,
}

impl Group {
    /// Its title, as `docs/checks.md` has it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Health => "Health",
            Self::Protection => "Protection",
            Self::Vacuum => "Vacuum and wraparound",
            Self::Indexes => "Indexes",
            Self::Data => "Data",
            Self::Security => "Security",
            Self::Configuration => "Configuration",
            Self::Autoscaler => "Autoscaler",
            Self::GitOps => "GitOps",
            Self::Rights => "Rights",
        }
    }
}

/// Makes the registry: a check can't be without a code, a group, and the sentence that it passes with.
macro_rules! checks {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $group:ident, $passed:literal;)*) => {
        /// A check of `pgctl doctor` itself. Its code never changes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Check {
            $($(#[$doc])* $name,)*
        }

        impl Check {
            /// All of them, in the order in which they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word in documents and in `--check`; it never changes.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What it is about.
            pub const fn group(self) -> Group {
                match self { $(Self::$name => Group::$group,)* }
            }

            /// What is said when nothing was found.
            pub const fn passed(self) -> &'static str {
                match self { $(Self::$name => $passed,)* }
            }
        }
    };
}

checks! {
    /// No PodDisruptionBudget selects a pod.
    NoDisruptionBudget = "no-disruption-budget", Protection, "every pod is covered by a PodDisruptionBudget";
    /// Several instances share a node.
    SharedNode = "shared-node", Protection, "no two instances share a node";
    /// Several instances are in one zone.
    SharedZone = "shared-zone", Protection, "no two instances share a zone";
    /// Commits wait for no standby.
    AsynchronousOnly = "asynchronous-only", Protection, "commits wait for a standby";
    /// One standby only.
    SingleStandby = "single-standby", Protection, "there is more than one standby";
    /// No verified backup, or an old one.
    BackupMissing = "backup-missing", Protection, "there is a recent verified backup";
    /// The last backup was never restored anywhere.
    BackupNotRestored = "backup-not-restored", Protection, "the last backup was restored into a throw-away server";
    /// A slot may hold back WAL until the volume is full.
    WalUnlimited = "wal-unlimited", Protection, "max_slot_wal_keep_size limits what slots hold back";
    /// WAL is archived nowhere.
    NoArchive = "no-archive", Protection, "WAL is archived";
    /// The WAL archive does not lead to every moment up to now.
    WalArchiveIncomplete = "wal-archive-incomplete", Protection, "archived WAL leads to every moment up to now";
    /// Transaction ids run out.
    TransactionIdWraparound = "transaction-id-wraparound", Vacuum, "no database is near the end of its transaction ids";
    /// Multixact ids run out.
    MultixactWraparound = "multixact-wraparound", Vacuum, "no database is near the end of its multixact ids";
    /// Autovacuum is off.
    AutovacuumOff = "autovacuum-off", Vacuum, "autovacuum is on";
    /// Autovacuum does not keep up.
    AutovacuumBehind = "autovacuum-behind", Vacuum, "autovacuum keeps up with every table";
    /// A transaction holds vacuum back.
    OldTransaction = "old-transaction", Vacuum, "no transaction has been open for an hour";
    /// A prepared transaction that nobody ends.
    PreparedTransaction = "prepared-transaction", Vacuum, "no prepared transaction was forgotten";
    /// An index that is of no use, and costs all the same.
    InvalidIndex = "invalid-index", Indexes, "every index is valid";
    /// An index that no instance uses.
    UnusedIndex = "unused-index", Indexes, "every index is used on some instance";
    /// The system sorts in another way than when indexes were made.
    CollationMismatch = "collation-mismatch", Data, "collations are of the version that indexes were made with";
    /// Pages that are not what was written.
    ChecksumFailures = "checksum-failures", Data, "no page has failed its checksum";
    /// Nobody would notice such a page.
    ChecksumsOff = "checksums-off", Data, "data checksums are on";
    /// A sequence runs out.
    SequenceNearEnd = "sequence-near-end", Data, "every sequence has room";
    /// A failover empties these tables.
    UnloggedTables = "unlogged-tables", Data, "no table is unlogged";
    /// A crash may lose or spoil data.
    DurabilityOff = "durability-off", Data, "fsync and full_page_writes are on";
    /// A password that is guessed soon.
    WeakPassword = "weak-password", Security, "the Secret's passwords are long and in no list";
    /// One password for several things.
    SamePassword = "same-password", Security, "no two passwords of the Secret are the same";
    /// A role whose password is its name.
    PasswordIsName = "password-is-name", Security, "no role has its name as password";
    /// A password that is stored as MD5.
    Md5Password = "md5-password", Security, "every password is stored as SCRAM-SHA-256";
    /// Who comes over the network is let in without a password.
    TrustLogin = "trust-login", Security, "nobody is let in over the network without a password";
    /// A way in that shows the password, or little less.
    WeakLoginMethod = "weak-login-method", Security, "every login over the network is SCRAM-SHA-256 or better";
    /// Clients talk to the server in the open.
    TlsOff = "tls-off", Security, "no client talks to a server in the open";
    /// Applications are superusers.
    SuperuserApplication = "superuser-application", Security, "no application is a superuser";
    /// Every pod of Kubernetes reaches the server.
    NoNetworkPolicy = "no-network-policy", Security, "a NetworkPolicy says who reaches each pod";
    /// A pod may do more than it needs.
    PodSecurity = "pod-security", Security, "the pods may do no more than they need";
    /// Everybody may make things in the schema public.
    PublicSchemaCreate = "public-schema-create", Security, "the schema public is not everybody's";
    /// Memory settings that do not fit the container.
    MemorySettings = "memory-settings", Configuration, "memory settings fit the container's limit";
    /// Settings that differ between pods.
    SettingsDiffer = "settings-differ", Configuration, "all pods have the same settings";
    /// Versions that differ between pods.
    VersionsDiffer = "versions-differ", Configuration, "all pods run the same version";
    /// Machines that differ between pods.
    ArchitecturesDiffer = "architectures-differ", Configuration, "all pods run on the same architecture";
    /// The autoscaler can't tell how much is used.
    AutoscalerNoRequests = "autoscaler-no-requests", Autoscaler, "every container requests what the autoscaler measures";
    /// The autoscaler was paused.
    AutoscalerPaused = "autoscaler-paused", Autoscaler, "the autoscaler is not paused";
    /// A GitOps tool undoes a failover.
    GitOpsReverts = "git-ops-reverts", GitOps, "no tool undoes what a failover changes";
    /// An object is not as it was applied.
    DiffersFromApplied = "differs-from-applied", GitOps, "every object is as it was last applied";
    /// Who asks may not look at everything.
    RightsToLook = "rights-to-look", Rights, "you may look at everything";
    /// Who asks may not carry out every operation.
    RightsToOperate = "rights-to-operate", Rights, "you may carry out every operation";
}

/// The code of a check: one of the doctor's own, or a finding of `pgctl status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CheckCode {
    /// A finding of `pgctl status`.
    Health(FindingCode),
    /// One of the doctor's own.
    Own(Check),
}

impl CheckCode {
    /// Every code, in the order in which they are shown.
    pub fn all() -> impl Iterator<Item = Self> {
        let health = FindingCode::ALL.iter().copied().map(Self::Health);
        health.chain(Check::ALL.iter().copied().map(Self::Own))
    }

    /// What it is about.
    pub fn group(self) -> Group {
        match self {
            Self::Health(_) => Group::Health,
            Self::Own(check) => check.group(),
        }
    }

    /// The check of this code.
    pub fn find(code: &str) -> Option<Self> {
        Self::all().find(|it| it.to_string() == code)
    }
}

impl fmt::Display for CheckCode {
    /// The stable code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Health(code) => code.fmt(f),
            Self::Own(check) => f.write_str(check.code()),
        }
    }
}

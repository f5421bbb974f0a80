//! `manifest.json`: what a backup is. It is written last, so that a folder with a manifest is a
//! whole backup.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::compression::Method;
use super::digest::Fingerprint;
use crate::cluster::{ClusterId, Lsn, Timeline};

/// Name of the manifest in a backup's folder.
pub const MANIFEST_FILE: &str = "manifest.json";

/// Name of the record of the last verification in a backup's folder.
pub const VERIFIED_FILE: &str = "verified.json";

/// What a backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// All that `pg_dumpall` covers: roles, tablespaces, and every database, each in an archive of
    /// its own.
    Logical,
    /// One database (`pg_dump`, custom format).
    Database,
    /// The data directory with the WAL to start it (`pg_basebackup`).
    Physical,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Logical, Self::Database, Self::Physical];

    /// Its name, as in the manifest and in folder names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Logical => "logical",
            Self::Database => "database",
            Self::Physical => "physical",
        }
    }
}

/// What an archive holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "content")]
pub enum Content {
    /// Roles and tablespaces, as SQL (`pg_dumpall --globals-only`).
    Globals,
    /// A database, in the custom format of `pg_dump`.
    Database {
        /// Name of the database, as it was on the server.
        database: String,
        /// Its name in the archive, when it was dumped under another one: `pg_restore --create`
        /// makes it under that.
        #[serde(
            default,
            rename = "archivedAs",
            skip_serializing_if = "Option::is_none"
        )]
        archived_as: Option<String>,
        /// What is needed to make the same database under another name.
        definition: Box<DatabaseDefinition>,
    },
    /// A data directory, as a tar file with PostgreSQL's `backup_manifest` in it.
    BaseBackup,
}

/// How a database was made: what `CREATE DATABASE` needs to make its like.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseDefinition {
    /// Name of the role that owns it.
    pub owner: String,
    /// Encoding, such as `UTF8`.
    pub encoding: String,
    /// `LC_COLLATE`.
    pub collate: String,
    /// `LC_CTYPE`.
    pub ctype: String,
    /// Locale provider: `c` (libc), `i` (ICU), `b` (built in); none before PostgreSQL 15.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Its locale, of the providers `i` and `b`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// ICU's own rules on top of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icu_rules: Option<String>,
    /// `pg_database_size()`, in bytes.
    pub size_bytes: u64,
}

/// A file of the backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Archive {
    /// Its name in the backup's folder.
    pub file: String,
    /// What it holds.
    #[serde(flatten)]
    pub content: Content,
    /// How it is compressed (before it is encrypted).
    pub compression: Method,
    /// As it lies in the store.
    pub stored: Fingerprint,
    /// As it left the pod, and as it arrived here: compressed, not encrypted.
    pub sent: Fingerprint,
    /// Bytes before they were compressed.
    pub raw_bytes: u64,
}

/// Where a backup was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupSource {
    /// The cluster, by namespace and name.
    pub cluster: ClusterId,
    /// Name of the pod whose server was dumped or copied.
    pub pod: String,
    /// `primary` or `standby`, when the backup began.
    pub role: String,
    /// `uname -m` there: a base backup starts on the same architecture only.
    pub architecture: String,
    /// What `pg_dump --version` or `pg_basebackup --version` said.
    pub tool: String,
    /// The superuser that took it: one who can log in where a base backup is started.
    #[serde(default)]
    pub user: String,
    /// Where the tool ran: `exec` (in the pod) or `port-forward` (here).
    pub via: String,
}

/// The WAL that belongs to a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WalRange {
    /// The timeline that both positions are on.
    pub timeline: Timeline,
    /// Base backup: where replay begins. Logical: the position (written, or replayed on a
    /// standby) before the first snapshot.
    pub start: Lsn,
    /// Base backup: where it is consistent. Logical: the position after the last dump.
    pub end: Lsn,
}

/// The manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// `pgctl/v1`.
    pub api_version: String,
    /// `Backup`.
    pub kind: String,
    /// Name of the backup's folder.
    pub id: String,
    /// Whether it holds SQL of databases or a data directory.
    #[serde(rename = "type")]
    pub backup: Kind,
    /// What a person called it (`--label`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Where it was taken.
    pub source: BackupSource,
    /// `server_version_num`, such as 150018.
    pub server_version: u32,
    /// Of `pg_control_system()`, as a decimal.
    pub system_identifier: String,
    /// The WAL that belongs to it.
    pub wal: WalRange,
    /// When the backup began, by pgctl's own clock.
    pub started: Timestamp,
    /// When its last byte had arrived.
    pub ended: Timestamp,
    /// Version of pgctl.
    pub pgctl_version: String,
    /// The recipients (`age1...`) it is encrypted for; empty: not encrypted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub encrypted_for: Vec<String>,
    /// Databases that it lacks, because nobody could connect to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// The archives, each with its size and its checksums.
    pub archives: Vec<Archive>,
}

impl Manifest {
    /// The value of [`Manifest::api_version`].
    pub const API_VERSION: &'static str = "pgctl/v1";
    /// The value of [`Manifest::kind`].
    pub const KIND: &'static str = "Backup";

    /// Bytes of all archives in the store.
    pub fn stored_bytes(&self) -> u64 {
        self.archives
            .iter()
            .map(|archive| archive.stored.bytes)
            .sum()
    }

    /// Bytes of all archives, uncompressed.
    pub fn raw_bytes(&self) -> u64 {
        self.archives.iter().map(|archive| archive.raw_bytes).sum()
    }

    /// The archive that holds this database.
    pub fn database(&self, name: &str) -> Option<&Archive> {
        self.archives.iter().find(|archive| {
            matches!(&archive.content, Content::Database { database, .. } if database == name)
        })
    }
}

/// What reading a backup again from end to end found, the last time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// When it was read, by this machine's clock.
    pub at: Timestamp,
    /// Which backup: a record copied from another folder says nothing.
    pub id: String,
    /// The manifest that it was checked against.
    pub manifest: Fingerprint,
    /// Whether the content was read, too; an encrypted backup read without its identity is only
    /// compared byte for byte with what was stored.
    pub content: bool,
    /// What is wrong with it; empty: it is whole.
    pub problems: Vec<String>,
    /// How the last restore into a throw-away server went, when there was one. It says nothing about
    /// the other fields: a library that this machine lacks fails it, too.
    // The name that it has had in stored records from the first.
    #[serde(default, rename = "rehearsal", skip_serializing_if = "Option::is_none")]
    pub restore_test: Option<RestoreTest>,
    /// The last one of the other kind, when there was one: with archived WAL where `restore_test` was without, or the other way
    /// round.
    #[serde(
        default,
        rename = "otherRehearsal",
        skip_serializing_if = "Option::is_none"
    )]
    pub other_restore_test: Option<RestoreTest>,
}

impl Verification {
    /// The last restore test of each kind, the newest first.
    pub fn restore_tests(&self) -> impl Iterator<Item = &RestoreTest> {
        self.restore_test.iter().chain(&self.other_restore_test)
    }

    /// Takes in a restore test that was made after those that are known. The last one of the other kind stays known: that a base
    /// backup can be restored says nothing of the WAL behind it.
    pub fn remember(&mut self, test: RestoreTest) {
        let known = [self.restore_test.take(), self.other_restore_test.take()];
        self.other_restore_test = known
            .into_iter()
            .flatten()
            .find(|it| it.with_wal() != test.with_wal());
        self.restore_test = Some(test);
    }
}

/// How a restore into a throw-away server went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreTest {
    /// When the test ended, by this machine's clock.
    pub at: Timestamp,
    /// Version of the throw-away server, such as `15.18`.
    pub server: String,
    /// Whether `pg_amcheck` looked at every table and index; else the rows were only counted.
    pub amcheck: bool,
    /// How many databases were restored and looked at.
    pub databases: u64,
    /// Tables in them, the system's own, too.
    pub tables: u64,
    /// Rows that were counted in those tables.
    pub rows: u64,
    /// How many segments of archived WAL were replayed after the backup's own; none: only that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wal_segments: Option<u64>,
    /// Why it did not work, in the words of PostgreSQL's tools; empty: it did.
    pub problems: Vec<String>,
}

impl RestoreTest {
    /// Whether archived WAL was to be replayed, too.
    pub const fn with_wal(&self) -> bool {
        self.wal_segments.is_some()
    }
}

/// What a restore test proves: one kind says nothing of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RestoreTestKind {
    /// That SQL can be loaded.
    Logical,
    /// That a data directory starts.
    Physical,
    /// That all of the archived WAL behind a data directory can be replayed.
    PhysicalWithWal,
}

impl RestoreTestKind {
    /// Of a test of such a backup.
    pub const fn of(backup: Kind, test: &RestoreTest) -> Self {
        match (backup, test.with_wal()) {
            (Kind::Logical | Kind::Database, _) => Self::Logical,
            (Kind::Physical, false) => Self::Physical,
            (Kind::Physical, true) => Self::PhysicalWithWal,
        }
    }

    /// Its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Logical => "logical",
            Self::Physical => "physical",
            Self::PhysicalWithWal => "physical-with-wal",
        }
    }
}

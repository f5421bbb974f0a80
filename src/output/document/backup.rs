//! `kind: Backup`, `BackupList`, `BackupVerification` and `BackupPruning`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::API_VERSION;
use super::backup_copies::{ComparisonDocument, CopyEndDocument};
use super::status::ClusterDocument;
use crate::backup::catalogue::{Catalogue, Entry};
use crate::backup::copy::Comparison;
use crate::backup::format::{Archive, Content, Manifest, RestoreTest, Verification};
use crate::cluster::Lsn;
use crate::output::backup::{Pruning, Undeleted, WalPruning, reason};
use crate::output::backup_copies::CopyEnd;

/// A file of a backup.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct ArchiveDocument {
    /// Its name in the backup's folder.
    file: String,
    /// `globals`, `database` or `base-backup`.
    content: &'static str,
    /// Name of the database, when it holds one.
    database: Option<String>,
    /// `zstd`, `gzip` or `none`.
    compression: &'static str,
    /// As it lies in the store.
    stored_bytes: u64,
    /// SHA-256 of what lies in the store.
    stored_sha256: String,
    /// As it left the pod, in bytes.
    sent_bytes: u64,
    /// SHA-256 of what left the pod.
    sent_sha256: String,
    /// Bytes before they were compressed.
    raw_bytes: u64,
}

impl From<&Archive> for ArchiveDocument {
    fn from(archive: &Archive) -> Self {
        let (content, database) = match &archive.content {
            Content::Globals => ("globals", None),
            Content::Database { database, .. } => ("database", Some(database.clone())),
            Content::BaseBackup => ("base-backup", None),
        };
        Self {
            file: archive.file.clone(),
            content,
            database,
            compression: archive.compression.name(),
            stored_bytes: archive.stored.bytes,
            stored_sha256: archive.stored.sha256.clone(),
            sent_bytes: archive.sent.bytes,
            sent_sha256: archive.sent.sha256.clone(),
            raw_bytes: archive.raw_bytes,
        }
    }
}

/// What a backup is.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct BackupFacts {
    /// `logical`, `database` or `physical`.
    r#type: &'static str,
    /// What a person called it.
    label: Option<String>,
    /// Namespace and name of the cluster that it was taken of.
    cluster: ClusterDocument,
    /// The pod that it was taken from.
    pod: String,
    /// What that pod was: `primary` or `standby`.
    role: String,
    /// `server_version_num`, such as 150018.
    server_version: u32,
    /// System identifier, as a decimal.
    system_identifier: String,
    /// The timeline that both positions are on.
    timeline: u32,
    /// Where its WAL begins.
    start_lsn: String,
    /// Where its WAL ends.
    end_lsn: String,
    /// When the backup began, by pgctl's own clock.
    started_at: Timestamp,
    /// When its last byte had arrived.
    ended_at: Timestamp,
    /// The recipients that it is encrypted for.
    encrypted_for: Vec<String>,
    /// Databases that it lacks, because nobody could connect to them.
    left_out: Vec<String>,
    /// Sum of its files in the store, in bytes.
    stored_bytes: u64,
    /// Sum of its files uncompressed, in bytes.
    raw_bytes: u64,
    /// The archives, each with its size and its checksums.
    archives: Vec<ArchiveDocument>,
}

impl From<&Manifest> for BackupFacts {
    fn from(manifest: &Manifest) -> Self {
        Self {
            r#type: manifest.backup.name(),
            label: manifest.label.clone(),
            cluster: (&manifest.source.cluster).into(),
            pod: manifest.source.pod.clone(),
            role: manifest.source.role.clone(),
            server_version: manifest.server_version,
            system_identifier: manifest.system_identifier.clone(),
            timeline: manifest.wal.timeline.0,
            start_lsn: manifest.wal.start.to_string(),
            end_lsn: manifest.wal.end.to_string(),
            started_at: manifest.started,
            ended_at: manifest.ended,
            encrypted_for: manifest.encrypted_for.clone(),
            left_out: manifest.left_out.clone(),
            stored_bytes: manifest.stored_bytes(),
            raw_bytes: manifest.raw_bytes(),
            archives: manifest.archives.iter().map(Into::into).collect(),
        }
    }
}

/// A backup that was taken (`pgctl backup -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "Backup", deny_unknown_fields)]
pub struct BackupDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `Backup`.
    #[schemars(extend("const" = "Backup"))]
    kind: &'static str,
    /// The store, as `--store` takes it.
    store: String,
    /// The backup's name in the store.
    id: String,
    /// What it is.
    backup: BackupFacts,
    /// The second store that was to have it, too (`--copy-to`); `null` when none was.
    copy: Option<CopyEndDocument>,
}

impl BackupDocument {
    /// What `-o json` and `-o yaml` print of it.
    pub fn new(store: &str, manifest: &Manifest, copy: Option<&CopyEnd>) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "Backup",
            store: store.to_owned(),
            id: manifest.id.clone(),
            backup: manifest.into(),
            copy: copy.map(Into::into),
        }
    }
}

/// How a restore into a throw-away server went (`pgctl backup verify --restore-test`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct RestoreTestDocument {
    /// When the test ended.
    at: Timestamp,
    /// Whether it worked.
    restored: bool,
    /// Version of the throw-away server, such as `15.18`.
    server: String,
    /// Whether `pg_amcheck` looked at every table and index; else the rows were only read.
    amcheck: bool,
    /// How many databases were restored and looked at.
    databases: u64,
    /// Tables in them, the system's own, too.
    tables: u64,
    /// Rows that were counted in those tables.
    rows: u64,
    /// How many segments of archived WAL were replayed, to the last that there was (`--to-latest`); none:
    /// the backup's own WAL alone.
    wal_segments: Option<u64>,
    /// Why it did not work; nothing is said about the backup's files by that.
    problems: Vec<String>,
}

impl From<&RestoreTest> for RestoreTestDocument {
    fn from(test: &RestoreTest) -> Self {
        Self {
            at: test.at,
            restored: test.problems.is_empty(),
            server: test.server.clone(),
            amcheck: test.amcheck,
            databases: test.databases,
            tables: test.tables,
            rows: test.rows,
            wal_segments: test.wal_segments,
            problems: test.problems.clone(),
        }
    }
}

/// A backup in a list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct ListedDocument {
    /// The backup's name in the store.
    id: String,
    /// What it is; none when its manifest can't be trusted.
    backup: Option<BackupFacts>,
    /// When it was last known to be whole; none when it is broken.
    verified_at: Option<Timestamp>,
    /// What is wrong with it, as far as is known.
    problems: Vec<String>,
    /// How its last restore into a throw-away server went, when there was one.
    restore_test: Option<RestoreTestDocument>,
}

impl From<&Entry> for ListedDocument {
    fn from(entry: &Entry) -> Self {
        Self {
            id: entry.id.clone(),
            backup: entry.manifest.as_ref().ok().map(Into::into),
            verified_at: entry.verified(),
            problems: entry.problems(),
            restore_test: entry.restore_test().map(Into::into),
        }
    }
}

/// The backups of a store (`pgctl backup list -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "BackupList", deny_unknown_fields)]
pub struct BackupListDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `BackupList`.
    #[schemars(extend("const" = "BackupList"))]
    kind: &'static str,
    /// The store, as `--store` takes it.
    store: String,
    /// The backups, oldest first.
    backups: Vec<ListedDocument>,
    /// Names of what was begun and is not finished: no backups.
    unfinished: Vec<String>,
}

impl BackupListDocument {
    /// What `-o json` and `-o yaml` print of it.
    pub fn new(store: &str, catalogue: &Catalogue) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "BackupList",
            store: store.to_owned(),
            backups: catalogue.entries.iter().map(Into::into).collect(),
            unfinished: catalogue.partial.clone(),
        }
    }
}

/// What reading one backup found.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct VerifiedDocument {
    /// The backup's name in the store.
    id: String,
    /// When it was read.
    verified_at: Timestamp,
    /// Whether it is whole.
    whole: bool,
    /// Whether its content was read; not of an encrypted one without its key.
    content: bool,
    /// What is wrong with it.
    problems: Vec<String>,
    /// How its last restore into a throw-away server went, now or earlier, when there was one.
    restore_test: Option<RestoreTestDocument>,
}

/// What reading backups found (`pgctl backup verify -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "BackupVerification", deny_unknown_fields)]
pub struct VerificationDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `BackupVerification`.
    #[schemars(extend("const" = "BackupVerification"))]
    kind: &'static str,
    /// The store, as `--store` takes it.
    store: String,
    /// What was found, in the order asked.
    backups: Vec<VerifiedDocument>,
    /// How the copies in a second store compare (`--compare`); `null` when that was not asked.
    comparison: Option<ComparisonDocument>,
}

impl VerificationDocument {
    /// What `-o json` and `-o yaml` print of it. `compared`: with the second store of this location.
    pub fn new(
        store: &str,
        results: &[Verification],
        compared: Option<(&str, &[Comparison])>,
    ) -> Self {
        let one = |result: &Verification| VerifiedDocument {
            id: result.id.clone(),
            verified_at: result.at,
            whole: result.problems.is_empty(),
            content: result.content,
            problems: result.problems.clone(),
            restore_test: result.restore_test.as_ref().map(Into::into),
        };
        Self {
            api_version: API_VERSION,
            kind: "BackupVerification",
            store: store.to_owned(),
            backups: results.iter().map(one).collect(),
            comparison: compared.map(|(store, compared)| ComparisonDocument::new(store, compared)),
        }
    }
}

/// What is to become of one backup.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct VerdictDocument {
    /// The backup's name in the store.
    id: String,
    /// Whether it stays.
    keep: bool,
    /// Why it stays.
    reasons: Vec<&'static str>,
}

/// What was pruned (`pgctl backup prune -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "BackupPruning", deny_unknown_fields)]
pub struct PruningDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `BackupPruning`.
    #[schemars(extend("const" = "BackupPruning"))]
    kind: &'static str,
    /// The store, as `--store` takes it.
    store: String,
    /// Whether it was only looked at.
    dry_run: bool,
    /// What is to become of each, newest first.
    verdicts: Vec<VerdictDocument>,
    /// Begun long ago and never finished: deleted, too.
    unfinished: Vec<String>,
    /// Left alone because their manifest can't be trusted.
    unreadable: Vec<String>,
    /// Ids of the backups that were deleted.
    deleted: Vec<String>,
    /// What could not be deleted.
    failed: Vec<Undeleted>,
    /// Archived WAL that no backup that stays needs.
    wal: Vec<WalPruningDocument>,
}

/// What is to become of the WAL of one archive.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct WalPruningDocument {
    /// Path of the archive in the store.
    folder: String,
    /// What ends before this position goes; `null` when nothing does.
    before: Option<Lsn>,
    /// How many segments go.
    segments: u64,
    /// Bytes of those in the store.
    stored_bytes: u64,
    /// How many objects are gone.
    deleted: usize,
    /// Why nothing goes, or why something could not be deleted.
    problem: Option<String>,
}

impl From<&WalPruning> for WalPruningDocument {
    fn from(wal: &WalPruning) -> Self {
        let expired = wal.expired.as_ref().ok();
        let failed = wal.failed.as_ref();
        let failed = failed.map(|it| format!("{}: {}", it.path, it.reason));
        Self {
            folder: wal.folder.clone(),
            before: expired.map(|it| it.before),
            segments: expired.map_or(0, |it| it.segments),
            stored_bytes: expired.map_or(0, |it| it.stored_bytes),
            deleted: wal.deleted,
            problem: wal.expired.as_ref().err().cloned().or(failed),
        }
    }
}

impl PruningDocument {
    /// What `-o json` and `-o yaml` print of it.
    pub fn new(pruning: &Pruning) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "BackupPruning",
            store: pruning.store.clone(),
            dry_run: pruning.dry_run,
            verdicts: pruning
                .verdicts
                .iter()
                .map(|verdict| VerdictDocument {
                    id: verdict.id.clone(),
                    keep: verdict.keep(),
                    reasons: verdict.reasons.iter().copied().map(reason).collect(),
                })
                .collect(),
            unfinished: pruning.given_up.clone(),
            unreadable: pruning.unreadable.clone(),
            deleted: pruning.deleted.clone(),
            failed: pruning.failed.clone(),
            wal: pruning.wal.iter().map(Into::into).collect(),
        }
    }
}

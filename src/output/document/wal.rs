//! `kind: WalArchiveList` and `WalVerification`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::API_VERSION;
use super::status::ClusterDocument;
use super::wal_protection::{GapDocument, RecoverableDocument};
use crate::cluster::{Lsn, Timeline};
use crate::output::wal::{ArchiveView, VerifiedArchive};
use crate::wal::WalRun;

/// Up to which moment all is stored.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct NewestDocument {
    /// The primary's timeline.
    timeline: Timeline,
    /// The position up to which all is stored.
    position: Lsn,
    /// By the server's clock: what was committed until then is stored.
    as_of: Timestamp,
    /// The last commit that is stored, by the server's clock.
    last_commit: Option<Timestamp>,
    /// Seconds since `asOf`, by this machine's clock.
    behind_seconds: f64,
}

/// Segments of one timeline without a hole.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct RangeDocument {
    /// The timeline.
    timeline: Timeline,
    /// The first position that is there.
    from: Lsn,
    /// The position after the last that is there.
    to: Lsn,
    /// How many segments.
    segments: u64,
    /// Bytes of their objects.
    stored_bytes: u64,
    /// When the first of them was stored.
    first_stored_at: Timestamp,
    /// When the last of them was stored.
    last_stored_at: Timestamp,
    /// The last commit in them, by the server's clock.
    last_commit: Option<Timestamp>,
}

impl From<&WalRun> for RangeDocument {
    fn from(run: &WalRun) -> Self {
        Self {
            timeline: run.timeline,
            from: run.from,
            to: run.to,
            segments: run.segments,
            stored_bytes: run.stored_bytes,
            first_stored_at: run.first_stored,
            last_stored_at: run.last_stored,
            last_commit: run.last_commit,
        }
    }
}

/// An archive of the WAL of one data directory.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct WalArchiveDocument {
    /// The cluster; `null` when the archive can't be read.
    cluster: Option<ClusterDocument>,
    /// System identifier, as a decimal.
    system_identifier: String,
    /// Its folder in the store.
    folder: String,
    /// Bytes of a segment.
    segment_bytes: Option<u64>,
    /// Bytes of all its segments in the store.
    stored_bytes: u64,
    /// The moments without a break up to the newest; `null` when there are none.
    recoverable: Option<RecoverableDocument>,
    /// Up to which moment all is stored; `null` when nobody has said so.
    newest: Option<NewestDocument>,
    /// What is there, by timeline and position.
    ranges: Vec<RangeDocument>,
    /// The places that no recovery crosses.
    gaps: Vec<GapDocument>,
    /// What of it can't be read.
    unreadable: Vec<String>,
}

impl WalArchiveDocument {
    fn new(archive: &ArchiveView, now: Timestamp) -> Self {
        let facts = archive.facts();
        let newest = facts.and_then(|it| it.newest.as_ref());
        Self {
            cluster: archive.cluster.as_ref().map(Into::into),
            system_identifier: archive.system_identifier.clone(),
            folder: archive.folder.clone(),
            segment_bytes: facts.map(|it| it.segment_size.bytes()),
            stored_bytes: facts.map_or(0, |it| it.stored_bytes()),
            recoverable: archive.recoverable().map(Into::into),
            newest: newest.map(|it| NewestDocument {
                timeline: it.timeline,
                position: it.position,
                as_of: it.as_of,
                last_commit: it.last_commit,
                behind_seconds: archive.behind(now).unwrap_or_default().as_secs_f64(),
            }),
            ranges: facts.map_or_else(Vec::new, |it| it.runs().iter().map(Into::into).collect()),
            gaps: archive.breaks().iter().map(Into::into).collect(),
            unreadable: archive.unreadables(),
        }
    }
}

/// The archives of a store (`pgctl wal list -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "WalArchiveList", deny_unknown_fields)]
pub struct WalArchiveListDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `WalArchiveList`.
    #[schemars(extend("const" = "WalArchiveList"))]
    kind: &'static str,
    /// The store, as `--store` takes it.
    store: String,
    /// The archives, by cluster and system identifier.
    archives: Vec<WalArchiveDocument>,
}

impl WalArchiveListDocument {
    /// What `-o json` and `-o yaml` print of it.
    pub fn new(store: &str, archives: &[ArchiveView], now: Timestamp) -> Self {
        let archives = archives.iter();
        Self {
            api_version: API_VERSION,
            kind: "WalArchiveList",
            store: store.to_owned(),
            archives: archives
                .map(|it| WalArchiveDocument::new(it, now))
                .collect(),
        }
    }
}

/// What reading one archive found.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct VerifiedWalDocument {
    /// The cluster; `null` when the archive can't be read.
    cluster: Option<ClusterDocument>,
    /// System identifier, as a decimal.
    system_identifier: String,
    /// Whether nothing is wrong, and nothing is missing behind the last base backup.
    whole: bool,
    /// Segments that were read.
    segments: u64,
    /// Records that were read in them.
    records: u64,
    /// Bytes that were read from the store.
    stored_bytes: u64,
    /// What is wrong.
    problems: Vec<String>,
}

/// What reading archives found (`pgctl wal verify -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "WalVerification", deny_unknown_fields)]
pub struct WalVerificationDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `WalVerification`.
    #[schemars(extend("const" = "WalVerification"))]
    kind: &'static str,
    /// The store, as `--store` takes it.
    store: String,
    /// What was found in each.
    archives: Vec<VerifiedWalDocument>,
}

impl WalVerificationDocument {
    /// What `-o json` and `-o yaml` print of it.
    pub fn new(store: &str, results: &[VerifiedArchive]) -> Self {
        let one = |it: &VerifiedArchive| VerifiedWalDocument {
            cluster: it.view.cluster.as_ref().map(Into::into),
            system_identifier: it.view.system_identifier.clone(),
            whole: it.is_whole(),
            segments: it.found.segments,
            records: it.found.records,
            stored_bytes: it.found.stored_bytes,
            problems: it.problems(),
        };
        Self {
            api_version: API_VERSION,
            kind: "WalVerification",
            store: store.to_owned(),
            archives: results.iter().map(one).collect(),
        }
    }
}

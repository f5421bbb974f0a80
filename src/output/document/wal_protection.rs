//! What an archive does for its cluster: a part of `ClusterStatus` and of `WalArchiveList`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cluster::{Lsn, Timeline};
use crate::wal::{BreakReason, GapReason, Recoverable, WalBreak, WalProtection};
use crate::wal_archive::LastArchive;

/// The moments that can be restored.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RecoverableDocument {
    /// The first: the end of the oldest base backup from which there is no break.
    from: Timestamp,
    /// The last, by the server's clock.
    to: Timestamp,
    /// The timeline of the last.
    timeline: Timeline,
    /// The position of the last.
    position: Lsn,
    /// The backup's name in the store.
    backup: String,
}

impl From<Recoverable> for RecoverableDocument {
    fn from(it: Recoverable) -> Self {
        Self {
            from: it.from,
            to: it.to,
            timeline: it.timeline,
            position: it.to_position,
            backup: it.backup,
        }
    }
}

/// A place that no recovery crosses.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct GapDocument {
    /// The timeline.
    timeline: Timeline,
    /// Where it begins.
    from: Lsn,
    /// Where it ends.
    to: Lsn,
    /// `removed-by-server`, `no-slot-after-failover`, `spool-lost`, `missing` or `several-contents`.
    reason: &'static str,
    /// Whether a base backup was taken after it.
    closed: bool,
}

impl From<&WalBreak> for GapDocument {
    fn from(it: &WalBreak) -> Self {
        Self {
            timeline: it.timeline,
            from: it.from,
            to: it.to,
            reason: match it.why {
                BreakReason::Recorded(GapReason::RemovedByServer) => "removed-by-server",
                BreakReason::Recorded(GapReason::NoSlotAfterFailover) => "no-slot-after-failover",
                BreakReason::Recorded(GapReason::SpoolLost) => "spool-lost",
                BreakReason::Missing => "missing",
                BreakReason::SeveralContents => "several-contents",
            },
            closed: it.closed,
        }
    }
}

/// What is archived of a cluster's WAL.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct WalProtectionDocument {
    /// The store, as `--store` takes it.
    store: String,
    /// The moments without a break up to the newest; `null` when there are none.
    recoverable: Option<RecoverableDocument>,
    /// By the server's clock: what was committed until then is stored. `null` when nobody has said so.
    as_of: Option<Timestamp>,
    /// Seconds since `asOf`.
    behind_seconds: Option<f64>,
    /// The places that no recovery crosses and behind which no base backup was taken.
    open_gaps: Vec<GapDocument>,
    /// How many of its objects can't be read.
    unreadable: usize,
    /// Why all of this is not known.
    error: Option<String>,
}

impl WalProtectionDocument {
    /// None when there is no archive.
    pub(super) fn of(last: &LastArchive, now: Timestamp) -> Option<Self> {
        let (protection, error) = match &last.found {
            Ok(None) => return None,
            Ok(Some(protection)) => (protection.clone(), None),
            Err(why) => (WalProtection::default(), Some(why.clone())),
        };
        Some(Self {
            store: last.store.clone(),
            as_of: protection.as_of,
            behind_seconds: protection.behind(now).map(|it| it.as_secs_f64()),
            open_gaps: protection.open_breaks.iter().map(Into::into).collect(),
            unreadable: protection.unreadable,
            recoverable: protection.recoverable.map(Into::into),
            error,
        })
    }
}

//! The way to a target.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::target::RecoveryTarget;
use crate::cluster::{Lsn, Timeline};
use crate::wal::{SegmentName, SegmentSize};

/// The way to a target: from a base backup through archived WAL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryWay {
    /// Where it is to end.
    pub target: RecoveryTarget,
    /// Name of the base backup that it begins with.
    pub backup: String,
    /// The timeline that is followed.
    pub timeline: Timeline,
    /// The WAL that is replayed after the backup's own, in its order.
    pub segments: Vec<SegmentRun>,
    /// How many segments these are.
    pub count: u64,
    /// Bytes of them in the store.
    pub stored_bytes: u64,
    /// Bytes of each of them as PostgreSQL reads it.
    pub segment_bytes: u64,
    /// The position after the last that is replayed at most.
    pub end: Lsn,
    /// The last commit up to there, by the server's clock, as far as the archive knows.
    pub last_commit: Option<Timestamp>,
    /// Whether it takes a key to read the segments.
    #[serde(default)]
    pub encrypted: bool,
    /// Timelines whose histories are needed.
    pub histories: Vec<Timeline>,
    /// All that was committed until the target's time is archived, and nothing that was committed after
    /// it is known: the end of the WAL is as good as the target.
    pub end_will_do: bool,
    /// The newest timeline in the archive: the one that the recovery begins comes after it.
    pub newest: Timeline,
}

/// Segments of one timeline, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SegmentRun {
    /// The first.
    pub first: SegmentName,
    /// The last, which may be the first.
    pub last: SegmentName,
}

impl RecoveryWay {
    /// Every segment, in the order in which they are replayed.
    pub fn names(&self) -> Vec<SegmentName> {
        let Some(size) = SegmentSize::new(self.segment_bytes) else {
            return Vec::new();
        };
        let numbered = |run: &SegmentRun| {
            let timeline = run.first.timeline;
            (run.first.number(size)..=run.last.number(size))
                .map(move |number| SegmentName::numbered(timeline, number, size))
        };
        self.segments.iter().flat_map(numbered).collect()
    }

    /// The last segment of all.
    pub fn last(&self) -> Option<SegmentName> {
        self.segments.last().map(|it| it.last)
    }

    /// Bytes of all segments as PostgreSQL reads them.
    pub fn raw_bytes(&self) -> u64 {
        self.count.saturating_mul(self.segment_bytes)
    }
}

pub(super) fn runs(names: &[SegmentName], size: SegmentSize) -> Vec<SegmentRun> {
    let mut runs: Vec<SegmentRun> = Vec::new();
    for name in names {
        match runs.last_mut() {
            Some(run) if run.last.next(size) == *name => run.last = *name,
            _ => runs.push(SegmentRun {
                first: *name,
                last: *name,
            }),
        }
    }
    runs
}

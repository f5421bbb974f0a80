//! What an archive has, read from a listing of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::gap::WalGap;
use super::history::TimelineHistory;
use super::object_name::NameOfSegment;
use super::segment::{SegmentName, SegmentSize};
use crate::cluster::{Lsn, Timeline};

/// A segment that an archive has, whole or up to a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedSegment {
    /// Which, and what its object is called.
    pub name: NameOfSegment,
    /// Bytes of the object: compressed, and encrypted if it is.
    pub stored_bytes: u64,
    /// When it was stored, by the store's clock.
    pub stored: Timestamp,
}

/// `newest.json`: up to which moment all that the server had flushed is stored. Replaced every few
/// seconds by whoever archives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewestWal {
    /// The primary's timeline.
    pub timeline: Timeline,
    /// Everything before it on that timeline is stored.
    pub position: Lsn,
    /// By the server's clock: what was committed until then is stored.
    pub as_of: Timestamp,
    /// The last commit that is stored, by the server's clock; none when none was seen yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_commit: Option<Timestamp>,
    /// When this was written, by the archiver's clock.
    pub written: Timestamp,
}

/// What an archive has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalArchiveFacts {
    /// How large its segments are.
    pub segment_size: SegmentSize,
    /// The segments, by timeline and place. Of one there may be several: unfinished ones and a whole
    /// one, or whole ones with different contents, which two servers have written.
    pub segments: Vec<ArchivedSegment>,
    /// The histories of timelines.
    pub histories: BTreeMap<Timeline, TimelineHistory>,
    /// WAL that it is known to lack, by timeline and position.
    pub gaps: Vec<WalGap>,
    /// Up to which moment all is stored.
    pub newest: Option<NewestWal>,
    /// Objects in its folder that can't be read or that it does not know, and why.
    pub unreadable: Vec<String>,
}

/// Segments of one timeline without a hole between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalRun {
    /// The timeline.
    pub timeline: Timeline,
    /// The first position that is there.
    pub from: Lsn,
    /// The position after the last one that is there.
    pub to: Lsn,
    /// How many segments.
    pub segments: u64,
    /// Bytes of their objects.
    pub stored_bytes: u64,
    /// When the first of them was stored.
    pub first_stored: Timestamp,
    /// When the last of them was stored.
    pub last_stored: Timestamp,
    /// The last commit in them, by the server's clock.
    pub last_commit: Option<Timestamp>,
}

/// What an archive has of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held<'a> {
    /// All of it.
    Whole(&'a ArchivedSegment),
    /// Its beginning, up to this position.
    Until(&'a ArchivedSegment, Lsn),
    /// Several with different contents, all of them whole.
    Several,
    /// Nothing.
    Missing,
}

impl WalArchiveFacts {
    /// Of an archive in which there is nothing yet.
    pub fn empty(segment_size: SegmentSize) -> Self {
        Self {
            segment_size,
            segments: Vec::new(),
            histories: BTreeMap::new(),
            gaps: Vec::new(),
            newest: None,
            unreadable: Vec::new(),
        }
    }

    /// Puts everything in order: whoever fills this in calls it last.
    pub fn sort(&mut self) {
        self.segments
            .sort_by(|a, b| key(&a.name).cmp(&key(&b.name)));
        self.gaps.sort_by_key(|gap| (gap.timeline, gap.from));
    }

    /// What there is of a segment.
    pub fn held(&self, name: SegmentName) -> Held<'_> {
        let first = self.segments.partition_point(|it| it.name.segment < name);
        let of = self.segments[first..]
            .iter()
            .take_while(|it| it.name.segment == name);
        let mut whole: Option<&ArchivedSegment> = None;
        let mut part: Option<(&ArchivedSegment, Lsn)> = None;
        for it in of {
            match (it.name.until, whole, part) {
                (None, None, _) => whole = Some(it),
                (None, Some(other), _) if other.name.sha256 != it.name.sha256 => {
                    return Held::Several;
                }
                (None, Some(_), _) => {}
                (Some(until), _, Some((_, further))) if until <= further => {}
                (Some(until), ..) => part = Some((it, until)),
            }
        }
        match (whole, part) {
            (Some(whole), _) => Held::Whole(whole),
            (None, Some((part, until))) => Held::Until(part, until),
            (None, None) => Held::Missing,
        }
    }

    /// The history of a timeline; none when it was not archived. The first timeline has none to archive.
    pub fn history(&self, timeline: Timeline) -> Option<TimelineHistory> {
        match self.histories.get(&timeline) {
            Some(history) => Some(history.clone()),
            None if timeline == Timeline(1) => Some(TimelineHistory::first(timeline)),
            None => None,
        }
    }

    /// The timelines of which there is anything, in order.
    pub fn timelines(&self) -> Vec<Timeline> {
        let segments = self.segments.iter().map(|it| it.name.segment.timeline);
        let mut timelines: Vec<Timeline> = segments.chain(self.histories.keys().copied()).collect();
        timelines.sort();
        timelines.dedup();
        timelines
    }

    /// The timeline that was begun last.
    pub fn newest_timeline(&self) -> Option<Timeline> {
        self.timelines().last().copied()
    }

    /// Bytes of all its segments in the store.
    pub fn stored_bytes(&self) -> u64 {
        self.segments.iter().map(|it| it.stored_bytes).sum()
    }

    /// The ranges without holes, by timeline and position.
    pub fn runs(&self) -> Vec<WalRun> {
        let size = self.segment_size;
        let mut runs: Vec<WalRun> = Vec::new();
        for it in &self.segments {
            let segment = it.name.segment;
            let start = segment.start(size);
            let end = it.name.until.unwrap_or(segment.end(size));
            let going_on = runs
                .last_mut()
                .filter(|run| run.timeline == segment.timeline && run.to >= start);
            match going_on {
                Some(run) => {
                    // Another object of the same segment adds no segment.
                    run.segments += u64::from(run.to == start);
                    run.to = run.to.max(end);
                    run.stored_bytes += it.stored_bytes;
                    run.first_stored = run.first_stored.min(it.stored);
                    run.last_stored = run.last_stored.max(it.stored);
                    run.last_commit = run.last_commit.max(it.name.last_commit);
                }
                None => runs.push(WalRun {
                    timeline: segment.timeline,
                    from: start,
                    to: end,
                    segments: 1,
                    stored_bytes: it.stored_bytes,
                    first_stored: it.stored,
                    last_stored: it.stored,
                    last_commit: it.name.last_commit,
                }),
            }
        }
        runs
    }

    /// The recorded gap that a segment lies in, at least in part.
    pub fn gap_in(&self, name: SegmentName) -> Option<&WalGap> {
        let (start, end) = (name.start(self.segment_size), name.end(self.segment_size));
        self.gaps
            .iter()
            .find(|gap| gap.timeline == name.timeline && gap.from < end && start < gap.to)
    }
}

/// The order of segments: the whole one comes after its unfinished ones.
fn key(name: &NameOfSegment) -> (SegmentName, Lsn, &str) {
    let until = name.until.unwrap_or(Lsn::new(u64::MAX));
    (name.segment, until, &name.sha256)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn segment(
        timeline: u32,
        number: u64,
        until: Option<u64>,
        content: char,
    ) -> ArchivedSegment {
        let size = SegmentSize::DEFAULT;
        let segment = SegmentName::numbered(Timeline(timeline), number, size);
        ArchivedSegment {
            name: NameOfSegment {
                segment,
                until: until.map(|bytes| Lsn::new(segment.start(size).bytes() + bytes)),
                sha256: content.to_string().repeat(64),
                last_commit: Some(time(number as i64)),
                compressed: true,
                encrypted: false,
            },
            stored_bytes: 100,
            stored: time(number as i64 + 1),
        }
    }

    pub(in super::super) fn time(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + seconds).expect("a time")
    }

    pub(in super::super) fn facts(segments: Vec<ArchivedSegment>) -> WalArchiveFacts {
        let mut facts = WalArchiveFacts::empty(SegmentSize::DEFAULT);
        facts.segments = segments;
        facts.sort();
        facts
    }

    #[test]
    fn runs_end_at_holes_at_timelines_and_in_unfinished_segments() {
        let facts = facts(vec![
            segment(1, 5, Some(100), 'a'),
            segment(1, 2, None, 'a'),
            segment(1, 1, None, 'a'),
            segment(2, 5, None, 'a'),
            segment(2, 6, Some(7), 'a'),
        ]);
        let runs: Vec<_> = facts
            .runs()
            .into_iter()
            .map(|run| (run.timeline.0, run.from, run.to, run.segments))
            .collect();
        let at = |segment: u64, bytes: u64| Lsn::new((segment << 24) + bytes);
        assert_eq!(
            runs,
            [
                (1, at(1, 0), at(3, 0), 2),
                (1, at(5, 0), at(5, 100), 1),
                (2, at(5, 0), at(6, 7), 2),
            ]
        );
        assert_eq!(facts.newest_timeline(), Some(Timeline(2)));
        assert_eq!(facts.history(Timeline(2)), None);
        assert!(facts.history(Timeline(1)).is_some());
    }

    #[test]
    fn the_whole_segment_counts_before_the_unfinished_and_the_furthest_of_those() {
        let name = segment(1, 1, None, 'a').name.segment;
        let unfinished = facts(vec![
            segment(1, 1, Some(9), 'c'),
            segment(1, 1, Some(5), 'b'),
        ]);
        assert!(
            matches!(unfinished.held(name), Held::Until(it, _) if it.name.sha256.starts_with('c'))
        );
        assert_eq!(unfinished.runs().len(), 1);
        let finished = facts(vec![
            segment(1, 1, Some(9), 'c'),
            segment(1, 1, None, 'd'),
            // The same once more, encrypted by another archiver.
            segment(1, 1, None, 'd'),
        ]);
        assert!(matches!(finished.held(name), Held::Whole(it) if it.name.until.is_none()));
        let several = facts(vec![segment(1, 1, None, 'd'), segment(1, 1, None, 'e')]);
        assert_eq!(several.held(name), Held::Several);
        assert_eq!(several.held(name.on(Timeline(2))), Held::Missing);
    }
}

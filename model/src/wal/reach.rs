//! How far the WAL of an archive leads from a position, without a hole.

use jiff::Timestamp;

use super::archive::{ArchivedSegment, Held, WalArchiveFacts};
use super::gap::WalGap;
use super::history::TimelineHistory;
use super::segment::SegmentName;
use crate::cluster::{Lsn, Timeline};

/// A position on a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WalPosition {
    /// The timeline.
    pub timeline: Timeline,
    /// The position on it.
    pub position: Lsn,
}

/// How far one comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach<'a> {
    /// The timeline of the last position that is there: the one that was to be reached, or one before it.
    pub timeline: Timeline,
    /// The position after the last one that is there.
    pub end: Lsn,
    /// The segments on the way, in the order in which they are replayed.
    pub segments: Vec<&'a ArchivedSegment>,
    /// The last commit in them, by the server's clock, as far as their names tell.
    pub last_commit: Option<Timestamp>,
    /// Why no further.
    pub stop: ReachEnd,
}

/// Why no further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReachEnd {
    /// There is nothing further on that timeline: the end of what was archived.
    End,
    /// A segment is missing, and there are later ones.
    Missing(SegmentName),
    /// A gap that was recorded.
    Gap(WalGap),
    /// There are several with different contents.
    Several(SegmentName),
    /// The history of the timeline that was to be reached is not in the archive.
    NoHistory(Timeline),
    /// The timeline that was to be reached has not come through the position: it has left that timeline
    /// before it, or never was on it.
    NotOnTheWay,
}

impl WalArchiveFacts {
    /// Follows the WAL from the segment of a position on, to the end of a timeline, as PostgreSQL does with
    /// that timeline as its target: of each segment the one of the newest timeline on the way.
    pub fn reach(&self, from: WalPosition, target: Timeline) -> Reach<'_> {
        let mut reach = Reach {
            timeline: from.timeline,
            end: from.position,
            segments: Vec::new(),
            last_commit: None,
            stop: ReachEnd::End,
        };
        let Some(history) = self.history(target) else {
            reach.stop = ReachEnd::NoHistory(target);
            return reach;
        };
        if !history.continues(from.timeline, from.position) {
            reach.stop = ReachEnd::NotOnTheWay;
            return reach;
        }
        let size = self.segment_size;
        let mut name = history.segment_at(from.position, size);
        loop {
            match self.held(name) {
                Held::Whole(segment) => {
                    reach.take(segment, name.end(size), name.timeline);
                    name = history.segment_at(name.end(size), size);
                }
                Held::Until(segment, until) if until > reach.end => {
                    reach.take(segment, until, name.timeline);
                    reach.stop = self.stopped(name, until);
                    return reach;
                }
                Held::Until(..) => {
                    reach.stop = self.stopped(name, reach.end);
                    return reach;
                }
                Held::Several => {
                    reach.stop = ReachEnd::Several(name);
                    return reach;
                }
                Held::Missing => {
                    reach.stop = self.stopped(name, reach.end);
                    self.up_to_the_fork(&history, name, &mut reach);
                    return reach;
                }
            }
        }
    }

    /// Without the segment in which a timeline was begun, the one of the timeline before it leads up to the fork.
    fn up_to_the_fork<'a>(
        &'a self,
        history: &TimelineHistory,
        missing: SegmentName,
        reach: &mut Reach<'a>,
    ) {
        let start = missing.start(self.segment_size);
        let chain = history.chain();
        for (place, (timeline, begins)) in chain.iter().enumerate().rev() {
            let Some((after, fork)) = chain.get(place + 1) else {
                continue;
            };
            if *after > missing.timeline || *fork <= start {
                continue;
            }
            let end = match self.held(missing.on(*timeline)) {
                Held::Whole(segment) => Some((segment, *fork)),
                Held::Until(segment, until) => Some((segment, until.min(*fork))),
                Held::Several | Held::Missing => None,
            };
            if let Some((segment, end)) = end.filter(|(_, end)| *end > reach.end) {
                reach.take(segment, end, *timeline);
                return;
            }
            if *begins <= start {
                return;
            }
        }
    }

    /// Why it does not go on after a position, in the segment of which there is not enough.
    fn stopped(&self, name: SegmentName, end: Lsn) -> ReachEnd {
        let gap = self
            .gap_in(name)
            .filter(|gap| gap.to > end)
            .map(|gap| ReachEnd::Gap(gap.clone()));
        let later = self
            .segments
            .iter()
            .any(|it| it.name.segment.timeline == name.timeline && it.name.segment > name);
        match gap {
            Some(gap) => gap,
            None if later => ReachEnd::Missing(name),
            None => ReachEnd::End,
        }
    }
}

impl<'a> Reach<'a> {
    fn take(&mut self, segment: &'a ArchivedSegment, end: Lsn, timeline: Timeline) {
        self.segments.push(segment);
        self.end = self.end.max(end);
        self.timeline = timeline;
        self.last_commit = self.last_commit.max(segment.name.last_commit);
    }
}

#[cfg(test)]
mod tests {
    use super::super::archive::tests::{facts, segment, time};
    use super::*;
    use crate::wal::{GapReason, SegmentSize};
    use proptest::prelude::*;

    fn at(segment: u64, bytes: u64) -> Lsn {
        Lsn::new((segment << 24) + bytes)
    }

    fn from(timeline: u32, position: Lsn) -> WalPosition {
        WalPosition {
            timeline: Timeline(timeline),
            position,
        }
    }

    fn history(timeline: u32, forks: &[(u32, Lsn)]) -> TimelineHistory {
        let lines: String = forks
            .iter()
            .map(|(timeline, at)| format!("{timeline}\t{at}\treason\n"))
            .collect();
        TimelineHistory::parse(Timeline(timeline), &lines).expect("a history")
    }

    fn with_second(segments: Vec<ArchivedSegment>) -> WalArchiveFacts {
        let mut facts = facts(segments);
        facts
            .histories
            .insert(Timeline(2), history(2, &[(1, at(3, 500))]));
        facts
    }

    #[test]
    fn it_goes_on_to_the_unfinished_segment() {
        let facts = facts(vec![
            segment(1, 1, None, 'a'),
            segment(1, 2, None, 'a'),
            segment(1, 3, Some(7), 'a'),
        ]);
        let reach = facts.reach(from(1, at(1, 40)), Timeline(1));
        assert_eq!((reach.end, reach.segments.len()), (at(3, 7), 3));
        assert_eq!(reach.stop, ReachEnd::End);
        assert_eq!(reach.last_commit, Some(time(3)));
    }

    #[test]
    fn a_hole_stops_it_and_a_recorded_one_says_why() {
        let mut facts = facts(vec![segment(1, 1, None, 'a'), segment(1, 3, None, 'a')]);
        let missing = segment(1, 2, None, 'a').name.segment;
        let reach = facts.reach(from(1, at(1, 0)), Timeline(1));
        assert_eq!(reach.end, at(2, 0));
        assert_eq!(reach.stop, ReachEnd::Missing(missing));
        let gap = WalGap {
            timeline: Timeline(1),
            from: at(2, 0),
            to: at(3, 0),
            reason: GapReason::RemovedByServer,
            detail: String::new(),
            found: time(0),
        };
        facts.gaps.push(gap.clone());
        let reach = facts.reach(from(1, at(1, 0)), Timeline(1));
        assert_eq!(reach.stop, ReachEnd::Gap(gap));
        // A base backup after it is not concerned.
        let reach = facts.reach(from(1, at(3, 0)), Timeline(1));
        assert_eq!((reach.end, reach.stop), (at(4, 0), ReachEnd::End));
    }

    #[test]
    fn a_fork_is_crossed_in_the_segment_of_the_new_timeline() {
        let facts = with_second(vec![
            segment(1, 2, None, 'a'),
            // The old side has written on: another content under the old name.
            segment(1, 3, None, 'a'),
            segment(1, 4, Some(100), 'a'),
            segment(2, 3, None, 'b'),
            segment(2, 4, Some(9), 'b'),
        ]);
        let new = facts.reach(from(1, at(2, 0)), Timeline(2));
        assert_eq!((new.timeline, new.end), (Timeline(2), at(4, 9)));
        let names: Vec<u32> = new
            .segments
            .iter()
            .map(|it| it.name.segment.timeline.0)
            .collect();
        assert_eq!(names, [1, 2, 2]);
        let old = facts.reach(from(1, at(2, 0)), Timeline(1));
        assert_eq!((old.timeline, old.end), (Timeline(1), at(4, 100)));
        // A backup that was taken on the old side, after the fork.
        let beside = facts.reach(from(1, at(3, 501)), Timeline(2));
        assert_eq!(beside.stop, ReachEnd::NotOnTheWay);
        let unknown = facts.reach(from(1, at(2, 0)), Timeline(3));
        assert_eq!(unknown.stop, ReachEnd::NoHistory(Timeline(3)));
    }

    #[test]
    fn without_the_segment_of_the_fork_the_old_one_leads_up_to_it() {
        let facts = with_second(vec![
            segment(1, 2, None, 'a'),
            segment(1, 3, None, 'a'),
            segment(2, 4, None, 'b'),
        ]);
        let reach = facts.reach(from(1, at(2, 0)), Timeline(2));
        assert_eq!((reach.timeline, reach.end), (Timeline(1), at(3, 500)));
        let missing = segment(2, 3, None, 'b').name.segment;
        assert_eq!(reach.stop, ReachEnd::Missing(missing));
    }

    #[test]
    fn what_has_two_contents_is_not_crossed() {
        let facts = facts(vec![
            segment(1, 1, None, 'a'),
            segment(1, 2, None, 'a'),
            segment(1, 2, None, 'b'),
            segment(1, 3, None, 'a'),
        ]);
        let reach = facts.reach(from(1, at(1, 0)), Timeline(1));
        let several = segment(1, 2, None, 'a').name.segment;
        assert_eq!(
            (reach.end, reach.stop),
            (at(2, 0), ReachEnd::Several(several))
        );
    }

    proptest! {
        /// The end is never said to be further than the first segment that is missing.
        #[test]
        fn nothing_behind_a_hole_is_reached(there in proptest::collection::vec(any::<bool>(), 1..30), start in 0_usize..30) {
            let start = start % there.len();
            let segments = there.iter().enumerate().filter(|(_, there)| **there);
            let facts = facts(segments.map(|(number, _)| segment(1, number as u64, None, 'a')).collect());
            let reach = facts.reach(from(1, at(start as u64, 0)), Timeline(1));
            let hole = (start..there.len()).find(|number| !there[*number]).unwrap_or(there.len());
            prop_assert_eq!(reach.end, at(hole as u64, 0));
            prop_assert_eq!(reach.segments.len(), hole - start);
            prop_assert_eq!(facts.segment_size, SegmentSize::DEFAULT);
        }
    }
}

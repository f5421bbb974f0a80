//! Where an archiver goes on: after what it has, as far as the server still has that.

use std::collections::BTreeSet;

use super::history::TimelineHistory;
use super::segment::{SegmentName, SegmentSize};
use crate::cluster::{Lsn, Timeline};

/// What a server has of its WAL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerWal {
    /// How its timeline came about.
    pub history: TimelineHistory,
    /// Up to where it has written it.
    pub flushed: Lsn,
    /// The segments in its `pg_wal`, those that it has made ready for later, too.
    pub files: BTreeSet<SegmentName>,
    /// From where on the archive's slot holds it.
    pub slot: Option<Lsn>,
}

/// Where to go on, and what is missing before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// The segment from whose beginning on the server is to send.
    pub segment: SegmentName,
    /// What is missing between what there is and that: timeline, from, to.
    pub missing: Vec<(Timeline, Lsn, Lsn)>,
    /// Up to where there is WAL of this server's history; none when the archive is new to it.
    pub have: Option<Lsn>,
}

impl Resume {
    /// Decides. `ends` are the ends of the ranges that the archive has, and what waits to be stored.
    pub fn decide(ends: &[(Timeline, Lsn)], server: &ServerWal, size: SegmentSize) -> Self {
        let history = &server.history;
        let on_the_way = |(timeline, end): &(Timeline, Lsn)| match history.leaves(*timeline) {
            // What was written there after the fork is the other side's.
            Some(fork) => Some(fork.min(*end)),
            None if *timeline == history.timeline => Some(*end),
            None => None,
        };
        let have = ends.iter().filter_map(on_the_way).max();
        let Some(end) = have else {
            let from = server.slot.unwrap_or(server.flushed).min(server.flushed);
            return Self {
                segment: history.segment_at(from, size),
                missing: Vec::new(),
                have: None,
            };
        };
        // A server that has less than the archive has was put back without a new timeline.
        let wanted = history.segment_at(end.min(server.flushed), size);
        let there = |name: &SegmentName| server.files.contains(name);
        let nothing_yet = wanted.start(size) >= server.flushed;
        if there(&wanted) || nothing_yet {
            return Self {
                segment: wanted,
                missing: Vec::new(),
                have,
            };
        }
        let last = history.segment_at(server.flushed, size);
        let numbers = wanted.number(size)..=last.number(size);
        let first = numbers
            .map(|number| history.segment_at(Lsn::new(number * size.bytes()), size))
            .find(there)
            .unwrap_or(last);
        Self {
            segment: first,
            missing: history.pieces(end, first.start(size)),
            have,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIZE: SegmentSize = SegmentSize::DEFAULT;

    fn at(segment: u64, bytes: u64) -> Lsn {
        Lsn::new((segment << 24) + bytes)
    }

    fn name(timeline: u32, number: u64) -> SegmentName {
        SegmentName::numbered(Timeline(timeline), number, SIZE)
    }

    fn server(
        timeline: u32,
        forks: &[(u32, Lsn)],
        flushed: Lsn,
        files: &[SegmentName],
    ) -> ServerWal {
        let lines: String = forks
            .iter()
            .map(|(timeline, at)| format!("{timeline}\t{at}\treason\n"))
            .collect();
        ServerWal {
            history: TimelineHistory::parse(Timeline(timeline), &lines).expect("a history"),
            flushed,
            files: files.iter().copied().collect(),
            slot: Some(at(2, 40)),
        }
    }

    #[test]
    fn a_new_archive_begins_where_its_slot_does() {
        let server = server(1, &[], at(4, 9), &[name(1, 2), name(1, 3), name(1, 4)]);
        let resume = Resume::decide(&[], &server, SIZE);
        assert_eq!((resume.segment, resume.have), (name(1, 2), None));
        // What it has of a timeline that this server never was on is another story.
        let resume = Resume::decide(&[(Timeline(7), at(9, 0))], &server, SIZE);
        assert_eq!((resume.segment, resume.have), (name(1, 2), None));
    }

    #[test]
    fn it_goes_on_in_the_segment_that_was_not_finished() {
        let files = [name(1, 3), name(1, 4)];
        let server = server(1, &[], at(4, 9), &files);
        for (end, segment) in [
            (at(3, 0), name(1, 3)),
            (at(3, 7), name(1, 3)),
            (at(4, 9), name(1, 4)),
        ] {
            let resume = Resume::decide(&[(Timeline(1), end)], &server, SIZE);
            assert_eq!((resume.segment, resume.missing.len()), (segment, 0));
        }
    }

    #[test]
    fn the_segment_after_the_last_need_not_be_there_yet() {
        let server = server(1, &[], at(5, 0), &[name(1, 4)]);
        let resume = Resume::decide(&[(Timeline(1), at(5, 0))], &server, SIZE);
        assert_eq!(resume.segment, name(1, 5));
        assert_eq!(resume.missing, []);
    }

    #[test]
    fn after_a_failover_it_goes_on_with_the_segment_of_the_fork_on_the_new_timeline() {
        let files = [name(1, 4), name(2, 5), name(2, 6)];
        let server = server(2, &[(1, at(5, 100))], at(6, 9), &files);
        // The archive has more of the old side than the new primary ever had.
        for end in [at(5, 100), at(5, 900), at(8, 0)] {
            let resume = Resume::decide(&[(Timeline(1), end)], &server, SIZE);
            assert_eq!(resume.segment, name(2, 5));
            assert_eq!((resume.have, resume.missing.len()), (Some(at(5, 100)), 0));
        }
        // It has less: the rest of the old timeline comes first.
        let resume = Resume::decide(&[(Timeline(1), at(4, 50))], &server, SIZE);
        assert_eq!(resume.segment, name(1, 4));
    }

    #[test]
    fn what_the_server_has_removed_is_missing_by_timelines() {
        let files = [name(2, 6), name(2, 7)];
        let server = server(2, &[(1, at(5, 100))], at(6, 9), &files);
        let resume = Resume::decide(&[(Timeline(1), at(4, 50))], &server, SIZE);
        assert_eq!(resume.segment, name(2, 6));
        assert_eq!(
            resume.missing,
            [
                (Timeline(1), at(4, 50), at(5, 100)),
                (Timeline(2), at(5, 100), at(6, 0)),
            ]
        );
    }

    #[test]
    fn a_server_that_was_put_back_is_followed_from_where_it_is() {
        let server = server(1, &[], at(3, 9), &[name(1, 3)]);
        let resume = Resume::decide(&[(Timeline(1), at(7, 9))], &server, SIZE);
        assert_eq!((resume.segment, resume.missing.len()), (name(1, 3), 0));
    }

    proptest! {
        /// Either it goes on where the archive ends, or what is missing is said to the byte.
        #[test]
        fn no_byte_is_left_out_without_a_word(end in 0_u64..40, part in 0_u64..1000, oldest in 0_u64..40, fork in 1_u64..40, flushed in 0_u64..40) {
            let flushed = end.max(flushed);
            let history = server(2, &[(1, at(fork, 500))], Lsn::ZERO, &[]).history;
            let files: Vec<SegmentName> = (oldest..=flushed.max(oldest))
                .map(|number| history.segment_at(at(number, 0), SIZE))
                .collect();
            let server = server(2, &[(1, at(fork, 500))], at(flushed, 2000), &files);
            let end = at(end, part);
            let timeline = if end > at(fork, 500) { Timeline(2) } else { Timeline(1) };
            let resume = Resume::decide(&[(timeline, end)], &server, SIZE);
            let start = resume.segment.start(SIZE);
            let missing: u64 = resume.missing.iter().map(|(_, from, to)| to.bytes_since(*from)).sum();
            prop_assert_eq!(missing, start.bytes_since(end));
            if start > end {
                prop_assert_eq!(resume.missing.first().map(|it| it.1), Some(end));
                prop_assert_eq!(resume.missing.last().map(|it| it.2), Some(start));
            }
        }
    }
}

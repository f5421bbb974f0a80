//! Which moments can be reached, and by which way.

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::cluster::{Lsn, Timeline};
use crate::wal::{
    ArchivedSegment, BaseBackup, NameOfSegment, NewestWal, ReachEnd, SegmentName, SegmentSize,
    TimelineHistory, WalArchiveFacts,
};

const SIZE: SegmentSize = SegmentSize::DEFAULT;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + seconds).expect("a time")
}

fn lsn(segment: u64, bytes: u64) -> Lsn {
    Lsn::new(segment * SIZE.bytes() + bytes)
}

/// A whole segment whose last commit is of ten times its number.
fn segment(timeline: u32, number: u64) -> ArchivedSegment {
    ArchivedSegment {
        name: NameOfSegment {
            segment: SegmentName::numbered(Timeline(timeline), number, SIZE),
            until: None,
            sha256: "0".repeat(64),
            last_commit: Some(at(10 * number as i64)),
            compressed: true,
            encrypted: false,
        },
        stored_bytes: 100,
        stored: at(10 * number as i64),
    }
}

fn unfinished(timeline: u32, number: u64, bytes: u64, commit: i64) -> ArchivedSegment {
    let mut segment = segment(timeline, number);
    segment.name.until = Some(lsn(number, bytes));
    segment.name.last_commit = Some(at(commit));
    segment
}

fn archive(segments: Vec<ArchivedSegment>) -> WalArchiveFacts {
    let mut facts = WalArchiveFacts::empty(SIZE);
    facts.segments = segments;
    facts.sort();
    facts
}

fn fork(facts: &mut WalArchiveFacts, timeline: u32, lines: &str) {
    let history = TimelineHistory::parse(Timeline(timeline), lines).expect("a history");
    facts.histories.insert(Timeline(timeline), history);
}

/// A base backup that ends in this segment, and ended right after the commit before the last of it.
fn base(id: &str, timeline: u32, number: u64) -> BaseBackup {
    BaseBackup {
        id: id.to_owned(),
        timeline: Timeline(timeline),
        start: lsn(number, 40),
        end: lsn(number, 400),
        ended: at(10 * number as i64 - 5),
    }
}

fn time(seconds: i64) -> RecoveryTarget {
    RecoveryTarget::Time {
        time: at(seconds),
        exclusive: false,
    }
}

fn asked(target: RecoveryTarget) -> RecoveryRequest {
    RecoveryRequest {
        target,
        timeline: None,
        backup: None,
    }
}

fn on(target: RecoveryTarget, timeline: u32) -> RecoveryRequest {
    RecoveryRequest {
        timeline: Some(Timeline(timeline)),
        ..asked(target)
    }
}

fn numbers(way: &RecoveryWay) -> Vec<(u32, u64)> {
    way.names()
        .iter()
        .map(|it| (it.timeline.0, it.number(SIZE)))
        .collect()
}

/// Three backups, and WAL that ends in the ninth segment.
fn usual() -> (WalArchiveFacts, Vec<BaseBackup>) {
    let mut segments: Vec<_> = (1..9).map(|number| segment(1, number)).collect();
    segments.push(unfinished(1, 9, 700, 88));
    let mut facts = archive(segments);
    facts.newest = Some(NewestWal {
        timeline: Timeline(1),
        position: lsn(9, 700),
        as_of: at(95),
        last_commit: Some(at(88)),
        written: at(96),
    });
    let backups = vec![base("old", 1, 1), base("new", 1, 6), base("middle", 1, 4)];
    (facts, backups)
}

#[test]
fn the_newest_backup_before_the_moment_and_no_more_wal_than_it_takes() {
    let (facts, backups) = usual();
    let way = choose_way(&facts, &backups, &asked(time(52))).expect("a way");
    assert_eq!(way.backup, "middle");
    // The sixth has the first commit after it.
    assert_eq!(numbers(&way), [(1, 4), (1, 5), (1, 6)]);
    assert_eq!((way.count, way.stored_bytes), (3, 300));
    assert!(!way.end_will_do);
    assert_eq!(way.last_commit, Some(at(60)));
    // A commit of that very moment is in, and the next one ends it.
    let exact = choose_way(&facts, &backups, &asked(time(50))).expect("a way");
    assert_eq!(exact.names().len(), 3);
    let without = RecoveryTarget::Time {
        time: at(50),
        exclusive: true,
    };
    let without = choose_way(&facts, &backups, &asked(without)).expect("a way");
    assert_eq!(numbers(&without), [(1, 4), (1, 5)]);
}

#[test]
fn a_backup_that_is_named_is_taken() {
    let (facts, backups) = usual();
    let named = |id: &str, seconds| {
        let request = RecoveryRequest {
            backup: Some(id.to_owned()),
            ..asked(time(seconds))
        };
        choose_way(&facts, &backups, &request)
    };
    let way = named("old", 52).expect("a way");
    assert_eq!((way.backup.as_str(), way.count), ("old", 6));
    let error = named("new", 52).expect_err("it ended later");
    let before = UnreachableReason::BeforeBackup {
        backup: "new".to_owned(),
    };
    assert_eq!(error.reason, before);
    let error = named("another", 52).expect_err("there is none");
    assert!(matches!(
        error.reason,
        UnreachableReason::OtherBackup { .. }
    ));
}

#[test]
fn to_the_end_is_with_the_unfinished_segment() {
    let (facts, backups) = usual();
    let way = choose_way(&facts, &backups, &asked(RecoveryTarget::Latest)).expect("a way");
    assert_eq!(way.backup, "new");
    assert_eq!(numbers(&way), [(1, 6), (1, 7), (1, 8), (1, 9)]);
    assert_eq!((way.end, way.last_commit), (lsn(9, 700), Some(at(88))));
}

#[test]
fn a_quiet_time_at_the_end_is_reached_and_one_of_which_nothing_is_known_is_not() {
    let (facts, backups) = usual();
    let way = choose_way(&facts, &backups, &asked(time(93))).expect("a way");
    assert!(way.end_will_do);
    assert_eq!(way.end, lsn(9, 700));
    let error = choose_way(&facts, &backups, &asked(time(96))).expect_err("after the end");
    let end = UnreachableReason::AfterEnd {
        end: lsn(9, 700),
        until: Some(at(95)),
    };
    assert_eq!(error.reason, end);
    let nearest = error.earlier.expect("one before");
    assert_eq!(nearest.target, time(95));
    choose_way(&facts, &backups, &asked(nearest.target)).expect("what is offered works");
    assert_eq!(error.later, None);
}

#[test]
fn before_the_first_backup_the_nearest_is_its_end() {
    let (facts, backups) = usual();
    let error = choose_way(&facts, &backups, &asked(time(0))).expect_err("too early");
    let before = UnreachableReason::BeforeBackup {
        backup: "old".to_owned(),
    };
    assert_eq!((error.reason, error.earlier), (before, None));
    let nearest = error.later.expect("one after");
    assert_eq!(nearest.target, time(5));
    let way = choose_way(&facts, &backups, &asked(nearest.target)).expect("it works");
    assert_eq!(way.backup, "old");
    assert_eq!(
        choose_way(&facts, &[], &asked(time(50)))
            .expect_err("none")
            .reason,
        UnreachableReason::NoBackup
    );
}

#[test]
fn a_gap_is_refused_with_what_can_be_reached_on_both_sides() {
    let (mut facts, backups) = usual();
    facts
        .segments
        .retain(|it| it.name.segment.number(SIZE) != 5);
    let error = choose_way(&facts, &backups, &asked(time(47))).expect_err("in a gap");
    let missing = SegmentName::numbered(Timeline(1), 5, SIZE);
    let broken = UnreachableReason::Broken {
        end: lsn(5, 0),
        stop: ReachEnd::Missing(missing),
    };
    assert_eq!(error.reason, broken);
    assert!(
        error
            .reason
            .to_string()
            .contains("000000010000000000000005")
    );
    let (earlier, later) = (error.earlier.expect("one"), error.later.expect("one"));
    assert_eq!((&earlier.target, &later.target), (&time(40), &time(55)));
    for nearest in [earlier, later] {
        choose_way(&facts, &backups, &asked(nearest.target)).expect("it works");
    }
    // From the backup after it the way to the end is free.
    let way = choose_way(&facts, &backups, &asked(RecoveryTarget::Latest)).expect("a way");
    assert_eq!(way.backup, "new");
    let error = choose_way(&facts, &backups[..1], &asked(RecoveryTarget::Latest));
    let error = error.expect_err("not from the old one");
    assert!(matches!(error.reason, UnreachableReason::Broken { .. }));
    assert_eq!(error.earlier.map(|it| it.target), Some(time(40)));
}

#[test]
fn a_position_has_the_segment_after_it_too() {
    let (facts, backups) = usual();
    let to = |position| {
        let target = RecoveryTarget::Lsn {
            position,
            exclusive: false,
        };
        choose_way(&facts, &backups, &asked(target))
    };
    let way = to(lsn(5, 9)).expect("a way");
    assert_eq!(way.backup, "middle");
    // A record that begins at its end goes on there.
    assert_eq!(numbers(&way), [(1, 4), (1, 5), (1, 6)]);
    assert_eq!(to(lsn(6, 399)).expect("a way").backup, "middle");
    assert_eq!(to(lsn(6, 400)).expect("a way").backup, "new");
    let last = to(lsn(9, 699)).expect("a way");
    assert_eq!(last.end, lsn(9, 700));
    let error = to(lsn(9, 700)).expect_err("nothing begins there");
    assert!(matches!(error.reason, UnreachableReason::AfterEnd { .. }));
    let error = to(lsn(1, 0)).expect_err("before all backups");
    assert!(matches!(
        error.reason,
        UnreachableReason::BeforeBackup { .. }
    ));
    let nearest = error.later.expect("one").target;
    choose_way(&facts, &backups, &asked(nearest)).expect("it works");
}

/// The primary was switched in the fourth segment.
fn switched() -> (WalArchiveFacts, Vec<BaseBackup>) {
    let mut facts = archive(vec![
        segment(1, 1),
        segment(1, 2),
        segment(1, 3),
        unfinished(1, 4, 500, 35),
        segment(2, 4),
        segment(2, 5),
        unfinished(2, 6, 100, 55),
    ]);
    fork(
        &mut facts,
        2,
        &format!("1\t{}\tno recovery target", lsn(4, 500)),
    );
    (facts, vec![base("before", 1, 2), base("after", 2, 5)])
}

#[test]
fn over_a_switchover_the_new_timeline_is_followed_without_a_question() {
    let (facts, backups) = switched();
    for (seconds, expected) in [
        (25, vec![(1, 2), (1, 3)]),
        (32, vec![(1, 2), (1, 3), (2, 4)]),
        (36, vec![(1, 2), (1, 3), (2, 4)]),
        (44, vec![(1, 2), (1, 3), (2, 4), (2, 5)]),
    ] {
        let way = choose_way(&facts, &backups, &asked(time(seconds))).expect("a way");
        assert_eq!(numbers(&way), expected, "{seconds}");
        assert_eq!((way.timeline, way.backup.as_str()), (Timeline(2), "before"));
        assert_eq!(way.histories, [Timeline(2)]);
        assert_eq!(way.newest, Timeline(2));
    }
    let way = choose_way(&facts, &backups, &asked(RecoveryTarget::Latest)).expect("a way");
    assert_eq!(way.backup, "after");
    let way = choose_way(&facts, &backups, &on(time(35), 1)).expect("the old side");
    assert_eq!(numbers(&way), [(1, 2), (1, 3), (1, 4)]);
    assert!(way.end_will_do, "its last commit is of then");
}

/// After an emergency the old primary has written on, to the sixth segment.
#[test]
fn two_sides_of_a_fork_are_not_chosen_between() {
    let (mut facts, backups) = switched();
    facts
        .segments
        .retain(|it| it.name.until.is_none() || it.name.segment.timeline == Timeline(2));
    facts.segments.extend([segment(1, 4), segment(1, 5)]);
    facts.sort();
    // Before the fork both are the same.
    let way = choose_way(&facts, &backups, &asked(time(25))).expect("a way");
    assert_eq!(way.timeline, Timeline(2));
    let error = choose_way(&facts, &backups, &asked(time(44))).expect_err("which?");
    let both = UnreachableReason::Ambiguous {
        timelines: vec![(Timeline(1), Some(lsn(4, 500))), (Timeline(2), None)],
    };
    assert_eq!(error.reason, both);
    let options: Vec<String> = [error.earlier, error.later]
        .into_iter()
        .flatten()
        .map(|it| it.options())
        .collect();
    assert!(options[0].ends_with(" --timeline 1") && options[1].ends_with(" --timeline 2"));
    let old = choose_way(&facts, &backups, &on(time(44), 1)).expect("the old side");
    assert_eq!(numbers(&old), [(1, 2), (1, 3), (1, 4), (1, 5)]);
    let new = choose_way(&facts, &backups, &on(time(44), 2)).expect("the new side");
    assert_eq!(numbers(&new), [(1, 2), (1, 3), (2, 4), (2, 5)]);
    // A position beyond the fork, too; one before it not.
    let position = |position| RecoveryTarget::Lsn {
        position,
        exclusive: false,
    };
    choose_way(&facts, &backups, &asked(position(lsn(4, 499)))).expect("a way");
    let error = choose_way(&facts, &backups, &asked(position(lsn(4, 501))));
    assert!(matches!(
        error.expect_err("which?").reason,
        UnreachableReason::Ambiguous { .. }
    ));
    let error = choose_way(&facts, &backups, &on(time(44), 7)).expect_err("no such timeline");
    assert!(matches!(error.reason, UnreachableReason::NoTimeline { .. }));
}

#[test]
fn a_timeline_without_its_history_is_only_followed_from_a_backup_of_its_own() {
    let (mut facts, backups) = switched();
    facts.histories.clear();
    let error = choose_way(&facts, &backups, &on(time(44), 2)).expect_err("no history");
    let no_history = UnreachableReason::NoHistory {
        timeline: Timeline(2),
    };
    assert_eq!(error.reason, no_history);
}

proptest! {
    /// Whatever is there: the way begins with a backup that ended before the moment, has every segment up to the
    /// one with the first later commit, and each of them is in the archive.
    #[test]
    fn a_way_has_all_that_it_takes(
        there in proptest::collection::vec(any::<bool>(), 12),
        ends in proptest::collection::vec(0_u64..12, 1..4),
        seconds in 0_i64..130,
    ) {
        let segments = (0..12).filter(|it| there[*it as usize]).map(|it| segment(1, it)).collect();
        let facts = archive(segments);
        let backups: Vec<_> = ends.iter().map(|it| base(&it.to_string(), 1, *it)).collect();
        match choose_way(&facts, &backups, &asked(time(seconds))) {
            Ok(way) => {
                let backup = backups.iter().find(|it| it.id == way.backup).expect("it is one of them");
                prop_assert!(backup.ended <= at(seconds));
                let names = way.names();
                prop_assert_eq!(names.first().map(|it| it.number(SIZE)), Some(backup.end.bytes() / SIZE.bytes()));
                for name in &names {
                    prop_assert!(there[name.number(SIZE) as usize]);
                }
                prop_assert_eq!(names.len() as u64, way.count);
                let last = way.last().expect("it has some").number(SIZE) as i64;
                prop_assert!(way.end_will_do || 10 * last > seconds);
                prop_assert!(10 * (last - 1) <= seconds, "more than it takes");
            }
            Err(error) => {
                for nearest in error.earlier.iter().chain(&error.later) {
                    let request = RecoveryRequest { timeline: nearest.timeline, ..asked(nearest.target.clone()) };
                    prop_assert!(choose_way(&facts, &backups, &request).is_ok(), "{:?} leads nowhere", nearest);
                }
                // No single backup leads there, either.
                for backup in &backups {
                    let mut number = backup.end.bytes() / SIZE.bytes();
                    while number < 12 && there[number as usize] && backup.ended <= at(seconds) {
                        prop_assert!(10 * (number as i64) < seconds, "{} leads there", backup.id);
                        number += 1;
                    }
                }
            }
        }
    }
}

//! The screens of `pgctl wal`: what is archived, what reading it found, and what happens meanwhile.

use jiff::{SignedDuration, Timestamp};

use super::both_widths;
use crate::backup::catalogue::LastBackup;
use crate::cluster::{ClusterId, Limits, Lsn, Timeline, assess, fixture};
use crate::events::{WalEvent, WalWait};
use crate::output::{
    ArchiveView, ClusterStatusDocument, VerifiedArchive, status_screen, wal_archives_screen,
    wal_event_line, wal_verified_screen,
};
use crate::wal::{
    ArchivedSegment, BaseBackup, GapReason, NameOfSegment, NewestWal, SegmentName, SegmentSize,
    TimelineHistory, WalArchiveFacts, WalGap,
};
use crate::wal_archive::{ArchivePlace, LastArchive, VerifiedWal};

const STORE: &str = "s3://backups/pg";

fn ago(seconds: i64) -> Timestamp {
    fixture::now() - SignedDuration::from_secs(seconds)
}

fn at(segment: u64, bytes: u64) -> Lsn {
    Lsn::new((segment << 24) + bytes)
}

fn segment(timeline: u32, number: u64, until: Option<u64>) -> ArchivedSegment {
    let seconds = (20 - number as i64) * 600;
    ArchivedSegment {
        name: NameOfSegment {
            segment: SegmentName::numbered(Timeline(timeline), number, SegmentSize::DEFAULT),
            until: until.map(|bytes| at(number, bytes)),
            sha256: "ab".repeat(32),
            last_commit: Some(ago(seconds + 4)),
            compressed: true,
            encrypted: false,
        },
        stored_bytes: 3 << 20,
        stored: ago(seconds),
    }
}

fn cluster() -> ClusterId {
    ClusterId {
        namespace: "staging".to_owned(),
        name: "staging".to_owned(),
    }
}

fn backup_at(segment: u64) -> BaseBackup {
    BaseBackup {
        id: "staging_staging_20261123T031500Z_physical_3fa9".to_owned(),
        timeline: Timeline(1),
        start: at(segment, 40),
        end: at(segment, 400),
        ended: ago((20 - segment as i64) * 600),
    }
}

/// With a gap, and a fork after it.
fn archived() -> WalArchiveFacts {
    let mut facts = WalArchiveFacts::empty(SegmentSize::DEFAULT);
    let old = (1..4).chain(6..10).map(|it| segment(1, it, None));
    let new = (10..20).map(|it| segment(2, it, None));
    facts.segments = old.chain(new).collect();
    facts.segments.push(segment(1, 10, Some(0x8_1234)));
    facts.segments.push(segment(2, 20, Some(0x1A28)));
    let history =
        TimelineHistory::parse(Timeline(2), "1\t0/A000100\tno recovery target specified\n");
    facts.histories.extend(history.map(|it| (Timeline(2), it)));
    facts.gaps.push(WalGap {
        timeline: Timeline(1),
        from: at(4, 0),
        to: at(6, 0),
        reason: GapReason::RemovedByServer,
        detail: String::new(),
        found: ago(9000),
    });
    facts.newest = Some(NewestWal {
        timeline: Timeline(2),
        position: at(20, 0x1A28),
        as_of: ago(3),
        last_commit: Some(ago(4)),
        written: ago(2),
    });
    facts.sort();
    facts
}

fn view(facts: WalArchiveFacts, backups: Vec<BaseBackup>) -> ArchiveView {
    ArchiveView::new(cluster(), "7300000000000000001".to_owned(), facts, backups)
}

fn unreadable() -> ArchiveView {
    let place = ArchivePlace::of(&cluster(), "7300000000000000002");
    let why = format!(
        "{}/archive.json: its checksum does not fit \u{1b}[31m",
        place.folder()
    );
    ArchiveView::unreadable(&place, why)
}

#[test]
fn what_is_archived_and_to_which_moments_that_leads() {
    let mut strange = archived();
    strange
        .unreadable
        .push("notes.txt: it is no part of an archive".to_owned());
    let archives = [
        ("closed", vec![view(archived(), vec![backup_at(7)])]),
        ("open", vec![view(strange, vec![backup_at(2)])]),
        ("none", vec![view(archived(), Vec::new()), unreadable()]),
        ("empty", Vec::new()),
    ];
    let text = archives.map(|(what, archives)| {
        let text =
            both_widths(|screen| wal_archives_screen(&archives, STORE, fixture::now(), screen));
        format!("{what}\n{text}")
    });
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn what_status_says_of_the_archive() {
    let snapshot = fixture::healthy(2);
    let health = assess(&snapshot, &Limits::default());
    let backup = LastBackup {
        store: STORE.to_owned(),
        found: Ok(None),
    };
    let mut spoiled = archived();
    spoiled.unreadable.push("notes.txt".to_owned());
    let looks = [
        Ok(Some(archived().protection(&[backup_at(7)]))),
        Ok(Some(spoiled.protection(&[backup_at(2)]))),
        Ok(Some(archived().protection(&[]))),
        Err("no answer within 5 s".to_owned()),
    ];
    let text = looks.map(|found| {
        let archive = LastArchive {
            store: STORE.to_owned(),
            found,
        };
        let screen = both_widths(|screen| {
            let kept = Some((&backup, &archive));
            let text = status_screen(&snapshot, &health, kept, screen);
            let from = text.find("LAST VERIFIED BACKUP").expect("a section");
            text[from..].to_owned()
        });
        let document = ClusterStatusDocument::new(&snapshot, &health).with_kept(&backup, &archive);
        let document = serde_json::to_value(&document).expect("JSON");
        format!("{screen}\n{:#}", document["walArchive"])
    });
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn an_archive_is_whole_when_a_backup_lies_behind_its_gaps() {
    assert!(view(archived(), vec![backup_at(7)]).is_whole());
    assert!(!view(archived(), vec![backup_at(2)]).is_whole());
    assert!(!unreadable().is_whole());
}

#[test]
fn what_reading_an_archive_found() {
    let found = VerifiedWal {
        segments: 19,
        records: 81_234,
        stored_bytes: 57 << 20,
        problems: Vec::new(),
    };
    let broken = VerifiedWal {
        problems: vec![format!(
            "0000000100000000/{}.zst: the SHA-256 of its content is {} instead of {}",
            segment(1, 3, None).name,
            "cd".repeat(32),
            "ab".repeat(32)
        )],
        ..found.clone()
    };
    let results = [
        VerifiedArchive {
            view: view(archived(), vec![backup_at(7)]),
            found,
        },
        VerifiedArchive {
            view: view(archived(), vec![backup_at(2)]),
            found: broken,
        },
        VerifiedArchive {
            view: unreadable(),
            found: VerifiedWal::default(),
        },
    ];
    let text = [false, true].map(|quiet| {
        let text = both_widths(|screen| wal_verified_screen(&results, screen, quiet));
        format!("quiet: {quiet}\n{text}")
    });
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn what_happens_while_wal_is_archived() {
    let name = segment(2, 10, None).name.segment;
    let events = [
        WalEvent::Started {
            store: STORE.to_owned(),
            spool: "/var/spool/pgctl".to_owned(),
            slot: "pgctl_wal_archive".to_owned(),
        },
        WalEvent::Streaming {
            pod: fixture::replica(0),
            timeline: Timeline(2),
            segment: name,
        },
        WalEvent::SegmentStored {
            segment: name,
            stored_bytes: 3 << 20,
        },
        WalEvent::HistoryStored {
            timeline: Timeline(2),
        },
        WalEvent::UpTo {
            timeline: Timeline(2),
            position: at(20, 0x1A28),
            as_of: ago(3),
            spool_bytes: 0,
        },
        WalEvent::UpTo {
            timeline: Timeline(2),
            position: at(20, 0x1A28),
            as_of: ago(300),
            spool_bytes: 160 << 20,
        },
        WalEvent::Gap {
            gap: archived().gaps[0].clone(),
        },
        WalEvent::OtherContent { segment: name },
        WalEvent::Unreadable {
            segment: name,
            reason: "at 0/A000028: the checksum of the record does not fit".to_owned(),
        },
        WalEvent::Waiting {
            what: WalWait::Store,
            reason: "connection refused \u{1b}[31m".to_owned(),
        },
        WalEvent::Back {
            what: WalWait::Store,
        },
        WalEvent::Stopped { spool_bytes: 0 },
        WalEvent::Stopped {
            spool_bytes: 32 << 20,
        },
    ];
    insta::assert_snapshot!(both_widths(|screen| {
        let lines = events
            .iter()
            .filter_map(|event| wal_event_line(event, fixture::now(), screen));
        lines.map(|line| line + "\n").collect()
    }));
}

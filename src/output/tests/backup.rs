//! The screens of `pgctl backup`: what is kept in a store, what verifying it found, and what prune does.

use jiff::{SignedDuration, Timestamp};

use super::both_widths;
use crate::backup::catalogue::{Catalogue, Entry, KeepReason, RetentionVerdict, Undeletable};
use crate::backup::copy::{Comparison, CopyState};
use crate::backup::format::{
    Archive, BackupSource, Content, Fingerprint, Kind, Manifest, Method, RestoreTest, Verification,
    WalRange,
};
use crate::cluster::{ClusterId, Lsn, Timeline, fixture};
use crate::output::{
    BackupCopies, BackupCopy, CopyEnd, CopyOutcome, Pruning, Undeleted, WalPruning,
    backup_copies_screen, backup_taken, backups_screen, comparisons_screen, copy_end_screen,
    pruning_screen, verified_screen,
};
use crate::wal::{ArchiveObject, ExpiredWal};

fn ago(hours: i64) -> Timestamp {
    fixture::now() - SignedDuration::from_hours(hours)
}

fn id(hours: i64) -> String {
    let began = ago(hours).strftime("%Y%m%dT%H%M%SZ").to_string();
    format!("staging_staging_{began}_logical_3fa9")
}

fn manifest(hours: i64) -> Manifest {
    let file = Fingerprint {
        bytes: 300 << 20,
        sha256: Fingerprint::of(b"").sha256,
    };
    Manifest {
        api_version: Manifest::API_VERSION.to_owned(),
        kind: Manifest::KIND.to_owned(),
        id: id(hours),
        backup: Kind::Logical,
        label: None,
        source: BackupSource {
            cluster: ClusterId {
                namespace: "staging".to_owned(),
                name: "staging".to_owned(),
            },
            pod: fixture::replica(0),
            role: "standby".to_owned(),
            architecture: "x86_64".to_owned(),
            tool: "pg_dump (PostgreSQL) 15.18".to_owned(),
            user: "postgres".to_owned(),
            via: "exec".to_owned(),
        },
        server_version: 150_018,
        system_identifier: "7300000000000000001".to_owned(),
        wal: WalRange {
            timeline: Timeline(3),
            start: Lsn::new(0x0A00_0028),
            end: Lsn::new(0x0A00_0138),
        },
        started: ago(hours),
        ended: ago(hours) + SignedDuration::from_secs(75),
        pgctl_version: "0.1.0".to_owned(),
        encrypted_for: Vec::new(),
        left_out: Vec::new(),
        archives: vec![Archive {
            file: "00-globals.sql".to_owned(),
            content: Content::Globals,
            compression: Method::None,
            stored: file.clone(),
            sent: file,
            raw_bytes: 1 << 30,
        }],
    }
}

fn verification(hours: i64, problems: &[&str], test: Option<RestoreTest>) -> Verification {
    Verification {
        at: ago(1),
        id: id(hours),
        manifest: Fingerprint::of(b""),
        content: true,
        problems: problems.iter().map(|&it| it.to_owned()).collect(),
        restore_test: test,
        other_restore_test: None,
    }
}

fn restore_test(problems: &[&str]) -> RestoreTest {
    RestoreTest {
        at: ago(1),
        server: "15.18".to_owned(),
        amcheck: true,
        databases: 3,
        tables: 41,
        wal_segments: None,
        rows: 1_234_567,
        problems: problems.iter().map(|&it| it.to_owned()).collect(),
    }
}

const CUT: &str = "10-shop.dump: its size is 12 instead of 300 \u{1b}[31m";
const NOT_RESTORED: &str = "shop: relation \"cart\" has 3 rows instead of 4";

fn entry(hours: i64, verification: Option<Verification>) -> Entry {
    Entry {
        id: id(hours),
        manifest: Ok(manifest(hours)),
        fingerprint: Fingerprint::of(b""),
        verification,
        spoiled_record: None,
    }
}

/// One of each kind, with hostile words.
fn catalogue() -> Catalogue {
    let mut labelled = entry(2, None);
    if let Ok(manifest) = &mut labelled.manifest {
        manifest.label = Some("before the move \u{1b}[31m".to_owned());
        manifest.encrypted_for = vec!["age1qqqq".to_owned()];
        manifest.left_out = vec!["template_shop".to_owned()];
    }
    let restored = verification(30, &[], Some(restore_test(&[])));
    let cut = verification(54, &[CUT], None);
    let failed = verification(78, &[], Some(restore_test(&[NOT_RESTORED])));
    let mut unreadable = entry(102, None);
    unreadable.manifest = Err("its checksum does not fit".to_owned());
    Catalogue {
        entries: vec![
            labelled,
            entry(30, Some(restored)),
            entry(54, Some(cut)),
            entry(78, Some(failed)),
            unreadable,
        ],
        partial: vec![id(126)],
    }
}

#[test]
fn the_backups_of_a_store() {
    let store = "s3://backups/pg";
    let now = fixture::now();
    let full = both_widths(|screen| backups_screen(&catalogue(), store, now, screen));
    let none = Catalogue {
        entries: Vec::new(),
        partial: Vec::new(),
    };
    let empty = both_widths(|screen| backups_screen(&none, store, now, screen));
    insta::assert_snapshot!(format!("{full}\n{empty}"));
}

#[test]
fn a_backup_that_was_just_taken() {
    let text = both_widths(|screen| backup_taken(&manifest(0), "s3://backups/pg", screen, false));
    insta::assert_snapshot!(text);
}

#[test]
fn what_verifying_found() {
    let mut unopened = verification(2, &[], None);
    unopened.content = false;
    let results = [
        unopened,
        verification(30, &[], Some(restore_test(&[]))),
        verification(54, &[CUT], None),
        verification(78, &[], Some(restore_test(&[NOT_RESTORED]))),
    ];
    let text = [(true, false), (false, false), (true, true)].map(|(tested, quiet)| {
        let text = both_widths(|screen| verified_screen(&results, tested, screen, quiet));
        format!("tested: {tested}, quiet: {quiet}\n{text}")
    });
    insta::assert_snapshot!(text.join("\n"));
}

fn expired() -> ExpiredWal {
    let gap = |from| ArchiveObject::Gap {
        timeline: Timeline(1),
        from: Lsn::new(from),
    };
    ExpiredWal {
        before: Lsn::new(0x0A00_0028),
        objects: vec![gap(0x0100_0000), gap(0x0300_0000)],
        segments: 120,
        stored_bytes: 300 << 20,
    }
}

#[test]
fn what_prune_keeps_and_deletes() {
    let verdict = |hours, reasons: &[KeepReason]| RetentionVerdict {
        id: id(hours),
        reasons: reasons.to_vec(),
    };
    let mut pruning = Pruning {
        store: "s3://backups/pg".to_owned(),
        dry_run: true,
        verdicts: vec![
            verdict(-5, &[KeepReason::AheadOfClock]),
            verdict(2, &[KeepReason::NewestVerified, KeepReason::Last]),
            verdict(30, &[KeepReason::Daily, KeepReason::Weekly]),
            verdict(54, &[]),
            verdict(78, &[]),
        ],
        unreadable: vec![id(102)],
        given_up: vec![id(126)],
        deleted: Vec::new(),
        failed: Vec::new(),
        wal: vec![
            WalPruning {
                folder: "wal/staging_staging/7300000000000000001".to_owned(),
                expired: Ok(expired()),
                deleted: 0,
                failed: None,
            },
            WalPruning {
                folder: "wal/staging_staging/7300000000000000002".to_owned(),
                expired: Err(format!("where {} begins can't be read", id(102))),
                deleted: 0,
                failed: None,
            },
        ],
    };
    let before = both_widths(|screen| pruning_screen(&pruning, screen));
    pruning.dry_run = false;
    pruning.deleted = vec![id(78)];
    pruning.failed = vec![Undeleted {
        id: id(54),
        reason: "AccessDenied \u{1b}[31m".to_owned(),
    }];
    pruning.wal[0].deleted = 1;
    let after = both_widths(|screen| pruning_screen(&pruning, screen));
    pruning.wal[0].failed = Some(Undeletable {
        path: pruning.wal[0].paths()[1].clone(),
        reason: "AccessDenied \u{1b}[31m".to_owned(),
    });
    let failed = both_widths(|screen| pruning_screen(&pruning, screen));
    insta::assert_snapshot!(format!("{before}\n{after}\n{failed}"));
}

#[test]
fn what_was_copied_into_a_second_store() {
    let copy = |hours, outcome| BackupCopy {
        id: id(hours),
        stored_bytes: Some(300 << 20),
        outcome,
        next: None,
    };
    let mut damaged = copy(54, CopyOutcome::Refused(CUT.to_owned()));
    damaged.next = Some(format!("pgctl backup verify {}", id(54)));
    let mut failed = copy(2, CopyOutcome::Failed("AccessDenied \u{1b}[31m".to_owned()));
    failed.stored_bytes = None;
    let mut copies = BackupCopies {
        from: "s3://backups/pg".to_owned(),
        to: "/mnt/else where".to_owned(),
        dry_run: false,
        backups: vec![
            copy(102, CopyOutcome::AlreadyThere),
            copy(78, CopyOutcome::Copied),
            damaged,
            failed,
            copy(1, CopyOutcome::NotTried),
        ],
    };
    let done = both_widths(|screen| backup_copies_screen(&copies, screen, false));
    let quiet = both_widths(|screen| backup_copies_screen(&copies, screen, true));
    copies.dry_run = true;
    copies.backups = vec![copy(78, CopyOutcome::ToBeCopied)];
    let dry = both_widths(|screen| backup_copies_screen(&copies, screen, false));
    insta::assert_snapshot!(format!("{done}\n{quiet}\n{dry}"));
}

#[test]
fn what_became_of_the_second_place_of_a_backup() {
    let end = |problem: Option<&str>| CopyEnd {
        store: "/mnt/else where".to_owned(),
        problem: problem.map(str::to_owned),
    };
    let fine = both_widths(|screen| copy_end_screen(&id(0), &end(None), screen));
    let full = end(Some(
        "writing 01-shop.dump.zst: the disk is full \u{1b}[31m",
    ));
    let failed = both_widths(|screen| copy_end_screen(&id(0), &full, screen));
    insta::assert_snapshot!(format!("{fine}\n{failed}"));
}

#[test]
fn how_the_copies_in_a_second_store_compare() {
    let compared = |hours, state| Comparison {
        id: id(hours),
        state,
    };
    let different = |problem: &str, whole| CopyState::Different {
        problems: vec![problem.to_owned()],
        whole,
    };
    let all = [
        compared(78, CopyState::Equal),
        compared(54, CopyState::Lacking),
        compared(30, different(CUT, false)),
        compared(2, different("its manifest is another one", true)),
        compared(20, CopyState::Lacking),
        compared(10, CopyState::Unknown("AccessDenied \u{1b}[31m".to_owned())),
    ];
    let store = "s3://elsewhere/pg";
    // Nobody is told to copy what is not whole itself.
    let broken = id(20);
    let text = [false, true].map(|quiet| {
        let text = both_widths(|screen| comparisons_screen(&all, store, &[&broken], screen, quiet));
        format!("quiet: {quiet}\n{text}")
    });
    insta::assert_snapshot!(text.join("\n"));
}

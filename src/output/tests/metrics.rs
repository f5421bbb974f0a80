//! `pgctl metrics`: what is told, and the page that explains the names.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::Path;
use crate::backup::format::RestoreTestKind;
use crate::cluster::{
    ContainerState, Database, Limits, Lsn, NotVisible, ObjectKind, Snapshot, Timeline, assess,
    fixture,
};
use crate::output::metrics::METRICS;
use crate::output::{BackupFigures, LastLook, Looked, Measured, OperationFigures, exposition};
use crate::wal::{Recoverable, WalProtection};

fn measured() -> Measured {
    let mut snapshot = fixture::healthy(2);
    let slots = &mut fixture::primary(&mut snapshot).slots;
    slots[0].safe_wal_bytes = Some(1 << 30);
    fixture::primary(&mut snapshot).oldest_transaction_seconds = Some(12.0);
    fixture::primary(&mut snapshot).archiver = Some(crate::cluster::Archiver {
        ready_segments: 3,
        failing: false,
        stalled_seconds: 0,
    });
    let states = BTreeMap::from([("active".to_owned(), 3), ("a\"b\n".to_owned(), 1)]);
    Measured {
        health: assess(&snapshot, &Limits::default()),
        connections: BTreeMap::from([(fixture::PRIMARY.to_owned(), states)]),
        store_up: Some(true),
        backups: Some(BackupFigures {
            kinds: BTreeMap::from([("physical".to_owned(), 7)]),
            newest: Some(fixture::now()),
            restored: BTreeMap::from([(RestoreTestKind::Logical, (fixture::now(), true))]),
        }),
        archive: Some(WalProtection {
            recoverable: Some(Recoverable {
                timeline: Timeline(3),
                from: fixture::now() - SignedDuration::from_hours(48),
                to: fixture::now(),
                to_position: Lsn::new(0x0A00_0028),
                backup: "b".to_owned(),
            }),
            as_of: Some(fixture::now()),
            ..WalProtection::default()
        }),
        operations: Some(vec![OperationFigures {
            kind: "failover".into(),
            outcome: "done".into(),
            ended: Some(fixture::now()),
            outage_seconds: Some(0.75),
        }]),
        snapshot,
    }
}

const UP: LastLook = LastLook {
    up: true,
    seen: None,
    seconds: Some(0.5),
};

#[test]
fn what_is_known_is_told() {
    let seen = Some(fixture::now());
    let text = exposition(
        Some(&Looked::One(Box::new(measured()))),
        &LastLook { seen, ..UP },
    );
    let mut lines: Vec<&str> = text.lines().filter(|it| !it.starts_with('#')).collect();
    lines.sort_unstable();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn of_several_contexts_each_says_whether_it_answers() {
    let looked = Looked::Many {
        clusters: vec![(Some("berlin".to_owned()), measured())],
        contexts: BTreeMap::from([("berlin".to_owned(), true), ("tokyo".to_owned(), false)]),
    };
    let text = exposition(Some(&looked), &UP);
    for line in [
        "pgctl_up 1.0",
        "pgctl_up{context=\"berlin\"} 1.0",
        "pgctl_up{context=\"tokyo\"} 0.0",
    ] {
        assert!(text.lines().any(|it| it == line), "{line}: {text}");
    }
    let seen = "pgctl_seen_timestamp_seconds{context=\"berlin\",namespace=\"staging\",cluster=";
    let with_age = exposition(
        Some(&looked),
        &LastLook {
            seen: Some(fixture::now()),
            ..UP
        },
    );
    assert!(with_age.contains(seen), "{with_age}");
    let primaries = "pgctl_primaries{context=\"berlin\",namespace=\"staging\",cluster=";
    assert!(text.contains(primaries), "{text}");
    // While the look itself fails, none answers.
    let text = exposition(Some(&looked), &LastLook { up: false, ..UP });
    assert!(!text.contains("pgctl_up{context=\"berlin\"} 1.0"), "{text}");
}

#[test]
fn a_trial_of_one_kind_that_worked_hides_none_of_another_that_failed() {
    let mut measured = measured();
    let (saturday, sunday) = (
        fixture::now() - SignedDuration::from_hours(24),
        fixture::now(),
    );
    let backups = measured.backups.get_or_insert_default();
    backups.restored = BTreeMap::from([
        (RestoreTestKind::Logical, (sunday, true)),
        (RestoreTestKind::PhysicalWithWal, (saturday, false)),
    ]);
    let text = exposition(Some(&Looked::One(Box::new(measured))), &UP);
    let values = |metric: &str| {
        let of = series(&text, metric);
        of.iter()
            .map(|it| {
                it.split_once("\"staging\",cluster=\"staging\"")
                    .map(|it| it.1)
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(values("backup_restore_test_success"), [Some("} 0.0")]);
    let mut kinds = values("backup_restore_test_kind_success");
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        [
            Some(",kind=\"logical\"} 1.0"),
            Some(",kind=\"physical-with-wal\"} 0.0")
        ]
    );
    let of = series(&text, "backup_restore_test_timestamp_seconds");
    let told = format!("}} {}.0", sunday.as_second());
    assert!(of.len() == 1 && of[0].ends_with(&told), "{of:?}");
}

/// The series of a metric, with their values.
fn series<'a>(text: &'a str, metric: &str) -> Vec<&'a str> {
    let begin = format!("pgctl_{metric}{{");
    text.lines().filter(|it| it.starts_with(&begin)).collect()
}

fn told_of(damage: impl FnOnce(&mut Snapshot)) -> String {
    let mut measured = measured();
    damage(&mut measured.snapshot);
    measured.health = assess(&measured.snapshot, &Limits::default());
    exposition(Some(&Looked::One(Box::new(measured))), &UP)
}

fn silence(snapshot: &mut Snapshot, pod: &str) {
    fixture::instance(snapshot, pod).database = Database::Unreachable {
        reason: "no answer within 10 s".to_owned(),
        alive: false,
    };
}

#[test]
fn of_a_silent_primary_nothing_is_made_up() {
    let text = told_of(|snapshot| {
        silence(snapshot, fixture::PRIMARY);
        // What it was sent last: the first standby is the furthest.
        fixture::recovery(snapshot, 1).replay_lsn = Some(Lsn::new(1000));
    });
    for metric in [
        "primaries",
        "standby_lag_bytes",
        "standby_lag_seconds",
        "standby_streaming",
        "standby_synchronous",
    ] {
        assert_eq!(series(&text, metric), [""; 0], "{metric}");
    }
    let unknown = series(&text, "instances_unknown");
    assert!(unknown[0].ends_with(" 1.0"), "{unknown:?}");
    // The same when the standbys have noticed that they hear nothing.
    let text = told_of(|snapshot| {
        silence(snapshot, fixture::PRIMARY);
        for ordinal in 0..2 {
            fixture::recovery(snapshot, ordinal).receiver = None;
        }
    });
    assert_eq!(series(&text, "standby_streaming"), [""; 0]);
}

#[test]
fn of_a_primary_that_is_known_to_have_ended_it_is_told() {
    let text = told_of(|snapshot| {
        let container = ContainerState::Terminated(fixture::killed_for_memory());
        fixture::stop(snapshot, fixture::PRIMARY, container);
    });
    assert!(series(&text, "primaries")[0].ends_with(" 0.0"), "{text}");
    let unknown = series(&text, "instances_unknown");
    assert!(unknown[0].ends_with(" 0.0"), "{unknown:?}");
    assert_eq!(series(&text, "standby_lag_bytes"), [""; 0]);
}

#[test]
fn a_standby_that_receives_nothing_while_the_primary_answers_does_not_stream() {
    let text = told_of(|snapshot| fixture::cut_stream(snapshot, 0));
    let streaming = series(&text, "standby_streaming");
    let ends = |ordinal: u32, value: &str| {
        let end = format!("pod=\"{}\"}} {value}", fixture::replica(ordinal));
        streaming.iter().any(|it| it.ends_with(&end))
    };
    assert!(ends(0, "0.0") && ends(1, "1.0"), "{streaming:?}");
    // It may stream from one that is silent.
    let text = told_of(|snapshot| {
        let receiver = fixture::recovery(snapshot, 0).receiver.clone();
        fixture::cut_stream(snapshot, 0);
        fixture::recovery(snapshot, 0).receiver = receiver;
        silence(snapshot, &fixture::replica(1));
    });
    let streaming = series(&text, "standby_streaming").join("\n");
    assert!(!streaming.contains(&fixture::replica(0)), "{streaming}");
    assert!(series(&text, "primaries")[0].ends_with(" 1.0"), "{text}");
}

#[test]
fn a_store_or_a_journal_that_cannot_be_read_is_told_and_not_taken_for_empty() {
    let mut measured = measured();
    measured.store_up = Some(false);
    measured.backups = None;
    measured.archive = None;
    measured.operations = None;
    let text = exposition(Some(&Looked::One(Box::new(measured))), &UP);
    assert!(series(&text, "store_up")[0].ends_with(" 0.0"), "{text}");
    assert_eq!(series(&text, "operation_unfinished"), [""; 0]);
    assert_eq!(series(&text, "backups"), [""; 0]);
}

#[test]
fn throw_away_servers_are_counted_only_when_all_were_seen() {
    let text = told_of(|snapshot| snapshot.throw_aways = vec![fixture::throw_away("look")]);
    assert!(
        series(&text, "throw_away_servers")[0].ends_with(" 1.0"),
        "{text}"
    );
    let created = series(&text, "throw_away_created_timestamp_seconds");
    let three_hours_ago = (fixture::now() - SignedDuration::from_hours(3)).as_second();
    let end = format!("server=\"look\"}} {three_hours_ago}.0");
    assert!(created[0].ends_with(&end), "{created:?}");
    let text = told_of(|snapshot| {
        snapshot.throw_aways = vec![fixture::throw_away("look")];
        snapshot.unseen.push(NotVisible {
            what: ObjectKind::ThrowAways,
            why: "forbidden".to_owned(),
        });
    });
    assert_eq!(series(&text, "throw_away_servers"), [""; 0]);
    assert_eq!(
        series(&text, "throw_away_created_timestamp_seconds").len(),
        1
    );
}

#[test]
fn of_a_cluster_that_was_never_seen_only_that_is_told() {
    let down = LastLook {
        up: false,
        seen: None,
        seconds: None,
    };
    let text = exposition(None, &down);
    let lines: Vec<&str> = text.lines().filter(|it| !it.starts_with('#')).collect();
    assert_eq!(lines, ["pgctl_up 0.0"]);
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn each_metric_has_its_line_and_each_line_its_metric() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let page = std::fs::read_to_string(&file).expect("docs/metrics.md");
    let row = |line: &str| {
        let cells: Vec<String> = line.split('|').map(|it| it.trim().to_owned()).collect();
        let name = cells
            .get(1)?
            .strip_prefix('`')?
            .strip_suffix('`')?
            .to_owned();
        name.starts_with("pgctl_").then(|| (name, cells[3].clone()))
    };
    let told: BTreeMap<String, String> = page.lines().filter_map(row).collect();
    let known = METRICS
        .iter()
        .map(|(name, help)| ((*name).to_owned(), (*help).to_owned()));
    assert_eq!(told, known.collect());
}

/// Alerts and dashboards ask for metrics that there are.
#[test]
fn nobody_asks_for_a_metric_that_there_is_not() {
    let names: BTreeSet<&str> = METRICS.iter().map(|it| it.0).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/components/monitoring");
    for file in ["rules.yaml", "dashboard.json"] {
        let text = std::fs::read_to_string(folder.join(file)).expect(file);
        let asked = text.match_indices("pgctl_").map(|(at, _)| {
            let end = text[at..].find(|it: char| !(it.is_ascii_alphanumeric() || it == '_'));
            &text[at..end.map_or(text.len(), |end| at + end)]
        });
        let mut asked = asked.peekable();
        assert!(asked.peek().is_some(), "{file} asks for nothing");
        for name in asked {
            assert!(names.contains(name), "{file}: {name}");
        }
    }
}

//! `pgctl metrics`: what is told, and the page that explains the names.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::Path;
use crate::cluster::{Limits, Lsn, Timeline, assess, fixture};
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
        backups: Some(BackupFigures {
            kinds: BTreeMap::from([("physical".to_owned(), 7)]),
            newest: Some(fixture::now()),
            restored: Some((fixture::now(), true)),
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
    let primaries = "pgctl_primaries{context=\"berlin\",namespace=\"staging\",cluster=";
    assert!(text.contains(primaries), "{text}");
    // While the look itself fails, none answers.
    let text = exposition(Some(&looked), &LastLook { up: false, ..UP });
    assert!(!text.contains("pgctl_up{context=\"berlin\"} 1.0"), "{text}");
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

//! The screens, looked at like code; and the documents against their schemas.

mod asked;
mod backup;
mod change;
mod cluster_backups;
mod doctor;
mod explain;
mod fleet_query;
mod forward;
mod metrics;
mod operation;
mod own_defaults;
mod query;
mod restore;
mod rollout;
mod scaling;
mod top;
mod tune;
mod version;
mod wal;

use std::path::Path;
use std::sync::Arc;

use jiff::SignedDuration;
use jsonschema::Validator;
use serde_json::Value;

use super::*;
use crate::cluster::fixture::{self, POSITION, PRIMARY, replica};
use crate::cluster::{
    ContainerState, Database, Health, Limits, Lsn, ServicePurpose, Snapshot, StartDecision,
    TerminationRecord, Timeline, assess, lag_rates, lag_report, slot_report,
};
use crate::exit::ExitCode;
use crate::failure::Failure;

fn screen(width: u16) -> Screen {
    Screen {
        width: Some(width),
        height: None,
        color: false,
        wide: false,
        given: Arc::default(),
    }
}

/// A screen at both widths, as one text. No escape of the cluster's gets out.
fn both_widths(draw: impl Fn(&Screen) -> String) -> String {
    let text = [80, 160].map(|width| {
        let text = draw(&screen(width));
        assert!(!text.contains('\u{1b}'), "an escape gets out: {text:?}");
        format!("--- {width} columns\n{text}")
    });
    text.join("\n")
}

/// Both widths of a cluster's screen, as one text.
fn both(snapshot: &Snapshot) -> String {
    let health = assess(snapshot, &Limits::default());
    both_widths(|screen| status_screen(snapshot, &health, None, screen))
}

fn damaged(damage: impl FnOnce(&mut Snapshot)) -> Snapshot {
    let mut snapshot = fixture::healthy(2);
    damage(&mut snapshot);
    snapshot
}

fn back_off(decision: Option<StartDecision>) -> (ContainerState, TerminationRecord) {
    let waiting = ContainerState::Waiting {
        reason: "CrashLoopBackOff".into(),
        message: "back-off 40s restarting failed container".into(),
    };
    let record = TerminationRecord {
        exit_code: 1,
        reason: Some("Error".into()),
        finished: Some(fixture::now() - SignedDuration::from_secs(20)),
        decision,
    };
    (waiting, record)
}

/// Every bad state that has a screen of its own.
fn states() -> Vec<(&'static str, Snapshot)> {
    let behind = Some(Lsn::new(POSITION.bytes() - (40 << 20)));
    vec![
        ("healthy", fixture::healthy(2)),
        (
            "no_primary",
            damaged(|s| {
                let (waiting, record) = back_off(None);
                fixture::stop(s, PRIMARY, waiting);
                fixture::instance(s, PRIMARY).pod.last_termination = Some(record);
            }),
        ),
        (
            "split_brain",
            damaged(|s| {
                fixture::cut_stream(s, 0);
                let stray = fixture::facts(s, &replica(0));
                stray.recovery = None;
                stray.timeline = Timeline(2);
                stray.flush_lsn = Lsn::new(POSITION.bytes() + 4096);
            }),
        ),
        (
            "write_service_astray",
            damaged(|s| {
                fixture::service_for(s, ServicePurpose::Write).endpoints[0].pod = Some(replica(1));
            }),
        ),
        (
            "write_service_empty",
            damaged(|s| {
                fixture::service_for(s, ServicePurpose::Write)
                    .endpoints
                    .clear()
            }),
        ),
        (
            "standby_not_streaming",
            damaged(|s| {
                fixture::cut_stream(s, 1);
                fixture::slot(s, 1).retained_bytes = 700 << 20;
            }),
        ),
        (
            "standby_paused_and_behind",
            damaged(|s| {
                let recovery = fixture::recovery(s, 0);
                recovery.replay_paused = true;
                recovery.replay_lsn = behind;
                recovery.last_commit_replayed =
                    Some(fixture::now() - SignedDuration::from_secs(95));
                fixture::sender(s, 0).replay_lsn = behind;
            }),
        ),
        (
            "other_timeline_and_system",
            damaged(|s| {
                fixture::cut_stream(s, 0);
                fixture::cut_stream(s, 1);
                fixture::primary(s).timeline = Timeline(3);
                fixture::facts(s, &replica(1)).system_identifier = "7000000000000000001".into();
            }),
        ),
        (
            "pods_in_trouble",
            damaged(|s| {
                let (waiting, record) = back_off(None);
                fixture::stop(s, &replica(0), waiting);
                fixture::instance(s, &replica(0)).pod.last_termination = Some(record);
                fixture::stop(s, &replica(1), ContainerState::Unknown);
                let pod = &mut fixture::instance(s, &replica(1)).pod;
                pod.phase = "Pending".into();
                pod.node = None;
                pod.unschedulable = Some("0/3 nodes are available: 3 Insufficient memory.".into());
                s.stateful_sets[1].ready = 0;
                s.stateful_sets[1].wanted = 3;
            }),
        ),
        (
            "autoscaler_and_disk",
            damaged(|s| {
                let autoscaler = s.autoscaler.as_mut().expect("it has one");
                (autoscaler.current, autoscaler.desired) = (5, 5);
                autoscaler.metrics[0].current_percent = Some(93);
                let usage = &mut fixture::primary(s).usage;
                (usage.used_bytes, usage.available_bytes) = (Some(9 << 30), Some(1 << 30));
            }),
        ),
        (
            "empty_primary_volume",
            damaged(|s| {
                let (waiting, record) = back_off(Some(StartDecision::Refused {
                    reason: "empty-primary".into(),
                    message: "staging-postgres-replica-0 has data, and this volume is empty".into(),
                }));
                fixture::stop(s, PRIMARY, waiting);
                fixture::instance(s, PRIMARY).pod.last_termination = Some(record);
            }),
        ),
        (
            "one_database_hangs",
            damaged(|s| {
                fixture::instance(s, &replica(0)).database = Database::Unreachable {
                    reason: "no answer within 10 s".into(),
                    alive: false,
                };
            }),
        ),
    ]
}

#[test]
fn every_state_has_its_screen() {
    for (name, snapshot) in states() {
        insta::assert_snapshot!(format!("status_{name}"), both(&snapshot));
    }
}

#[test]
fn no_table_line_is_wider_than_the_terminal() {
    for (name, snapshot) in states() {
        let health = assess(&snapshot, &Limits::default());
        for width in [80_u16, 100, 160] {
            for line in status_screen(&snapshot, &health, None, &screen(width)).lines() {
                // Commands stay whole, to be copied.
                let command = line.starts_with("  type:") || line.starts_with("        ");
                let columns = console::measure_text_width(line);
                assert!(
                    command || columns <= usize::from(width),
                    "{name} at {width}: {line}"
                );
            }
        }
    }
}

#[test]
fn the_list_of_clusters() {
    let mut judged: Vec<_> = states()
        .into_iter()
        .take(4)
        .map(|(_, snapshot)| assess(&snapshot, &Limits::default()))
        .collect();
    for (number, health) in judged.iter_mut().enumerate() {
        health.headline.cluster.namespace = format!("team-{number}");
    }
    let text = [80, 160].map(|width| clusters_screen(&fleet(&judged), &screen(width)));
    insta::assert_snapshot!(text.join("\n"));
}

/// Clusters of one context.
fn fleet(judged: &[Health]) -> FleetView<'_, &Health> {
    FleetView {
        clusters: judged.iter().map(|health| (None, health)).collect(),
        unreached: &[],
        empty: &[],
    }
}

#[test]
fn clusters_of_several_contexts_and_one_that_does_not_answer() {
    let judged: Vec<_> = states()
        .into_iter()
        .take(2)
        .map(|(_, snapshot)| assess(&snapshot, &Limits::default()))
        .collect();
    let silent = Failure::new(ExitCode::Unreachable, "https://10.0.0.1 does not answer")
        .because("connection timed out");
    let view = FleetView {
        clusters: ["berlin", "paris"]
            .map(Some)
            .into_iter()
            .zip(&judged)
            .collect(),
        unreached: &[("tokyo".to_owned(), silent)],
        empty: &["laptop".to_owned()],
    };
    let text = [80, 160].map(|width| clusters_screen(&view, &screen(width)));
    insta::assert_snapshot!(text.join("\n"));
    let document = ClusterListDocument::new(fixture::now(), &view);
    holds("cluster-list.json", &encode(&document, Format::Json)).expect("it holds");
}

/// Two looks, the primary writing faster than one of its standbys replays.
fn two_looks() -> (Snapshot, Snapshot) {
    let before = fixture::healthy(3);
    let mut after = before.clone();
    after.taken = before.taken + SignedDuration::from_secs(1);
    let position = |bytes: u64| Some(Lsn::new(POSITION.bytes() + bytes));
    for pod in (0..3).map(replica).chain([PRIMARY.to_owned()]) {
        fixture::facts(&mut after, &pod).clock = after.taken;
    }
    fixture::primary(&mut after).flush_lsn = position(64 << 20).expect("a position");
    for (ordinal, replayed) in [(0, 64 << 20), (1, 20 << 20)] {
        let sender = fixture::sender(&mut after, ordinal);
        (sender.sent_lsn, sender.write_lsn, sender.flush_lsn) =
            (position(64 << 20), position(60 << 20), position(48 << 20));
        sender.replay_lsn = position(replayed);
        (sender.write_lag, sender.flush_lag, sender.replay_lag) =
            (Some(0.002), Some(0.2), Some(3.4));
        fixture::recovery(&mut after, ordinal).replay_lsn = position(replayed);
        fixture::recovery(&mut after, ordinal).receive_lsn = position(60 << 20);
    }
    fixture::cut_stream(&mut after, 2);
    fixture::slot(&mut after, 2).retained_bytes = 64 << 20;
    (before, after)
}

#[test]
fn the_lag_of_a_busy_cluster() {
    let (before, after) = two_looks();
    let (report, rates) = (lag_report(&after), lag_rates(&before, &after));
    let limit = "10s,16MB".parse().expect("a limit");
    let view = LagView {
        report: &report,
        rates: Some(&rates),
        limit: Some(&limit),
    };
    let text = [80, 160].map(|width| lag_screen(&view, &screen(width)));
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn the_lag_of_an_idle_cluster() {
    let snapshot = fixture::healthy(2);
    let report = lag_report(&snapshot);
    let view = LagView {
        report: &report,
        rates: None,
        limit: None,
    };
    insta::assert_snapshot!(lag_screen(&view, &screen(80)));
}

#[test]
fn hostile_text_from_the_cluster_reaches_no_screen_and_no_document() {
    let hostile = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}";
    let snapshot = damaged(|s| {
        fixture::instance(s, &replica(0)).database = Database::Unreachable {
            reason: format!("connection {hostile} refused"),
            alive: false,
        };
        fixture::instance(s, &replica(1)).pod.node = Some(hostile.into());
        s.unseen.push(crate::cluster::NotVisible {
            what: crate::cluster::ObjectKind::Nodes,
            why: hostile.into(),
        });
        s.throw_aways = vec![fixture::throw_away("look"), fixture::throw_away(hostile)];
        s.cluster.name = hostile.into();
    });
    let health = assess(&snapshot, &Limits::default());
    let document = ClusterStatusDocument::new(&snapshot, &health);
    for text in [
        status_screen(&snapshot, &health, None, &screen(80)),
        clusters_screen(&fleet(std::slice::from_ref(&health)), &screen(160)),
        encode(&document, Format::Json),
        encode(&document, Format::Yaml),
        encode_line(&document),
    ] {
        let bad = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!text.contains(bad), "{text:?}");
    }
}

#[test]
fn colours_are_only_used_when_asked_for() {
    let (_, snapshot) = &states()[1];
    let health = assess(snapshot, &Limits::default());
    let plain = status_screen(snapshot, &health, None, &screen(80));
    let colored = Screen {
        color: true,
        ..screen(80)
    };
    let painted = status_screen(snapshot, &health, None, &colored);
    assert!(!plain.contains('\u{1b}'));
    assert!(painted.contains('\u{1b}'));
    assert_eq!(console::strip_ansi_codes(&painted), plain);
}

#[test]
fn a_failure_says_what_why_and_what_next() {
    let failure = Failure::new(ExitCode::Unreachable, "the Kubernetes API can't be reached")
        .on("context/staging")
        .because("connection refused (os error 111)")
        .next("kubectl --context staging version");
    insta::assert_snapshot!(failure_screen(&failure, &screen(80)), @r"
    error: context/staging: the Kubernetes API can't be reached
      why:  connection refused (os error 111)
      next: kubectl --context staging version
    ");
}

#[test]
fn the_slots_of_a_server_that_fills_up() {
    const MIB: u64 = 1024 * 1024;
    let mut before = fixture::healthy(2);
    fixture::slot(&mut before, 1).retained_bytes = 380 * MIB;
    let mut after = before.clone();
    after.taken = before.taken + SignedDuration::from_secs(1);
    let taken = after.taken;
    let primary = fixture::primary(&mut after);
    primary.clock = taken;
    primary.usage.available_bytes = Some(900 * MIB);
    let slot = fixture::slot(&mut after, 1);
    slot.active = false;
    slot.wal_status = Some("extended".to_owned());
    slot.retained_bytes = 400 * MIB;
    slot.safe_wal_bytes = None;
    insta::assert_snapshot!(slots_texts(&before, &after));
}

#[test]
fn the_slots_of_a_server_whose_standby_is_quick() {
    let snapshot = fixture::healthy(2);
    insta::assert_snapshot!(slots_texts(&snapshot, &snapshot));
}

#[test]
fn the_state_of_the_wal_stays_where_columns_are_left_out() {
    let mut snapshot = fixture::healthy(2);
    fixture::slot(&mut snapshot, 1).wal_status = Some("unreserved".to_owned());
    let text = slots_text(&snapshot, 80);
    let line = text.lines().find(|it| it.ends_with("unreserved"));
    assert!(
        line.is_some_and(|it| it.starts_with("staging_postgres_replica_1")),
        "{text}"
    );
    assert!(text.contains("STILL SAFE"), "{text}");
}

#[test]
fn who_does_not_tell_of_its_slots_has_a_reason() {
    let silent = |snapshot: &mut Snapshot, pod: &str| {
        fixture::instance(snapshot, pod).database = Database::Unreachable {
            reason: "no answer within 10 s".into(),
            alive: false,
        };
    };
    let mut snapshot = fixture::healthy(2);
    silent(&mut snapshot, &replica(0));
    let line = format!("no answer of {}: no answer within 10 s\n", replica(0));
    let text = slots_text(&snapshot, 160);
    assert!(text.contains(&line), "{text}");

    silent(&mut snapshot, PRIMARY);
    fixture::instance(&mut snapshot, &replica(1)).database = Database::NotRunning;
    let text = slots_text(&snapshot, 160);
    let stopped = format!("no answer of {}: its container does not run\n", replica(1));
    assert!(text.starts_with("no database answers: "), "{text}");
    assert!(text.contains(&line) && text.contains(&stopped), "{text}");
}

fn slots_text(snapshot: &Snapshot, width: u16) -> String {
    let health = assess(snapshot, &Limits::default());
    let report = slot_report(None, snapshot);
    slots_screen(snapshot, &report, &health, &screen(width))
}

fn slots_texts(before: &Snapshot, after: &Snapshot) -> String {
    let health = assess(after, &Limits::default());
    let report = slot_report(Some(before), after);
    let text = [80, 160].map(|width| slots_screen(after, &report, &health, &screen(width)));
    text.join("\n")
}

/// Whoever adds a document and forgets its schema, or a kind and forgets its line in the table of
/// `docs/output.md`, is told here.
#[test]
fn every_document_has_a_schema_and_is_in_the_table_of_documents() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/output/document");
    let mut kinds: Vec<String> = ["Plan", "Refusal", "Report", "History"]
        .map(str::to_owned)
        .into();
    for file in std::fs::read_dir(sources).expect("src/output/document") {
        let code = std::fs::read_to_string(file.expect("a file").path()).expect("its text");
        let named = code.lines().filter_map(|line| {
            let kind = line.trim().strip_prefix("kind: \"")?;
            kind.strip_suffix("\",").map(str::to_owned)
        });
        kinds.extend(named);
    }
    assert!(
        kinds.len() > 10,
        "the documents are looked for in the wrong place: {kinds:?}"
    );
    let table = include_str!("../../docs/output.md");
    let schemas = schemas();
    for kind in kinds {
        let of_kind = |schema: &&Value| {
            schema.pointer("/properties/kind/const") == Some(&kind.as_str().into())
        };
        assert!(
            schemas.values().any(|it| of_kind(&it)),
            "{kind} has no schema (src/output/schema.rs)"
        );
        assert!(
            table.contains(&format!("| `{kind}` |")),
            "{kind} is not in docs/output.md"
        );
    }
}

/// A validator of what `docs/schema/` says of a document.
fn validator(schema: &str) -> Result<Validator, Box<dyn std::error::Error>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema");
    let file = folder.join(schema);
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(&file)?)?;
    let options = jsonschema::options().with_base_uri(format!("file://{}", file.display()));
    Ok(options.build(&schema)?)
}

fn holds(schema: &str, document: &str) -> Result<(), Box<dyn std::error::Error>> {
    let document: Value = serde_json::from_str(document)?;
    let validator = validator(schema)?;
    let errors: Vec<String> = validator
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(errors, Vec::<String>::new());
    // A schema that takes anything would prove nothing.
    assert!(!validator.is_valid(&Value::from("text")));
    Ok(())
}

#[test]
fn entries_of_logs_hold_to_their_schema() -> Result<(), Box<dyn std::error::Error>> {
    use crate::cluster::Role;
    use crate::log::{Assembler, Line, SlowStatements};
    let mut slow = SlowStatements::default();
    for text in [
        "2026-11-28 13:00:00.123 UTC [42] LOG:  duration: 5010.5 ms  statement: select 1",
        "somebody else",
    ] {
        let mut assembler = Assembler::new(1000);
        assembler.push(Line {
            time: (),
            text: text.as_bytes(),
            dropped: 0,
        });
        let ((), entry) = assembler.end().expect("an entry");
        slow.add("p-0", None, &entry);
        let document = LogEntryDocument::new("p-0", Role::Unknown, None, &entry);
        holds("log-entry.json", &encode_line(&document))?;
    }
    let document = SlowStatementsDocument::new(&fixture::healthy(2), &slow);
    holds("slow-statements.json", &encode(&document, Format::Json))
}

#[test]
fn every_document_holds_to_its_schema() -> Result<(), Box<dyn std::error::Error>> {
    let mut judged = Vec::new();
    for (_, snapshot) in states() {
        let health = assess(&snapshot, &Limits::default());
        let document = ClusterStatusDocument::new(&snapshot, &health);
        holds("cluster-status.json", &encode(&document, Format::Json))?;
        // YAML has the same data.
        let yaml: Value = serde_saphyr::from_str(&encode(&document, Format::Yaml))?;
        assert_eq!(yaml, serde_json::to_value(&document)?);
        judged.push(health);
    }
    let list = ClusterListDocument::new(fixture::now(), &fleet(&judged));
    holds("cluster-list.json", &encode(&list, Format::Json))?;
    let (before, after) = two_looks();
    let (report, rates) = (lag_report(&after), lag_rates(&before, &after));
    let limit = "10s".parse()?;
    for (rates, limit) in [(None, None), (Some(&rates), Some(&limit))] {
        let view = LagView {
            report: &report,
            rates,
            limit,
        };
        let document = LagReportDocument::new(&after, &view);
        holds("lag-report.json", &encode(&document, Format::Json))?;
    }
    let failure = Failure::new(ExitCode::Failed, "it broke").because("it was old");
    let report = slot_report(Some(&before), &after);
    let document = SlotsDocument::new(&after, &report);
    holds("slots.json", &encode(&document, Format::Json))?;
    holds(
        "error.json",
        &encode_line(&ErrorDocument::new(&failure, &Given::default())),
    )
}

#[test]
fn the_plan_of_a_switchover() {
    use crate::plan::{Circumstances, FailoverRequest, plan_failover};
    let request = FailoverRequest {
        rejoin: true,
        ..FailoverRequest::default()
    };
    let plan = plan_failover(
        &fixture::healthy(2),
        &request,
        &Circumstances::default(),
        fixture::now(),
    )
    .expect("a healthy cluster can fail over");
    let text = [80, 160].map(|width| {
        let text = plan_screen(&plan, &screen(width));
        format!("--- {width} columns\n{text}")
    });
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn the_last_backup_is_a_row_also_when_nothing_is_known() {
    use crate::backup::catalogue::{LastBackup, Newest};
    use crate::backup::format::Kind;
    use crate::wal_archive::LastArchive;

    let snapshot = fixture::healthy(2);
    let health = assess(&snapshot, &Limits::default());
    let newest = Newest {
        id: "staging_staging_20261123T010000Z_physical_3fa9".into(),
        kind: Kind::Physical,
        started: snapshot.taken - SignedDuration::from_hours(9),
        verified: snapshot.taken - SignedDuration::from_hours(2),
    };
    let mut text = String::new();
    for found in [
        Ok(Some(newest)),
        Ok(None),
        Err("no answer within 5 s".to_owned()),
    ] {
        let last = LastBackup {
            store: "s3://backups/postgres".into(),
            found,
        };
        let none = LastArchive {
            store: last.store.clone(),
            found: Ok(None),
        };
        let screen = status_screen(&snapshot, &health, Some((&last, &none)), &screen(100));
        let from = screen.find("LAST VERIFIED BACKUP").expect("a section");
        text.push_str(&screen[from..]);
        text.push('\n');
        let document = ClusterStatusDocument::new(&snapshot, &health).with_kept(&last, &none);
        assert_eq!(
            serde_json::to_value(&document).expect("JSON")["walArchive"],
            Value::Null
        );
        let document = serde_json::to_value(&document).expect("JSON");
        text.push_str(&format!("{:#}\n\n", document["lastBackup"]));
    }
    insta::assert_snapshot!(text);
}

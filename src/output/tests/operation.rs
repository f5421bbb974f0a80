//! The screens and documents of guided operations.

use jiff::SignedDuration;
use serde_json::Value;

use super::{holds, screen, validator};
use crate::cluster::fixture::{PRIMARY, healthy, instance, now, replica};
use crate::cluster::{Database, Lsn, Snapshot, Timeline};
use crate::engine::{Journal, Record, Report};
use crate::output::*;
use crate::plan::{
    Circumstances, FailoverRequest, JournalEntry, JournalEvent, OperationFinding, OperationOutcome,
    OutageMethod, OutageParts, Plan, Refusal, Shutdown, StepName, plan_failover,
};

fn request() -> FailoverRequest {
    FailoverRequest {
        to: Some("replica-0".into()),
        rejoin: true,
        ..FailoverRequest::default()
    }
}

fn switchover() -> Plan {
    plan_failover(&healthy(3), &request(), &Circumstances::default(), now())
        .unwrap_or_else(|refusal| panic!("{refusal}"))
}

fn locked_out() -> Snapshot {
    let mut snapshot = healthy(2);
    for pod in [PRIMARY.to_owned(), replica(0), replica(1)] {
        instance(&mut snapshot, &pod).database = Database::LockedOut {
            reason: "wrong password for user \"postgres\" (from Secret staging-postgres-secret, key postgres-password)".into(),
            secret: "staging-postgres-secret".into(),
            key: "postgres-password".into(),
        };
    }
    snapshot
}

fn refusal() -> Refusal {
    match plan_failover(&locked_out(), &request(), &Circumstances::default(), now()) {
        Err(refusal) => refusal,
        Ok(plan) => panic!("it was planned: {:#?}", plan.checks),
    }
}

/// What is journaled when each step takes a quarter of a second.
fn journal(plan: &Plan) -> Vec<JournalEntry> {
    let mut events = vec![JournalEvent::Started {
        by: "ann@laptop/1-2-3".into(),
    }];
    for step in &plan.steps {
        events.push(JournalEvent::Began { step: step.name });
        match step.name {
            StepName::StopPrimary => {
                events.push(JournalEvent::Found(OperationFinding::Shutdown(Shutdown {
                    timeline: Timeline(1),
                    lsn: Lsn::new(0x0A00_0028),
                })))
            }
            StepName::Promote => events.extend([
                JournalEvent::Found(OperationFinding::Outage {
                    seconds: 0.31,
                    method: OutageMethod::OwnWrites,
                }),
                JournalEvent::Found(OperationFinding::OutageParts(OutageParts {
                    stop_seconds: 0.17,
                    catch_up_seconds: 0.01,
                    prepare_seconds: 0.04,
                    promote_seconds: 0.06,
                    first_write_seconds: 0.03,
                })),
            ]),
            StepName::PointService => {
                events.push(JournalEvent::Found(OperationFinding::ServiceSwitched {
                    seconds: 0.36,
                }));
            }
            StepName::ProveWrite => events.push(JournalEvent::Found(OperationFinding::Promoted {
                position: Lsn::new(0x0A00_00A0),
                timeline: Timeline(2),
            })),
            _ => {}
        }
        events.push(match step.name {
            StepName::Repoint => JournalEvent::Reported {
                step: step.name,
                reason: "staging-postgres-replica-1: it does not exist".into(),
            },
            _ => JournalEvent::Completed {
                step: step.name,
                seconds: 0.25,
            },
        });
    }
    events.push(JournalEvent::Ended {
        outcome: OperationOutcome::Done,
    });
    events
        .into_iter()
        .enumerate()
        .map(|(index, event)| JournalEntry {
            at: now() + SignedDuration::from_millis(100 * i64::try_from(index).unwrap_or(0)),
            event,
        })
        .collect()
}

fn record(plan: &Plan, outcome: OperationOutcome) -> Record {
    Record {
        id: plan.id.clone(),
        outcome,
        report: Report::of(plan, &journal(plan)),
    }
}

#[test]
fn a_plan_is_numbered_and_says_where_the_way_back_ends() {
    let plan = switchover();
    let text =
        checks_screen(&plan.checks, &screen(120), false) + "\n" + &plan_screen(&plan, &screen(120));
    insta::assert_snapshot!(text);
}

#[test]
fn a_refusal_gives_every_reason_and_what_to_type() {
    insta::assert_snapshot!(refusal_screen(&refusal(), &screen(160), false));
}

#[test]
fn the_end_report_has_the_figures() {
    let plan = switchover();
    insta::assert_snapshot!(report_screen(
        &Report::of(&plan, &journal(&plan)),
        &screen(120)
    ));
}

#[test]
fn the_history_has_a_line_for_each_operation() {
    let plan = switchover();
    let records = [OperationOutcome::Done, OperationOutcome::RolledBack]
        .map(|outcome| record(&plan, outcome));
    insta::assert_snapshot!(history_screen(&records, &screen(160)));
}

#[test]
fn every_document_of_an_operation_holds_to_its_schema() -> Result<(), Box<dyn std::error::Error>> {
    fn check<T: serde::Serialize>(
        schema: &str,
        document: &T,
    ) -> Result<(), Box<dyn std::error::Error>> {
        holds(schema, &encode(document, Format::Json))?;
        let yaml: Value = serde_saphyr::from_str(&encode(document, Format::Yaml))?;
        assert_eq!(yaml, serde_json::to_value(document)?);
        Ok(())
    }
    let plan = switchover();
    check("plan.json", &OperationDocument::new("Plan", &plan, 0))?;
    let refusal = refusal();
    check(
        "refusal.json",
        &OperationDocument::new("Refusal", &refusal, 3),
    )?;
    let report = Report::of(&plan, &journal(&plan));
    check("report.json", &OperationDocument::new("Report", &report, 0))?;
    let mut unfinished = Journal::new(plan.clone(), Vec::new());
    unfinished.entries = journal(&plan)[..6].to_vec();
    for unfinished in [None, Some(&unfinished)] {
        let content = HistoryContent {
            unfinished,
            unfinished_throw_aways: unfinished.into_iter().collect(),
            operations: &[record(&plan, OperationOutcome::Done)],
            changes: &[],
        };
        check(
            "history.json",
            &OperationDocument::new("History", &content, 0),
        )?;
    }
    // Another kind, or a field that nobody has described, is no such document.
    let validator = validator("report.json")?;
    let mut value = serde_json::to_value(OperationDocument::new("Report", &report, 0))?;
    assert!(validator.is_valid(&value));
    value["surprise"] = Value::from(1);
    assert!(!validator.is_valid(&value));
    let other = serde_json::to_value(OperationDocument::new("Plan", &report, 0))?;
    assert!(!validator.is_valid(&other));
    Ok(())
}

#[test]
fn who_could_become_primary() {
    let mut snapshot = healthy(3);
    instance(&mut snapshot, &replica(1)).database = Database::Unreachable {
        reason: "no answer \u{1b}[31m within 5 s".into(),
        alive: false,
    };
    let ranked = crate::plan::candidates(&snapshot, &request(), &Circumstances::default());
    let text = [80, 160].map(|width| candidates_screen(&ranked, &screen(width)));
    assert!(text.iter().all(|it| !it.contains('\u{1b}')));
    insta::assert_snapshot!(text.join("\n"));
}

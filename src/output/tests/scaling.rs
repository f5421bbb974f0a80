//! The screens and documents of scaling, the autoscaler and synchronous replication.

use jiff::SignedDuration;

use super::{both_widths, holds, screen};
use crate::cluster::fixture::{cut_stream, healthy, now, primary, replica};
use crate::cluster::{Autoscaler, AutoscalerCondition, Snapshot};
use crate::engine::Report;
use crate::events::{RunEvent, StandbyStage};
use crate::output::*;
use crate::plan::{
    AutoscaleRequest, AutoscalerPolicy, Circumstances, JournalEntry, JournalEvent, PAUSED_BOUNDS,
    Plan, Refusal, ScaleRequest, StepName, plan_autoscale, plan_scale,
};

fn scaled(
    snapshot: &Snapshot,
    replicas: u32,
    way: Option<AutoscalerPolicy>,
) -> Result<Plan, Refusal> {
    let request = ScaleRequest {
        replicas,
        way,
        wait: true,
        delete_volumes: false,
        max_lag_bytes: 1 << 24,
        timeout_seconds: 600,
    };
    plan_scale(snapshot, &request, &Circumstances::default(), now())
}

fn planned(result: Result<Plan, Refusal>) -> Plan {
    result.unwrap_or_else(|refusal| panic!("{refusal}"))
}

fn shown(plan: &Plan) -> String {
    both_widths(|screen| {
        checks_screen(&plan.checks, screen, false) + "\n" + &plan_screen(plan, screen)
    })
}

fn autoscaler(change: impl FnOnce(&mut Autoscaler)) -> Autoscaler {
    let mut autoscaler = healthy(3).autoscaler.expect("the fixture has one");
    autoscaler.last_scaled = Some(now() - SignedDuration::from_secs(5 * 3600));
    autoscaler.conditions = [
        ("AbleToScale", true, "ScaleDownStabilized"),
        ("ScalingActive", true, "ValidMetricFound"),
        ("ScalingLimited", false, "DesiredWithinRange"),
    ]
    .map(|(kind, holds, reason)| AutoscalerCondition {
        kind: kind.into(),
        holds,
        reason: reason.into(),
        message: "in Kubernetes' words".into(),
    })
    .to_vec();
    change(&mut autoscaler);
    autoscaler
}

#[test]
fn the_plan_of_a_pinned_scale_up() {
    let plan = planned(scaled(&healthy(2), 4, Some(AutoscalerPolicy::Pin)));
    insta::assert_snapshot!(shown(&plan));
}

#[test]
fn the_refusal_of_a_scaling_that_the_autoscaler_may_undo() {
    let refusal = scaled(&healthy(2), 4, None).expect_err("no way is given");
    insta::assert_snapshot!(both_widths(|screen| refusal_screen(
        &refusal, screen, false
    )));
}

#[test]
fn the_report_of_a_scale_down() {
    let plan = planned(scaled(&healthy(4), 2, Some(AutoscalerPolicy::Permanent)));
    let mut events = vec![JournalEvent::Started {
        by: "ann@laptop/1-2-3".into(),
    }];
    for step in &plan.steps {
        events.push(JournalEvent::Began { step: step.name });
        events.push(match step.name {
            StepName::ForgetStandbys => JournalEvent::Reported {
                step: step.name,
                reason: "somebody still streams through one of them".into(),
            },
            _ => JournalEvent::Completed {
                step: step.name,
                seconds: 0.5,
            },
        });
    }
    let entries: Vec<JournalEntry> = events
        .into_iter()
        .map(|event| JournalEntry { at: now(), event })
        .collect();
    let report = Report::of(&plan, &entries);
    assert!(!report.timed_out() && report.left_undone());
    insta::assert_snapshot!(both_widths(|screen| report_screen(&report, screen)));
}

#[test]
fn the_way_of_a_new_standby() {
    let stages = [
        StandbyStage::Unschedulable {
            why: "0/3 nodes are available".into(),
        },
        StandbyStage::Copying { percent: Some(41) },
        StandbyStage::Held {
            reason: "foreign-data".into(),
            message: "the data here is of system 1".into(),
        },
        StandbyStage::Behind {
            bytes: Some(40 << 20),
        },
        StandbyStage::Serving,
    ];
    let lines: Vec<String> = stages
        .into_iter()
        .filter_map(|stage| {
            let pod = replica(2);
            event_line(&RunEvent::StandbyProgress { pod, stage }, &screen(80))
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn the_autoscaler() {
    let plain = autoscaler(|_| {});
    let paused = autoscaler(|it| {
        (it.min, it.max) = (3, 3);
        let before = r#"{"min":2,"max":5}"#;
        it.annotations.insert(PAUSED_BOUNDS.into(), before.into());
    });
    let blind = autoscaler(|it| {
        it.metrics[0].current_percent = None;
        it.conditions[1].holds = false;
        it.conditions[1].reason = "FailedGetResourceMetric".into();
        it.last_scaled = None;
    });
    let text = [plain, paused, blind]
        .map(|it| both_widths(|screen| autoscaler_screen(&it, now(), screen)));
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn a_change_of_the_autoscaler_shows_its_patch() {
    let request = AutoscaleRequest::Set {
        min: Some(3),
        max: Some(8),
        cpu: Some(60),
        memory: None,
    };
    let plan = plan_autoscale(&healthy(3), &request, &Circumstances::default(), now());
    insta::assert_snapshot!(shown(&planned(plan)));
}

fn synchronous(damage: impl FnOnce(&mut Snapshot)) -> SynchronousDocument {
    let mut snapshot = healthy(2);
    snapshot.topology.synchronous = Some(1);
    primary(&mut snapshot).settings.synchronous_standby_names =
        format!("ANY 1 (\"{}\", \"{}\")", replica(0), replica(1));
    damage(&mut snapshot);
    SynchronousDocument::new(&snapshot)
}

#[test]
fn synchronous_replication() {
    let well = synchronous(|_| {});
    let blocked = synchronous(|it| {
        cut_stream(it, 0);
        cut_stream(it, 1);
    });
    let astray = synchronous(|it| {
        primary(it).settings.synchronous_standby_names = "ANY 1 (\"x\")".into();
    });
    let never = SynchronousDocument::new(&healthy(1));
    let text = [well, blocked, astray, never]
        .map(|it| both_widths(|screen| synchronous_screen(&it, screen)));
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn the_documents_hold_to_their_schemas() -> Result<(), Box<dyn std::error::Error>> {
    let cluster = healthy(3).cluster;
    let document = AutoscalerDocument::new(&cluster, &autoscaler(|_| {}));
    holds("autoscaler.json", &encode(&document, Format::Json))?;
    let document = synchronous(|_| {});
    holds(
        "synchronous-replication.json",
        &encode(&document, Format::Json),
    )?;
    let plan = planned(scaled(&healthy(2), 4, Some(AutoscalerPolicy::Pin)));
    let document = OperationDocument::new("Plan", &plan, 0);
    holds("plan.json", &encode(&document, Format::Json))
}

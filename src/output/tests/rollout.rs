//! The screens and the document of a rollout.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::{both_widths, holds};
use crate::cluster::fixture::{change_templates, healthy, instance, now, replica};
use crate::cluster::{Component, Snapshot, fixture};
use crate::engine::Report;
use crate::output::*;
use crate::plan::{
    Circumstances, DrainedNode, JournalEntry, JournalEvent, OperationOutcome, OtherPod,
    OtherPodKind, Plan, PodRef, Restarts, Rollout, RolloutRequest, StepName, plan_restart,
    plan_rollout,
};

fn request() -> RolloutRequest {
    RolloutRequest {
        pod: None,
        node: None,
        restarts: Restarts::Older,
        back: true,
        max_lag_bytes: 1 << 24,
        timeout_seconds: 900,
    }
}

fn outdated() -> Snapshot {
    let mut snapshot = healthy(2);
    change_templates(&mut snapshot);
    // What comes from the cluster can be anything.
    fixture::set(&mut snapshot, Component::Replica).image = Some("postgres:17.6\u{1b}[31m".into());
    snapshot
}

fn rollout(snapshot: &Snapshot) -> Rollout {
    let heir = replica(0);
    plan_rollout(
        snapshot,
        &request(),
        &[&heir],
        &Circumstances::default(),
        now(),
    )
    .unwrap_or_else(|refusal| panic!("{refusal}"))
}

/// The restart of a standby, which comes back or does not.
fn report(snapshot: &Snapshot, pod: &str, trouble: Option<&str>) -> Report {
    let pod = PodRef {
        name: pod.to_owned(),
        uid: snapshot
            .instance(pod)
            .map(|it| it.pod.uid.clone())
            .unwrap_or_default(),
    };
    let plan: Plan = plan_restart(snapshot, &pod, &request(), &Circumstances::default(), now())
        .unwrap_or_else(|refusal| panic!("{refusal}"));
    let last = StepName::AwaitRestarted;
    let events = [
        JournalEvent::Started {
            by: "ann@laptop/1-2-3".into(),
        },
        JournalEvent::Began {
            step: StepName::RestartPod,
        },
        JournalEvent::Completed {
            step: StepName::RestartPod,
            seconds: 1.2,
        },
        JournalEvent::Began { step: last },
        match trouble {
            None => JournalEvent::Completed {
                step: last,
                seconds: 3.4,
            },
            Some(reason) => JournalEvent::Reported {
                step: last,
                reason: reason.to_owned(),
            },
        },
        JournalEvent::Ended {
            outcome: OperationOutcome::Done,
        },
    ];
    let entries: Vec<JournalEntry> = events
        .into_iter()
        .enumerate()
        .map(|(second, event)| JournalEntry {
            at: now() + SignedDuration::from_secs(i64::try_from(second).unwrap_or(0)),
            event,
        })
        .collect();
    Report::of(&plan, &entries)
}

#[test]
fn a_rollout_shows_its_parts_in_their_order() {
    let rollout = rollout(&outdated());
    insta::assert_snapshot!(both_widths(|screen| rollout_screen(
        &rollout, screen, false
    )));
}

#[test]
fn where_nothing_is_to_be_done_that_is_said() {
    let mut snapshot = healthy(2);
    instance(&mut snapshot, &replica(1)).pod.revision = None;
    let rollout = rollout(&snapshot);
    insta::assert_snapshot!(both_widths(|screen| rollout_screen(
        &rollout, screen, false
    )));
}

#[test]
fn where_no_server_is_on_the_node_what_comes_before_its_end_is_typed_first() {
    let snapshot = healthy(2);
    let node = "worker-of-nobody".to_owned();
    let server = OtherPod {
        name: "r".to_owned(),
        kind: OtherPodKind::ThrowAway("look".to_owned()),
        node: Some(node.clone()),
        ready: true,
        leaving: false,
        made_anew: false,
        deployment: None,
        budget: None,
    };
    let circumstances = Circumstances {
        drained: Some(DrainedNode {
            known: BTreeSet::from([node.clone()]),
            may_cordon: true,
            may_evict: true,
            others: BTreeSet::from(["worker-2".to_owned()]),
            other_pods: vec![server],
            ..DrainedNode::default()
        }),
        ..Circumstances::default()
    };
    let wanted = RolloutRequest {
        node: Some(node),
        restarts: Restarts::All,
        back: false,
        ..request()
    };
    let rollout = plan_rollout(&snapshot, &wanted, &[], &circumstances, now())
        .unwrap_or_else(|refusal| panic!("{refusal}"));
    let text = both_widths(|screen| rollout_screen(&rollout, screen, false));
    assert!(text.contains("no server of"), "{text}");
    let nexts = text.lines().filter_map(|it| it.strip_prefix("  next: "));
    let nexts: Vec<&str> = nexts.collect();
    let begins = [
        "kubectl cordon worker-of-nobody",
        "pgctl restore --discard-into look -n staging --cluster staging   #",
        "kubectl drain worker-of-nobody --ignore-daemonsets --delete-emptydir-data   #",
    ];
    assert_eq!(nexts.len(), 2 * begins.len(), "{text}");
    for (next, begin) in nexts.iter().zip(begins.iter().cycle()) {
        assert!(next.starts_with(begin), "{text}");
    }
}

#[test]
fn a_rollout_that_stops_says_at_whom_and_what_was_not_touched() {
    let snapshot = outdated();
    let rollout = rollout(&snapshot);
    let reports = [
        report(&snapshot, &replica(0), None),
        report(
            &snapshot,
            &replica(1),
            Some(
                "staging-postgres-replica-1 does not come back: it is down: ImagePullBackOff (no such \u{1b}[31mimage)",
            ),
        ),
    ];
    insta::assert_snapshot!(both_widths(|screen| {
        rollout_report_screen(&rollout, &reports, 2, screen)
    }));
    let done = [report(&snapshot, &replica(0), None)];
    insta::assert_snapshot!(both_widths(|screen| {
        rollout_report_screen(&rollout, &done, 0, screen)
    }));
}

#[test]
fn the_document_of_a_rollout_holds_to_its_schema() -> Result<(), Box<dyn std::error::Error>> {
    let snapshot = outdated();
    let rollout = rollout(&snapshot);
    for reports in [
        Vec::new(),
        vec![report(&snapshot, &replica(1), Some("it is down"))],
    ] {
        let content = RolloutContent::new(&rollout, &reports);
        let document = OperationDocument::new("Rollout", content, 0);
        holds("rollout.json", &encode(&document, Format::Json))?;
    }
    Ok(())
}

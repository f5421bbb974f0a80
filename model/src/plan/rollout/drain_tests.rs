//! The promises of a drain: the role first, one pod at a time, and nothing comes back to the node.

use std::collections::{BTreeMap, BTreeSet};

use super::{plan_restart, plan_rollout};
use crate::cluster::Snapshot;
use crate::cluster::fixture::{PRIMARY, healthy, instance, now, replica};
use crate::plan::language::{
    Action, CheckName, CheckVerdict, Circumstances, DrainedNode, PodRef, Refusal, RestartReason,
    Restarts, Rollout, RolloutPart, RolloutRequest,
};

const NODE: &str = "worker-1";

fn wanted() -> RolloutRequest {
    RolloutRequest {
        pod: None,
        node: Some(NODE.to_owned()),
        restarts: Restarts::All,
        back: false,
        max_lag_bytes: 1 << 24,
        timeout_seconds: 900,
    }
}

/// A node beside which another takes pods.
fn node() -> DrainedNode {
    DrainedNode {
        known: BTreeSet::from([NODE.to_owned(), "worker-2".to_owned()]),
        cordoned: false,
        may_cordon: true,
        may_evict: true,
        others: BTreeSet::from(["worker-2".to_owned()]),
        ..DrainedNode::default()
    }
}

fn circumstances(node: DrainedNode) -> Circumstances {
    Circumstances {
        drained: Some(node),
        ..Circumstances::default()
    }
}

/// Three standbys, and these pods on the node.
fn on_node(pods: &[&str]) -> Snapshot {
    let mut snapshot = healthy(3);
    for pod in pods {
        instance(&mut snapshot, pod).pod.node = Some(NODE.to_owned());
    }
    snapshot
}

fn drain(snapshot: &Snapshot, node: DrainedNode) -> Result<Rollout, Refusal> {
    let heirs = [replica(0), replica(1), replica(2)];
    let heirs: Vec<&str> = heirs.iter().map(String::as_str).collect();
    plan_rollout(snapshot, &wanted(), &heirs, &circumstances(node), now())
}

#[track_caller]
fn words(drain: Result<Rollout, Refusal>) -> Vec<String> {
    let drain = drain.unwrap_or_else(|refusal| panic!("{refusal}"));
    drain.parts.iter().map(ToString::to_string).collect()
}

#[track_caller]
fn refused<T>(result: Result<T, Refusal>, check: CheckName) -> (String, String) {
    let Err(refusal) = result else {
        panic!("it is planned");
    };
    let found = refusal.reasons().find(|it| it.check == check);
    let found = found.unwrap_or_else(|| panic!("{refusal}"));
    let next = found.next.clone().expect("what to type");
    (found.reason.clone(), next)
}

#[test]
fn the_role_leaves_the_node_first_and_goes_to_a_pod_elsewhere() {
    // The best heir is on the node, too.
    let snapshot = on_node(&[PRIMARY, &replica(0), &replica(2)]);
    let found = drain(&snapshot, node());
    assert_eq!(
        words(found),
        [
            "switchover from staging-postgres-primary-0 to staging-postgres-replica-1; staging-postgres-primary-0 comes back as a standby, in a new pod",
            "move staging-postgres-replica-0 to another node",
            "move staging-postgres-replica-2 to another node",
        ]
    );
}

#[test]
fn where_every_standby_is_on_the_node_the_heir_leaves_it_before_it_inherits() {
    let snapshot = on_node(&[PRIMARY, &replica(0), &replica(1), &replica(2)]);
    let found = words(drain(&snapshot, node()));
    assert_eq!(found[0], "move staging-postgres-replica-0 to another node");
    assert!(found[3].starts_with("switchover"), "{found:?}");
}

#[test]
fn only_what_is_on_the_node_is_touched_whatever_it_was_made_from() {
    let mut snapshot = on_node(&[&replica(1)]);
    crate::cluster::fixture::change_templates(&mut snapshot);
    let found = drain(&snapshot, node()).expect("a drain");
    assert!(!found.changes_primary());
    let RolloutPart::Restart { pod, reason, .. } = &found.parts[0] else {
        panic!("{found:?}");
    };
    assert_eq!(
        (pod.name.as_str(), *reason),
        (replica(1).as_str(), RestartReason::Drained)
    );
    assert_eq!(found.parts.len(), 1);
    assert_eq!(
        found.to_string(),
        "drain of worker-1: 1 pod of staging/staging"
    );
    let empty = drain(&on_node(&[]), node()).expect("nothing to do");
    assert!(empty.parts.is_empty());
}

#[test]
fn what_would_leave_a_pod_without_a_place_is_refused() {
    let snapshot = on_node(&[&replica(1)]);
    let with = |change: fn(&mut DrainedNode)| {
        let mut node = node();
        change(&mut node);
        drain(&snapshot, node)
    };
    let (why, next) = refused(
        with(|it| {
            it.known.remove(NODE);
            it.known.insert("worker-11".into());
        }),
        CheckName::Node,
    );
    assert!(why.contains("there is no node \"worker-1\""), "{why}");
    assert_eq!(next, "pgctl drain worker-11");
    let (why, _) = refused(with(|it| it.others.clear()), CheckName::Node);
    assert!(why.contains("nowhere to go"), "{why}");
    let (_, next) = refused(with(|it| it.may_cordon = false), CheckName::Node);
    assert_eq!(next, "kubectl cordon worker-1");
    words(with(|it| {
        it.may_cordon = false;
        it.cordoned = true;
    }));
    refused(with(|it| it.may_evict = false), CheckName::Budgets);
    let (why, _) = refused(
        with(|it| it.bound = BTreeMap::from([(replica(1), "data-1".into())])),
        CheckName::Volume,
    );
    assert!(
        why.contains("data-1 of staging-postgres-replica-1"),
        "{why}"
    );
    let unseen = with(|it| it.volumes_unseen = Some("not allowed".into()));
    refused(unseen, CheckName::Volume);
    let mut going = snapshot.clone();
    instance(&mut going, &replica(1)).pod.deleting_since = Some(now());
    let (why, _) = refused(drain(&going, node()), CheckName::Node);
    assert!(why.contains("is being deleted"), "{why}");
    let nobody_looked = plan_rollout(&snapshot, &wanted(), &[], &Circumstances::default(), now());
    refused(nobody_looked, CheckName::Node);
}

/// What the plan for a standby on the node does first.
fn first_action(node: DrainedNode) -> Result<Action, Refusal> {
    let snapshot = on_node(&[&replica(1)]);
    let pod = PodRef::of(snapshot.instance(&replica(1)).expect("it is there"));
    let plan = plan_restart(&snapshot, &pod, &wanted(), &circumstances(node), now())?;
    Ok(plan.steps[0].action.clone())
}

#[test]
fn budgets_have_their_say_unless_they_let_nobody_go_ever() {
    let cordoned = DrainedNode {
        cordoned: true,
        ..node()
    };
    let action = first_action(cordoned.clone()).expect("a plan");
    assert!(matches!(action, Action::EvictPod { .. }), "{action}");
    let strict = DrainedNode {
        never_evicted: BTreeMap::from([(replica(1), "postgres-primary".into())]),
        ..cordoned
    };
    let action = first_action(strict.clone()).expect("a plan");
    assert!(matches!(action, Action::DeletePod { .. }), "{action}");
    let whole = drain(&on_node(&[&replica(1)]), strict).expect("a drain");
    let check = whole
        .checks
        .iter()
        .find(|it| it.check == CheckName::Budgets);
    let check = check.expect("it is told");
    assert_eq!(check.verdict, CheckVerdict::Warn);
    assert!(
        check.reason.contains("postgres-primary"),
        "{}",
        check.reason
    );
}

#[test]
fn no_pod_leaves_a_node_that_it_could_come_back_to() {
    let (why, next) = refused(first_action(node()), CheckName::Node);
    assert!(why.contains("could come back"), "{why}");
    assert_eq!(next, "pgctl drain worker-1");
    let alone = DrainedNode {
        cordoned: true,
        others: BTreeSet::new(),
        ..node()
    };
    let (why, _) = refused(first_action(alone), CheckName::Node);
    assert!(why.contains("nowhere to go"), "{why}");
}

//! The promises of Deployments, without a cluster.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::plan::{Plan, plan};
use super::rollout::{HASH_LABEL, replicas};

fn deployment(spec: &Value) -> Deployment {
    let mut deployment = json!({
        "metadata": {"name": "web", "namespace": "a", "uid": "d", "generation": 2},
        "spec": {"replicas": 4, "selector": {"matchLabels": {"app": "web"}}, "progressDeadlineSeconds": 600,
                 "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
                 "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "two"}]}}}
    });
    for (key, value) in spec.as_object().expect("an object") {
        deployment["spec"][key] = value.clone();
    }
    serde_json::from_value(deployment).expect("a valid deployment")
}

/// A set of an image: what it is to have, and how many of those are available.
fn set(image: &str, replicas: i32, available: i32) -> ReplicaSet {
    let hash = format!("hash{image}");
    let age = if image == "two" { 2 } else { 1 };
    serde_json::from_value(json!({
        "metadata": {"name": format!("web-{image}"), "namespace": "a", "uid": image, "generation": 1,
            "creationTimestamp": format!("2026-01-0{age}T00:00:00Z"),
            "annotations": {"deployment.kubernetes.io/revision": age.to_string(),
                "deployment.kubernetes.io/desired-replicas": "4", "deployment.kubernetes.io/max-replicas": "5"}},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web", HASH_LABEL: hash}},
            "template": {"metadata": {"labels": {"app": "web", HASH_LABEL: hash}},
                         "spec": {"containers": [{"name": "c", "image": image}]}}},
        "status": {"replicas": replicas, "readyReplicas": available, "availableReplicas": available, "observedGeneration": 1}
    }))
    .expect("a valid set")
}

fn now() -> Timestamp {
    "2026-01-03T00:00:00Z".parse().expect("a time")
}

fn decide(deployment: &Deployment, sets: &[ReplicaSet]) -> Plan {
    plan(deployment, sets, &[], now())
}

/// The numbers that sets are given.
fn numbers(plan: &Plan) -> Vec<(String, i32)> {
    let changed = plan.change.iter();
    let named = |set: &ReplicaSet| (set.metadata.name.clone().unwrap_or_default(), replicas(set));
    let all: Vec<_> = changed.map(named).collect();
    all.into_iter()
        .filter(|(name, _)| plan.scaled.iter().any(|s| s.contains(name.as_str())))
        .collect()
}

fn condition<'a>(plan: &'a Plan, kind: &str) -> (&'a str, &'a str) {
    let list = plan.status.conditions.as_deref().unwrap_or_default();
    let found = list
        .iter()
        .find(|c| c.type_ == kind)
        .expect("the condition is there");
    (&found.status, found.reason.as_deref().unwrap_or(""))
}

#[test]
fn a_new_deployment_makes_one_set_with_all_its_pods() {
    let plan = decide(&deployment(&json!({})), &[]);
    let set = plan.create.as_ref().expect("a set");
    assert_eq!(replicas(set), 4);
    let meta = &set.metadata;
    let hash = meta
        .labels
        .as_ref()
        .and_then(|l| l.get(HASH_LABEL))
        .cloned()
        .unwrap_or_default();
    assert_eq!(meta.name, Some(format!("web-{hash}")));
    let template = set
        .spec
        .as_ref()
        .and_then(|s| s.template.as_ref())
        .and_then(|t| t.metadata.clone());
    assert_eq!(
        template
            .and_then(|m| m.labels)
            .and_then(|l| l.get(HASH_LABEL).cloned()),
        Some(hash)
    );
    assert_eq!(
        meta.annotations
            .as_ref()
            .and_then(|a| a.get("deployment.kubernetes.io/revision"))
            .map(String::as_str),
        Some("1")
    );
    assert_eq!(
        condition(&plan, "Progressing"),
        ("True", "NewReplicaSetCreated")
    );
    assert_eq!(
        condition(&plan, "Available"),
        ("False", "MinimumReplicasUnavailable")
    );
    assert_eq!(plan.recheck, Some(Duration::from_secs(600)));
}

#[test]
fn a_rolling_update_goes_over_and_under_by_a_quarter() {
    let web = deployment(&json!({}));
    let new = decide(&web, &[set("one", 4, 4)]).create.expect("a set");
    assert_eq!(replicas(&new), 1, "one more than wanted");
    let plan = decide(&web, &[set("one", 4, 4), set("two", 1, 0)]);
    assert_eq!(
        numbers(&plan),
        [("web-one".to_owned(), 3)],
        "one fewer than wanted"
    );
    let plan = decide(&web, &[set("one", 3, 3), set("two", 1, 0)]);
    assert_eq!(numbers(&plan), [("web-two".to_owned(), 2)]);
    let plan = decide(&web, &[set("one", 3, 3), set("two", 2, 0)]);
    assert_eq!(numbers(&plan), [], "waits for its new pods");
    let plan = decide(&web, &[set("one", 3, 3), set("two", 2, 2)]);
    assert_eq!(numbers(&plan), [("web-one".to_owned(), 1)]);
}

#[test]
fn old_pods_that_do_not_work_go_first() {
    let plan = decide(
        &deployment(&json!({})),
        &[set("zero", 1, 0), set("one", 3, 3), set("two", 1, 0)],
    );
    assert_eq!(numbers(&plan), [("web-zero".to_owned(), 0)]);
}

#[test]
fn recreate_waits_until_no_old_pod_runs() {
    let web = deployment(&json!({"strategy": {"type": "Recreate"}}));
    let plan = decide(&web, &[set("one", 4, 4)]);
    assert_eq!(numbers(&plan), [("web-one".to_owned(), 0)]);
    let owner = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-one", "uid": "one", "controller": true}]);
    let mut pod: Pod =
        serde_json::from_value(json!({"metadata": {"name": "p", "ownerReferences": owner,
        "deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": {"phase": "Running"}}))
        .expect("a pod");
    let empty = [set("one", 0, 0)];
    assert!(plan_with(&web, &empty, &pod).create.is_none());
    pod.status.get_or_insert_default().phase = Some("Failed".to_owned());
    assert_eq!(
        plan_with(&web, &empty, &pod).create.as_ref().map(replicas),
        Some(4)
    );
}

fn plan_with(deployment: &Deployment, sets: &[ReplicaSet], pod: &Pod) -> Plan {
    plan(deployment, sets, std::slice::from_ref(pod), now())
}

#[test]
fn another_number_in_the_middle_of_a_rollout_is_shared() {
    let plan = decide(
        &deployment(&json!({"replicas": 8})),
        &[set("one", 3, 3), set("two", 2, 2)],
    );
    // Ten may be there, five are: three fifths and two fifths of them.
    assert_eq!(
        numbers(&plan),
        [("web-one".to_owned(), 6), ("web-two".to_owned(), 4)]
    );
}

#[test]
fn a_paused_deployment_scales_and_does_not_roll() {
    let plan = decide(
        &deployment(&json!({"paused": true, "replicas": 2})),
        &[set("one", 4, 4)],
    );
    assert!(plan.create.is_none());
    assert_eq!(numbers(&plan), [("web-one".to_owned(), 2)]);
    assert_eq!(
        condition(&plan, "Progressing"),
        ("Unknown", "DeploymentPaused")
    );
}

#[test]
fn a_template_that_comes_back_takes_its_set_again_with_a_new_revision() {
    let plan = decide(
        &deployment(&json!({})),
        &[set("two", 0, 0), {
            let mut other = set("one", 4, 4);
            other.metadata.annotations.get_or_insert_default().insert(
                "deployment.kubernetes.io/revision".to_owned(),
                "7".to_owned(),
            );
            other
        }],
    );
    assert!(plan.create.is_none());
    assert_eq!(plan.revision.as_deref(), Some("8"));
    assert_eq!(numbers(&plan), [("web-two".to_owned(), 1)]);
}

#[test]
fn the_status_is_what_rollout_status_waits_for() {
    let mut web = deployment(&json!({}));
    let plan = decide(&web, &[set("one", 0, 0), set("two", 4, 4)]);
    let status = &plan.status;
    assert_eq!(
        (
            status.replicas,
            status.updated_replicas,
            status.available_replicas
        ),
        (Some(4), Some(4), Some(4))
    );
    assert_eq!(
        (status.unavailable_replicas, status.observed_generation),
        (None, Some(2))
    );
    assert_eq!(
        condition(&plan, "Progressing"),
        ("True", "NewReplicaSetAvailable")
    );
    assert_eq!(
        condition(&plan, "Available"),
        ("True", "MinimumReplicasAvailable")
    );
    assert_eq!(plan.recheck, None);
    // One that stands still for longer than it may says so.
    web.status = Some(serde_json::from_value(json!({"replicas": 5, "updatedReplicas": 2, "readyReplicas": 3, "availableReplicas": 3,
        "conditions": [{"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated",
            "lastUpdateTime": "2026-01-02T23:00:00Z", "lastTransitionTime": "2026-01-02T23:00:00Z"}]})).expect("a status"));
    let plan = decide(&web, &[set("one", 3, 3), set("two", 2, 0)]);
    assert_eq!(
        condition(&plan, "Progressing"),
        ("False", "ProgressDeadlineExceeded")
    );
}

#[test]
fn sets_beyond_the_history_go_when_the_rollout_is_done() {
    let web = deployment(&json!({"revisionHistoryLimit": 1}));
    let plan = decide(
        &web,
        &[set("zero", 0, 0), set("one", 0, 0), set("two", 4, 4)],
    );
    assert_eq!(plan.delete.len(), 1);
    let plan = decide(
        &web,
        &[set("zero", 0, 0), set("one", 1, 1), set("two", 4, 4)],
    );
    assert_eq!(plan.delete.len(), 0);
}

//! The promises of ReplicaSets, without a cluster.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use super::plan::{Plan, plan};

fn set(replicas: i32, min_ready: i32) -> ReplicaSet {
    serde_json::from_value(json!({
        "metadata": {"name": "web", "namespace": "a", "uid": "u", "generation": 3},
        "spec": {"replicas": replicas, "minReadySeconds": min_ready, "selector": {"matchLabels": {"app": "web"}},
                 "template": {"metadata": {"labels": {"app": "web"}}}}
    }))
    .expect("a valid set")
}

/// A pod and how far it is: `ready`, `unready`, `pending`, `terminating`, `failed`; ready since so many minutes past one.
fn pod(name: &str, state: &str, minute: u8) -> Pod {
    let phase = match state {
        "pending" => "Pending",
        "failed" => "Failed",
        _ => "Running",
    };
    let ready = if matches!(state, "ready" | "terminating") {
        "True"
    } else {
        "False"
    };
    let mut pod = json!({
        "metadata": {"name": name, "labels": {"app": "web"}, "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"containers": [], "nodeName": format!("node-{name}")},
        "status": {"phase": phase, "conditions": [
            {"type": "Ready", "status": ready, "lastTransitionTime": format!("2026-01-01T01:{minute:02}:00Z")}]}
    });
    if state == "terminating" {
        pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    }
    serde_json::from_value(pod).expect("a valid pod")
}

fn decide(set: &ReplicaSet, pods: &[Pod]) -> Plan {
    let now: Timestamp = "2026-01-01T02:00:00Z".parse().expect("a time");
    plan(set, pods, now)
}

fn deleted(plan: &Plan) -> Vec<&str> {
    plan.delete
        .iter()
        .filter_map(|pod| pod.metadata.name.as_deref())
        .collect()
}

#[test]
fn one_that_ended_or_is_being_deleted_is_replaced_at_once() {
    let pods = [
        pod("a", "ready", 0),
        pod("b", "terminating", 0),
        pod("c", "failed", 0),
    ];
    let plan = decide(&set(3, 0), &pods);
    assert_eq!((plan.create, deleted(&plan).len()), (2, 0));
    assert_eq!(plan.status.replicas, 1);
}

#[test]
fn those_go_first_that_are_missed_least() {
    let mut cheap = pod("cheap", "ready", 5);
    cheap.metadata.annotations = Some(
        [(
            "controller.kubernetes.io/pod-deletion-cost".to_owned(),
            "-1".to_owned(),
        )]
        .into(),
    );
    let pods = [
        pod("old", "ready", 1),
        pod("young", "ready", 30),
        cheap,
        pod("unready", "unready", 0),
        pod("pending", "pending", 0),
    ];
    for (left, gone) in [
        (4, vec!["pending"]),
        (3, vec!["pending", "unready"]),
        (1, vec!["pending", "unready", "cheap", "young"]),
    ] {
        assert_eq!(deleted(&decide(&set(left, 0), &pods)), gone);
    }
}

#[test]
fn a_pod_is_available_when_it_has_been_ready_for_long_enough() {
    let pods = [
        pod("a", "ready", 59),
        pod("b", "ready", 0),
        pod("c", "unready", 0),
    ];
    let plan = decide(&set(3, 90), &pods);
    assert_eq!(plan.status.ready_replicas, Some(2));
    assert_eq!(plan.status.available_replicas, Some(1));
    assert_eq!(plan.recheck, Some(Duration::from_secs(30)));
    assert_eq!(plan.status.observed_generation, Some(3));
}

#[test]
fn a_set_that_is_being_deleted_only_reports() {
    let mut going = set(3, 0);
    going.metadata.deletion_timestamp = pod("x", "terminating", 0).metadata.deletion_timestamp;
    let plan = decide(&going, &[]);
    assert_eq!(plan.create, 0);
}

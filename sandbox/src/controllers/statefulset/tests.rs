//! The promises of StatefulSets, without a cluster.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::plan::{Action, Plan, Revisions, ordinal_of, plan};

fn set(spec: &Value) -> StatefulSet {
    let mut set = json!({
        "metadata": {"name": "db", "namespace": "a", "uid": "u", "generation": 3},
        "spec": {"serviceName": "db", "selector": {}, "template": {},
                 "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}}
    });
    for (key, value) in spec.as_object().expect("an object") {
        set["spec"][key] = value.clone();
    }
    serde_json::from_value(set).expect("a valid set")
}

/// A pod: its ordinal, revision, and state (`ready`, `unready`, `terminating`, `failed`).
fn pod(ordinal: i32, revision: &str, state: &str) -> Pod {
    let ready = if state == "unready" { "False" } else { "True" };
    let phase = if state == "failed" {
        "Failed"
    } else {
        "Running"
    };
    let mut pod = json!({
        "metadata": {"name": format!("db-{ordinal}"), "uid": format!("uid-{ordinal}"),
                     "labels": {"controller-revision-hash": revision}},
        "spec": {"containers": []},
        "status": {"phase": phase, "conditions": [
            {"type": "Ready", "status": ready, "lastTransitionTime": "2026-01-01T00:00:00Z"}]}
    });
    if state == "terminating" {
        pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    }
    serde_json::from_value(pod).expect("a valid pod")
}

fn decide(set: &StatefulSet, pods: &[Pod]) -> Plan {
    let revisions = Revisions {
        current: "old",
        update: "new",
        collisions: 0,
    };
    plan(
        set,
        revisions,
        pods,
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1),
    )
}

fn create(ordinal: i32, revision: &str) -> Action {
    Action::Create {
        ordinal,
        revision: revision.to_owned(),
    }
}

fn delete(ordinal: i32) -> Action {
    Action::Delete {
        name: format!("db-{ordinal}"),
        uid: format!("uid-{ordinal}"),
    }
}

#[test]
fn an_ordered_set_makes_one_pod_after_the_other() {
    let three = set(&json!({"replicas": 3}));
    assert_eq!(decide(&three, &[]).actions, [create(0, "new")]);
    assert_eq!(decide(&three, &[pod(0, "new", "unready")]).actions, []);
    assert_eq!(
        decide(&three, &[pod(0, "new", "ready")]).actions,
        [create(1, "new")]
    );
}

#[test]
fn a_parallel_set_makes_all_at_once() {
    let three = set(&json!({"replicas": 3, "podManagementPolicy": "Parallel"}));
    let all = [create(0, "new"), create(1, "new"), create(2, "new")];
    assert_eq!(decide(&three, &[]).actions, all);
}

#[test]
fn a_terminating_pod_keeps_its_place() {
    for policy in ["Parallel", "OrderedReady"] {
        let one = set(&json!({"replicas": 1, "podManagementPolicy": policy}));
        assert_eq!(decide(&one, &[pod(0, "new", "terminating")]).actions, []);
    }
}

#[test]
fn the_highest_ordinal_goes_first() {
    let one = set(&json!({"replicas": 1}));
    let pods = [
        pod(1, "new", "ready"),
        pod(2, "new", "ready"),
        pod(0, "new", "ready"),
    ];
    assert_eq!(decide(&one, &pods).actions, [delete(2)]);
    let pods = [
        pod(0, "new", "ready"),
        pod(1, "new", "ready"),
        pod(2, "new", "terminating"),
    ];
    assert_eq!(decide(&one, &pods).actions, []);

    let one = set(&json!({"replicas": 1, "podManagementPolicy": "Parallel"}));
    let pods = [
        pod(0, "new", "ready"),
        pod(1, "new", "ready"),
        pod(2, "new", "ready"),
    ];
    assert_eq!(decide(&one, &pods).actions, [delete(2), delete(1)]);
}

#[test]
fn scaling_to_zero_deletes_even_a_pod_that_is_not_ready() {
    for policy in ["Parallel", "OrderedReady"] {
        let none = set(&json!({"replicas": 0, "podManagementPolicy": policy}));
        assert_eq!(
            decide(&none, &[pod(0, "new", "unready")]).actions,
            [delete(0)]
        );
    }
}

#[test]
fn an_ordered_set_waits_for_its_sick_before_it_takes_another() {
    let none = set(&json!({"replicas": 0}));
    let pods = [
        pod(0, "new", "unready"),
        pod(1, "new", "ready"),
        pod(2, "new", "unready"),
    ];
    // db-2 is not ready, and db-0 was sick first.
    assert_eq!(decide(&none, &pods).actions, []);
}

#[test]
fn a_rolling_update_takes_one_pod_at_a_time_from_above() {
    let three = set(&json!({"replicas": 3, "podManagementPolicy": "Parallel"}));
    let mut pods = vec![
        pod(0, "old", "ready"),
        pod(1, "old", "ready"),
        pod(2, "old", "ready"),
    ];
    assert_eq!(decide(&three, &pods).actions, [delete(2)]);
    pods[2] = pod(2, "old", "terminating");
    assert_eq!(decide(&three, &pods).actions, []);
    pods[2] = pod(2, "new", "unready");
    assert_eq!(decide(&three, &pods).actions, []);
    pods[2] = pod(2, "new", "ready");
    let plan = decide(&three, &pods);
    assert_eq!(plan.actions, [delete(1)]);
    assert_eq!(
        (plan.status.current_replicas, plan.status.updated_replicas),
        (Some(2), Some(1))
    );
}

#[test]
fn a_partition_keeps_the_lower_ordinals_as_they_are() {
    let three = set(&json!({"replicas": 3, "podManagementPolicy": "Parallel",
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}}));
    let pods = [
        pod(0, "old", "ready"),
        pod(1, "old", "ready"),
        pod(2, "new", "ready"),
    ];
    assert_eq!(decide(&three, &pods).actions, []);
    // A pod below the partition comes back as it was.
    let made = [create(0, "old"), create(1, "old"), create(2, "new")];
    assert_eq!(decide(&three, &[]).actions, made);
}

#[test]
fn on_delete_leaves_old_pods_alone_and_makes_new_ones_anew() {
    let two = set(&json!({"replicas": 2, "podManagementPolicy": "Parallel",
        "updateStrategy": {"type": "OnDelete"}}));
    let plan = decide(&two, &[pod(0, "old", "ready")]);
    assert_eq!(plan.actions, [create(1, "new")]);
}

#[test]
fn a_failed_pod_is_deleted_to_be_made_again() {
    let one = set(&json!({"replicas": 1}));
    assert_eq!(
        decide(&one, &[pod(0, "new", "failed")]).actions,
        [delete(0)]
    );
}

#[test]
fn the_status_is_what_rollout_status_waits_for() {
    let two = set(&json!({"replicas": 2}));
    let status = decide(&two, &[pod(0, "new", "ready"), pod(1, "new", "ready")]).status;
    assert_eq!(status.observed_generation, Some(3));
    assert_eq!((status.replicas, status.ready_replicas), (2, Some(2)));
    assert_eq!(status.updated_replicas, Some(2));
    assert_eq!(status.current_revision.as_deref(), Some("new"));
    assert_eq!(status.current_replicas, Some(2));
}

#[test]
fn a_pod_that_was_just_ready_is_looked_at_again() {
    let set = set(&json!({"replicas": 2, "minReadySeconds": 3605}));
    let now = "2026-01-01T01:00:00Z".parse().expect("a time");
    let revisions = Revisions {
        current: "new",
        update: "new",
        collisions: 0,
    };
    let plan = plan(&set, revisions, &[pod(0, "new", "ready")], now);
    assert_eq!(plan.actions, []);
    assert_eq!(plan.recheck, Some(Duration::from_secs(5)));
    assert_eq!(plan.status.available_replicas, Some(0));
}

#[test]
fn a_set_that_is_being_deleted_only_reports() {
    let mut going = set(&json!({"replicas": 3}));
    going.metadata.deletion_timestamp = pod(0, "", "terminating").metadata.deletion_timestamp;
    assert_eq!(decide(&going, &[]).actions, []);
}

#[test]
fn only_names_that_a_set_gives_have_an_ordinal() {
    assert_eq!(ordinal_of("db", "db-12"), Some(12));
    for other in ["db", "db-", "db-01", "db-x", "dba-1", "db-1-1", "db--1"] {
        assert_eq!(ordinal_of("db", other), None, "{other}");
    }
}

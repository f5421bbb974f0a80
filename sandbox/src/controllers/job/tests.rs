//! The promises of Jobs, without a cluster.

use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::conditions::{find, outcome};
use super::plan::{Plan, plan};

fn job(spec: &Value) -> Job {
    let mut job = json!({
        "metadata": {"name": "backup", "namespace": "a", "uid": "j"},
        "spec": {"parallelism": 1, "completions": 1, "backoffLimit": 2, "template": {"spec": {"restartPolicy": "Never", "containers": []}}}
    });
    for (key, value) in spec.as_object().expect("an object") {
        job["spec"][key] = value.clone();
    }
    serde_json::from_value(job).expect("a valid job")
}

/// A pod that waits to be counted: its phase (or `terminating`), its exit code, and the minute past one at which it ended.
fn pod(state: &str, code: i32, minute: u8) -> Pod {
    let phase = if state == "terminating" {
        "Running"
    } else {
        state
    };
    let mut pod = json!({
        "metadata": {"name": format!("backup-{minute}"), "namespace": "a", "finalizers": ["batch.kubernetes.io/job-tracking"]},
        "status": {"phase": phase}
    });
    if matches!(state, "Succeeded" | "Failed") {
        pod["status"]["containerStatuses"] = json!([{"name": "pgctl", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"terminated": {"exitCode": code, "finishedAt": format!("2026-01-01T01:{minute:02}:00Z")}}}]);
    }
    if state == "terminating" {
        pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T01:00:00Z");
    }
    serde_json::from_value(pod).expect("a valid pod")
}

/// A pod that was counted before.
fn counted(mut pod: Pod) -> Pod {
    pod.metadata.finalizers = None;
    pod
}

fn decide(job: &Job, pods: &[Pod], time: &str) -> Plan {
    plan(
        job,
        pods,
        format!("2026-01-01T{time}Z").parse().expect("a time"),
    )
}

/// The job as it is after its plan was carried out.
fn after(mut job: Job, plan: &Plan) -> Job {
    job.status = Some(plan.status.clone());
    job
}

fn reason(plan: &Plan, kind: &str) -> Option<String> {
    find(&plan.status, kind)
        .filter(|c| c.status == "True")
        .and_then(|c| c.reason.clone())
}

#[test]
fn one_pod_that_succeeds_completes_it() {
    let backup = job(&json!({}));
    let plan = decide(&backup, &[], "01:00:00");
    assert_eq!(
        (plan.create, plan.status.active, plan.status.ready),
        (1, Some(1), Some(0))
    );
    let backup = after(backup, &plan);
    assert_eq!(
        decide(&backup, &[pod("Running", 0, 0)], "01:00:30").create,
        0
    );
    let plan = decide(&backup, &[pod("Succeeded", 0, 1)], "01:01:00");
    assert_eq!(
        (plan.create, plan.status.succeeded, plan.status.active),
        (0, Some(1), None)
    );
    assert_eq!(plan.release.len(), 1);
    assert_eq!(
        reason(&plan, "Complete").as_deref(),
        Some("CompletionsReached")
    );
    assert_eq!(
        plan.status.completion_time.as_ref().map(|t| t.0),
        "2026-01-01T01:01:00Z".parse().ok()
    );
    let done = after(backup, &plan);
    assert!(outcome(&done).is_some());
    assert_eq!(
        decide(&done, &[], "01:02:00").create,
        0,
        "what is done is done"
    );
}

#[test]
fn a_failed_pod_is_replaced_later_and_later_until_the_limit() {
    let mut backup = job(&json!({}));
    let mut pods: Vec<Pod> = Vec::new();
    for (minute, waits) in [(1, 10), (2, 20)] {
        pods.push(pod("Failed", 1, minute));
        let plan = decide(&backup, &pods, &format!("01:{minute:02}:00"));
        assert_eq!(
            (plan.create, plan.recheck),
            (0, Some(Duration::from_secs(waits)))
        );
        backup = after(backup, &plan);
        pods = pods.into_iter().map(counted).collect();
        let plan = decide(&backup, &pods, &format!("01:{minute:02}:{waits}"));
        assert_eq!(
            (plan.create, plan.status.failed),
            (1, Some(i32::from(minute)))
        );
    }
    pods.push(pod("Failed", 1, 3));
    let plan = decide(&backup, &pods, "01:03:00");
    assert_eq!(plan.create, 0);
    assert_eq!(
        reason(&plan, "Failed").as_deref(),
        Some("BackoffLimitExceeded")
    );
    assert_eq!(plan.events.len(), 1);
}

#[test]
fn it_has_failed_only_when_its_last_pod_has_ended() {
    let backup = job(&json!({"activeDeadlineSeconds": 60}));
    let started = after(backup.clone(), &decide(&backup, &[], "01:00:00"));
    assert_eq!(
        decide(&started, &[pod("Running", 0, 0)], "01:00:20").recheck,
        Some(Duration::from_secs(40))
    );
    let plan = decide(&started, &[pod("Running", 0, 0)], "01:01:00");
    assert_eq!(plan.delete.len(), 1);
    assert_eq!(
        reason(&plan, "FailureTarget").as_deref(),
        Some("DeadlineExceeded")
    );
    assert_eq!(reason(&plan, "Failed"), None);
    let failing = after(started, &plan);
    let plan = decide(&failing, &[pod("terminating", 0, 0)], "01:01:01");
    assert_eq!(
        (reason(&plan, "Failed"), plan.status.failed),
        (None, Some(1))
    );
    let failing = after(failing, &plan);
    assert_eq!(
        reason(&decide(&failing, &[], "01:01:02"), "Failed").as_deref(),
        Some("DeadlineExceeded")
    );
}

#[test]
fn a_policy_says_which_failures_are_final() {
    let policy = json!({"rules": [{"action": "FailJob", "onExitCodes": {"containerName": "pgctl", "operator": "In", "values": [4]}},
        {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [137]}}]});
    let verify = job(&json!({"podFailurePolicy": policy}));
    let plan = decide(&verify, &[pod("Failed", 4, 1)], "01:01:00");
    assert_eq!(reason(&plan, "Failed").as_deref(), Some("PodFailurePolicy"));
    let message = find(&plan.status, "Failed")
        .and_then(|c| c.message.clone())
        .unwrap_or_default();
    assert_eq!(
        message,
        "Container pgctl for pod a/backup-1 failed with exit code 4 matching FailJob rule at index 0"
    );
    let plan = decide(&verify, &[pod("Failed", 137, 1)], "01:02:00");
    assert_eq!(
        (plan.status.failed, plan.create, plan.release.len()),
        (None, 1, 1)
    );
    // With a policy a pod that goes is waited for, because nobody knows yet how it ends.
    assert_eq!(
        decide(&verify, &[pod("terminating", 0, 0)], "01:02:00").create,
        0
    );
    assert_eq!(
        decide(&job(&json!({})), &[pod("terminating", 0, 0)], "01:02:00").create,
        1
    );
}

/// Each wanted condition is looked for among all that the pod has.
#[test]
fn a_policy_looks_at_every_condition_that_it_names() {
    let policy = json!({"rules": [{"action": "Ignore", "onPodConditions": [
        {"type": "ConfigIssue", "status": "True"}, {"type": "DisruptionTarget", "status": "True"}]}]});
    let backup = job(&json!({"podFailurePolicy": policy}));
    let mut evicted = serde_json::to_value(pod("Failed", 137, 1)).expect("a pod is JSON");
    evicted["status"]["conditions"] = json!([
        {"type": "DisruptionTarget", "status": "True"}, {"type": "Ready", "status": "False"}]);
    let evicted = serde_json::from_value(evicted).expect("a valid pod");
    let plan = decide(&backup, &[evicted], "01:02:00");
    assert_eq!((plan.status.failed, plan.create), (None, 1));
}

#[test]
fn a_suspended_job_ends_its_pods_and_begins_anew() {
    let on = job(&json!({"suspend": true}));
    let plan = decide(&on, &[pod("Running", 0, 0)], "01:00:00");
    assert_eq!(
        (plan.delete.len(), plan.status.start_time.clone()),
        (1, None)
    );
    let mut off = after(on, &plan);
    off.spec.get_or_insert_default().suspend = Some(false);
    let plan = decide(&off, &[], "01:05:00");
    assert_eq!((plan.create, reason(&plan, "Suspended")), (1, None));
    assert_eq!(
        plan.status.start_time.as_ref().map(|t| t.0),
        "2026-01-01T01:05:00Z".parse().ok()
    );
}

#[test]
fn no_more_pods_run_than_may_or_are_needed() {
    let many = job(&json!({"parallelism": 3, "completions": 4}));
    assert_eq!(decide(&many, &[], "01:00:00").create, 3);
    let pods = [
        pod("Succeeded", 0, 1),
        pod("Succeeded", 0, 2),
        pod("Succeeded", 0, 3),
    ];
    assert_eq!(decide(&many, &pods, "01:03:00").create, 1);
    let fewer = job(&json!({"parallelism": 1, "completions": 4}));
    let plan = decide(
        &fewer,
        &[pod("Running", 0, 0), pod("Pending", 0, 1)],
        "01:00:00",
    );
    assert_eq!(
        plan.delete
            .iter()
            .filter_map(|p| p.metadata.name.as_deref())
            .collect::<Vec<_>>(),
        ["backup-1"]
    );
}

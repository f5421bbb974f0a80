//! The defaults of Deployments, ReplicaSets, Jobs and CronJobs (pkg/apis/{apps,batch}/v1/defaults.go).

use serde_json::{Map, Value, json};

use super::fields::{items, object, put};
use super::pods::pod_spec;

fn template(spec: &mut Map<String, Value>) {
    let pod = spec.get_mut("template").and_then(|t| object(t, "spec"));
    if let Some(pod) = pod {
        pod_spec(pod);
    }
}

pub(super) fn deployment(spec: &mut Map<String, Value>) {
    put(spec, "replicas", json!(1));
    put(spec, "revisionHistoryLimit", json!(10));
    put(spec, "progressDeadlineSeconds", json!(600));
    put(spec, "strategy", json!({}));
    if let Some(strategy) = spec.get_mut("strategy").and_then(Value::as_object_mut) {
        put(strategy, "type", json!("RollingUpdate"));
        if strategy.get("type").and_then(Value::as_str) == Some("RollingUpdate") {
            put(strategy, "rollingUpdate", json!({}));
            let rolling = strategy.get_mut("rollingUpdate");
            if let Some(rolling) = rolling.and_then(Value::as_object_mut) {
                put(rolling, "maxSurge", json!("25%"));
                put(rolling, "maxUnavailable", json!("25%"));
            }
        }
    }
    template(spec);
}

pub(super) fn replica_set(spec: &mut Map<String, Value>) {
    put(spec, "replicas", json!(1));
    template(spec);
}

/// `uid` is the Job's own, as soon as it has one: its pods are told from those of others by it
/// (`generateSelector` in pkg/registry/batch/job/strategy.go).
pub(super) fn job(root: &mut Map<String, Value>) {
    let text = |field: &str| {
        let meta = root.get("metadata").and_then(|m| m.get(field));
        meta.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let (name, uid) = (text("name"), text("uid"));
    let Some(spec) = root.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    let is_missing = |field: &str| spec.get(field).is_none_or(Value::is_null);
    if is_missing("completions") && is_missing("parallelism") {
        put(spec, "completions", json!(1));
    }
    put(spec, "parallelism", json!(1));
    put(spec, "backoffLimit", json!(6));
    put(spec, "completionMode", json!("NonIndexed"));
    put(spec, "suspend", json!(false));
    put(spec, "manualSelector", json!(false));
    let replaced = match spec.get("podFailurePolicy").is_some_and(|p| !p.is_null()) {
        true => "Failed",
        false => "TerminatingOrFailed",
    };
    put(spec, "podReplacementPolicy", json!(replaced));
    if let Some(policy) = spec
        .get_mut("podFailurePolicy")
        .and_then(Value::as_object_mut)
    {
        for rule in items(policy, "rules") {
            items(rule, "onPodConditions").for_each(|it| put(it, "status", json!("True")));
        }
    }
    template(spec);
    if uid.is_empty() || spec.get("manualSelector") == Some(&Value::Bool(true)) {
        return;
    }
    let own = "batch.kubernetes.io/controller-uid";
    put(spec, "selector", json!({"matchLabels": {own: uid}}));
    put(spec, "template", json!({}));
    let Some(template) = spec.get_mut("template").and_then(Value::as_object_mut) else {
        return;
    };
    put(template, "metadata", json!({}));
    let meta = template.get_mut("metadata").and_then(Value::as_object_mut);
    let Some(meta) = meta else { return };
    put(meta, "labels", json!({}));
    if let Some(labels) = meta.get_mut("labels").and_then(Value::as_object_mut) {
        for (key, value) in [
            (own, &uid),
            ("controller-uid", &uid),
            ("batch.kubernetes.io/job-name", &name),
            ("job-name", &name),
        ] {
            put(labels, key, json!(value));
        }
    }
}

pub(super) fn cron_job(spec: &mut Map<String, Value>) {
    put(spec, "concurrencyPolicy", json!("Allow"));
    put(spec, "suspend", json!(false));
    put(spec, "successfulJobsHistoryLimit", json!(3));
    put(spec, "failedJobsHistoryLimit", json!(1));
    let job = spec.get_mut("jobTemplate").and_then(|t| object(t, "spec"));
    if let Some(job) = job {
        template(job);
    }
}

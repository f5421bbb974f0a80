//! Deployments, ReplicaSets, Jobs and CronJobs.

use serde_json::Value;

use super::mistakes::Mistakes;
use super::pods;
use crate::schedule::Schedule;
use crate::store::{LabelSelector, Resource, text};

/// A Deployment or a ReplicaSet.
pub(super) fn replicated(
    resource: &Resource,
    object: &Value,
    old: Option<&Value>,
    found: &mut Mistakes,
) {
    not_negative(object, "replicas", found);
    let template = object.pointer("/spec/template").unwrap_or(&Value::Null);
    restart_policy(template, "spec.template", &["Always"], found);
    let selector = object
        .pointer("/spec/selector")
        .cloned()
        .unwrap_or_default();
    let labels = template.pointer("/metadata/labels");
    let labels = labels.and_then(Value::as_object);
    let parsed = serde_json::from_value(selector.clone()).ok();
    match parsed.and_then(|s| LabelSelector::from_object(&s).ok()) {
        Some(parsed) if parsed.is_empty() => {
            let message = format!("empty selector is invalid for {}", resource.singular);
            found.invalid("spec.selector", &selector, &message);
        }
        Some(parsed) if !parsed.matches(labels) => {
            let labels = labels.map_or(Value::Null, |l| Value::Object(l.clone()));
            found.invalid(
                "spec.template.metadata.labels",
                &labels,
                "`selector` does not match template `labels`",
            );
        }
        Some(_) => {}
        None => found.invalid("spec.selector", &selector, "invalid label selector"),
    }
    if let Some(old) = old {
        found.immutable("spec.selector", old, object, "/spec/selector");
    }
    let strategy = text(object, "/spec/strategy/type");
    if !matches!(strategy, "" | "Recreate" | "RollingUpdate") {
        unsupported(
            found,
            "spec.strategy.type",
            strategy,
            &["Recreate", "RollingUpdate"],
        );
    }
    pod_template(template, "spec.template", found);
}

pub(super) fn job(object: &Value, old: Option<&Value>, found: &mut Mistakes) {
    let spec = object.get("spec").unwrap_or(&Value::Null);
    job_spec(spec, "spec", found);
    let Some(old) = old else { return };
    found.immutable("spec.selector", old, object, "/spec/selector");
    found.immutable("spec.completionMode", old, object, "/spec/completionMode");
    if old.pointer("/spec/suspend") != Some(&Value::Bool(true)) {
        found.immutable("spec.template", old, object, "/spec/template");
    }
}

fn job_spec(spec: &Value, path: &str, found: &mut Mistakes) {
    for field in [
        "parallelism",
        "completions",
        "backoffLimit",
        "activeDeadlineSeconds",
        "ttlSecondsAfterFinished",
    ] {
        negative(spec, path, field, found);
    }
    if text(spec, "/completionMode") == "Indexed" {
        // Kubernetes knows it; the sandbox would run it wrongly.
        let message = "Unsupported value: \"Indexed\": the sandbox knows NonIndexed Jobs only";
        found.add(
            format!("{path}.completionMode"),
            "FieldValueNotSupported",
            message,
        );
    }
    let template = spec.get("template").unwrap_or(&Value::Null);
    let at = format!("{path}.template");
    let policies = &["OnFailure", "Never"];
    restart_policy(template, &at, policies, found);
    let policy = text(template, "/spec/restartPolicy");
    if spec.get("podFailurePolicy").is_some_and(|p| !p.is_null()) && policy != "Never" {
        let message = "only \"Never\" is supported when podFailurePolicy is specified";
        found.invalid(format!("{at}.spec.restartPolicy"), &policy.into(), message);
    }
    pod_template(template, &at, found);
}

pub(super) fn cron_job(object: &Value, found: &mut Mistakes) {
    let name = text(object, "/metadata/name");
    if name.len() > 52 {
        // Eleven characters are added to the names of its Jobs.
        let message = "must be no more than 52 characters";
        found.invalid("metadata.name", &name.into(), message);
    }
    let schedule = text(object, "/spec/schedule");
    let zone = object.pointer("/spec/timeZone").and_then(Value::as_str);
    if schedule.is_empty() {
        found.required("spec.schedule", "");
    } else if let Err(error) = Schedule::parse(schedule, None) {
        found.invalid("spec.schedule", &schedule.into(), &error.to_string());
    } else if let Some(zone) = zone
        && Schedule::parse(schedule, Some(zone)).is_err()
    {
        let message = format!("unknown time zone {zone}");
        found.invalid("spec.timeZone", &zone.into(), &message);
    }
    let policy = text(object, "/spec/concurrencyPolicy");
    if !matches!(policy, "" | "Allow" | "Forbid" | "Replace") {
        unsupported(
            found,
            "spec.concurrencyPolicy",
            policy,
            &["Allow", "Forbid", "Replace"],
        );
    }
    let spec = object.get("spec").unwrap_or(&Value::Null);
    for field in [
        "startingDeadlineSeconds",
        "successfulJobsHistoryLimit",
        "failedJobsHistoryLimit",
    ] {
        negative(spec, "spec", field, found);
    }
    let job = spec.pointer("/jobTemplate/spec").unwrap_or(&Value::Null);
    job_spec(job, "spec.jobTemplate.spec", found);
}

fn not_negative(object: &Value, field: &str, found: &mut Mistakes) {
    let spec = object.get("spec").unwrap_or(&Value::Null);
    negative(spec, "spec", field, found);
}

fn negative(spec: &Value, path: &str, field: &str, found: &mut Mistakes) {
    let number = spec.get(field).and_then(Value::as_i64);
    if let Some(number) = number.filter(|n| *n < 0) {
        found.invalid(
            format!("{path}.{field}"),
            &number.into(),
            "must be greater than or equal to 0",
        );
    }
}

fn unsupported(found: &mut Mistakes, field: &str, value: &str, supported: &[&str]) {
    let supported: Vec<String> = supported.iter().map(|s| format!("\"{s}\"")).collect();
    let message = format!(
        "Unsupported value: \"{value}\": supported values: {}",
        supported.join(", ")
    );
    found.add(field, "FieldValueNotSupported", message);
}

fn restart_policy(template: &Value, path: &str, supported: &[&str], found: &mut Mistakes) {
    let policy = text(template, "/spec/restartPolicy");
    let field = format!("{path}.spec.restartPolicy");
    if !supported.contains(&policy) {
        unsupported(found, &field, policy, supported);
    }
}

fn pod_template(template: &Value, path: &str, found: &mut Mistakes) {
    let spec = template.get("spec").unwrap_or(&Value::Null);
    pods::check_spec(spec, &format!("{path}.spec"), found);
}

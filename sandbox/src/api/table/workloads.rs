//! Cells of workloads, nodes, autoscalers, revisions and bindings.

use serde_json::{Value, json};

use super::cells::{human, list};
use crate::store::text;

pub(super) fn node_status(node: &Value) -> Value {
    let ready = list(node, "/status/conditions")
        .find(|c| text(c, "/type") == "Ready")
        .map(|c| text(c, "/status"));
    let mut words = vec![match ready {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }];
    if node
        .pointer("/spec/unschedulable")
        .and_then(Value::as_bool)
        .unwrap_or(false)
    {
        words.push("SchedulingDisabled");
    }
    json!(words.join(","))
}

pub(super) fn node_roles(node: &Value) -> Value {
    let labels = node.pointer("/metadata/labels").and_then(Value::as_object);
    let roles: Vec<_> = labels
        .into_iter()
        .flatten()
        .filter_map(|(k, _)| k.strip_prefix("node-role.kubernetes.io/"))
        .collect();
    json!(if roles.is_empty() {
        "<none>".to_owned()
    } else {
        roles.join(",")
    })
}

pub(super) fn node_address(node: &Value, kind: &str) -> Value {
    let found = list(node, "/status/addresses")
        .find(|a| text(a, "/type") == kind)
        .map(|a| text(a, "/address"));
    json!(found.unwrap_or("<none>"))
}

/// `cpu: 12%/70%, memory: <unknown>/80%`
pub(super) fn targets(autoscaler: &Value) -> Value {
    let all: Vec<String> = list(autoscaler, "/spec/metrics")
        .map(|metric| {
            let name = text(metric, "/resource/name");
            let current = list(autoscaler, "/status/currentMetrics")
                .find(|m| text(m, "/resource/name") == name);
            let percent = |v: Option<&Value>| v.and_then(Value::as_i64).map(|p| format!("{p}%"));
            let now =
                percent(current.and_then(|c| c.pointer("/resource/current/averageUtilization")));
            let plain = current
                .map(|c| text(c, "/resource/current/averageValue"))
                .filter(|v| !v.is_empty());
            let target = percent(metric.pointer("/resource/target/averageUtilization"));
            match (target, now) {
                (Some(target), now) => format!(
                    "{name}: {}/{target}",
                    now.unwrap_or_else(|| "<unknown>".to_owned())
                ),
                (None, _) => {
                    let target = text(metric, "/resource/target/averageValue");
                    format!("{name}: {}/{target}", plain.unwrap_or("<unknown>"))
                }
            }
        })
        .collect();
    let more = all.len().saturating_sub(2);
    let shown = all.into_iter().take(2).collect::<Vec<_>>().join(", ");
    json!(match (shown.as_str(), more) {
        ("", _) => "<none>".to_owned(),
        (_, 0) => shown,
        _ => format!("{shown} + {more} more..."),
    })
}

pub(super) fn controller(object: &Value) -> Value {
    let owner = list(object, "/metadata/ownerReferences")
        .find(|o| o.get("controller").and_then(Value::as_bool) == Some(true));
    json!(owner.map_or_else(
        || "<none>".to_owned(),
        |o| {
            let api = text(o, "/apiVersion");
            let kind = text(o, "/kind").to_lowercase();
            match api.split_once('/') {
                Some((group, _)) => format!("{kind}.{group}/{}", text(o, "/name")),
                None => format!("{kind}/{}", text(o, "/name")),
            }
        }
    ))
}

pub(super) fn subjects(binding: &Value, kind: &str) -> Value {
    let all: Vec<String> = list(binding, "/subjects")
        .filter(|s| text(s, "/kind") == kind)
        .map(|s| match (kind, text(s, "/namespace")) {
            ("ServiceAccount", namespace) if !namespace.is_empty() => {
                format!("{namespace}/{}", text(s, "/name"))
            }
            _ => text(s, "/name").to_owned(),
        })
        .collect();
    json!(all.join(", "))
}

/// A number that is left out when it is zero.
pub(super) fn number(object: &Value, pointer: &str) -> Value {
    json!(object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0))
}

/// After `printJob`.
pub(super) fn job_status(job: &Value) -> Value {
    let is = |kind: &str| {
        list(job, "/status/conditions")
            .any(|c| text(c, "/type") == kind && text(c, "/status") == "True")
    };
    let word = if is("Complete") {
        "Complete"
    } else if is("Failed") {
        "Failed"
    } else if !text(job, "/metadata/deletionTimestamp").is_empty() {
        "Terminating"
    } else if is("Suspended") {
        "Suspended"
    } else if is("FailureTarget") {
        "FailureTarget"
    } else if is("SuccessCriteriaMet") {
        "SuccessCriteriaMet"
    } else {
        "Running"
    };
    json!(word)
}

pub(super) fn job_completions(job: &Value) -> Value {
    let number = |pointer: &str| job.pointer(pointer).and_then(Value::as_i64);
    let succeeded = number("/status/succeeded").unwrap_or(0);
    let parallelism = number("/spec/parallelism").unwrap_or(0);
    json!(match number("/spec/completions") {
        Some(wanted) => format!("{succeeded}/{wanted}"),
        None if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
        None => format!("{succeeded}/1"),
    })
}

pub(super) fn job_duration(job: &Value) -> Value {
    let time = |pointer: &str| text(job, pointer).parse::<jiff::Timestamp>().ok();
    let Some(start) = time("/status/startTime") else {
        return json!("");
    };
    let end = time("/status/completionTime").unwrap_or_else(jiff::Timestamp::now);
    json!(human((end.as_second() - start.as_second()).max(0)))
}

//! The cells of pods, after `printPod`.

use serde_json::{Value, json};

use super::cells::{list, since};
use crate::store::text;

/// Init containers with restart policy Always run beside the others and count as they do.
fn is_sidecar(pod: &Value, name: &str) -> bool {
    list(pod, "/spec/initContainers")
        .any(|c| text(c, "/name") == name && text(c, "/restartPolicy") == "Always")
}

pub(super) fn ready(pod: &Value) -> Value {
    let sidecars = list(pod, "/spec/initContainers")
        .filter(|c| text(c, "/restartPolicy") == "Always")
        .count();
    let total = list(pod, "/spec/containers").count() + sidecars;
    let is_ready = |s: &&Value| {
        s.get("ready").and_then(Value::as_bool).unwrap_or(false)
            && s.pointer("/state/running").is_some()
    };
    let own = list(pod, "/status/containerStatuses")
        .filter(is_ready)
        .count();
    let beside = list(pod, "/status/initContainerStatuses")
        .filter(is_ready)
        .filter(|s| is_sidecar(pod, text(s, "/name")))
        .count();
    json!(format!("{}/{total}", own + beside))
}

pub(super) fn restarts(pod: &Value) -> Value {
    let statuses: Vec<_> = list(pod, "/status/containerStatuses")
        .chain(
            list(pod, "/status/initContainerStatuses")
                .filter(|s| is_sidecar(pod, text(s, "/name"))),
        )
        .collect();
    let total: i64 = statuses
        .iter()
        .filter_map(|s| s.get("restartCount").and_then(Value::as_i64))
        .sum();
    let last = statuses
        .iter()
        .map(|s| text(s, "/lastState/terminated/finishedAt"))
        .max()
        .unwrap_or_default();
    json!(if total > 0 && !last.is_empty() {
        format!("{total} ({} ago)", since(last))
    } else {
        total.to_string()
    })
}

/// Why a container stopped, when it names no reason.
fn terminated(state: &Value, prefix: &str) -> String {
    let (reason, number) = (text(state, "/reason"), |f: &str| {
        state.get(f).and_then(Value::as_i64).unwrap_or(0)
    });
    match (reason, number("signal")) {
        ("", 0) => format!("{prefix}ExitCode:{}", number("exitCode")),
        ("", signal) => format!("{prefix}Signal:{signal}"),
        (reason, _) => format!("{prefix}{reason}"),
    }
}

fn initializing(pod: &Value) -> Option<String> {
    let total = list(pod, "/spec/initContainers").count();
    for (index, status) in list(pod, "/status/initContainerStatuses").enumerate() {
        let sidecar = is_sidecar(pod, text(status, "/name"));
        if let Some(state) = status.pointer("/state/terminated") {
            if state.get("exitCode").and_then(Value::as_i64) == Some(0) {
                continue;
            }
            return Some(terminated(state, "Init:"));
        }
        if sidecar
            && status
                .get("started")
                .and_then(Value::as_bool)
                .unwrap_or(false)
        {
            continue;
        }
        let waiting = text(status, "/state/waiting/reason");
        if !waiting.is_empty() && waiting != "PodInitializing" {
            return Some(format!("Init:{waiting}"));
        }
        return Some(format!("Init:{index}/{total}"));
    }
    None
}

fn has_ready_condition(pod: &Value) -> bool {
    list(pod, "/status/conditions")
        .any(|c| text(c, "/type") == "Ready" && text(c, "/status") == "True")
}

pub(super) fn status(pod: &Value) -> Value {
    let own = text(pod, "/status/reason");
    let mut reason = if own.is_empty() {
        text(pod, "/status/phase")
    } else {
        own
    }
    .to_owned();
    if list(pod, "/status/conditions")
        .any(|c| text(c, "/type") == "PodScheduled" && text(c, "/reason") == "SchedulingGated")
    {
        "SchedulingGated".clone_into(&mut reason);
    }
    if let Some(init) = initializing(pod) {
        reason = init;
    } else {
        let mut running = false;
        let statuses: Vec<_> = list(pod, "/status/containerStatuses").collect();
        for status in statuses.iter().rev() {
            let waiting = text(status, "/state/waiting/reason");
            if !waiting.is_empty() {
                waiting.clone_into(&mut reason);
            } else if let Some(state) = status.pointer("/state/terminated") {
                reason = terminated(state, "");
            } else if status
                .get("ready")
                .and_then(Value::as_bool)
                .unwrap_or(false)
                && status.pointer("/state/running").is_some()
            {
                running = true;
            }
        }
        if reason == "Completed" && running {
            if has_ready_condition(pod) {
                "Running"
            } else {
                "NotReady"
            }
            .clone_into(&mut reason);
        }
    }
    if !text(pod, "/metadata/deletionTimestamp").is_empty() {
        if own == "NodeLost" {
            "Unknown".clone_into(&mut reason);
        } else if !matches!(text(pod, "/status/phase"), "Failed" | "Succeeded") {
            "Terminating".clone_into(&mut reason);
        }
    }
    json!(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_says_what_kubectl_says() {
        let running = json!({"ready": true, "state": {"running": {}}});
        let cases = [
            (json!({"status": {"phase": "Pending"}}), "Pending"),
            (
                json!({"status": {"phase": "Running", "containerStatuses": [running]}}),
                "Running",
            ),
            (
                json!({"status": {"phase": "Running", "containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}}),
                "CrashLoopBackOff",
            ),
            (
                json!({"status": {"phase": "Failed", "containerStatuses": [{"state": {"terminated": {"exitCode": 3}}}]}}),
                "ExitCode:3",
            ),
            (
                json!({"status": {"phase": "Running", "reason": "Evicted"}}),
                "Evicted",
            ),
            (
                json!({"metadata": {"deletionTimestamp": "x"}, "status": {"phase": "Running", "containerStatuses": [running]}}),
                "Terminating",
            ),
            (
                json!({"spec": {"initContainers": [{"name": "a"}, {"name": "b"}]}, "status": {"phase": "Pending",
                    "initContainerStatuses": [{"name": "a", "state": {"terminated": {"exitCode": 0}}}, {"name": "b", "state": {"running": {}}}]}}),
                "Init:1/2",
            ),
        ];
        for (pod, wanted) in cases {
            assert_eq!(status(&pod), wanted, "{pod}");
        }
    }
}

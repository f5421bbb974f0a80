//! `podFailurePolicy`: what the failure of a pod means for its Job (pkg/controller/job/pod_failure_policy.go).

use k8s_openapi::api::batch::v1::{PodFailurePolicy, PodFailurePolicyRule};
use k8s_openapi::api::core::v1::Pod;

/// What to make of a failed pod.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It counts towards the backoff limit.
    Count,
    /// It does not count.
    Ignore,
    /// The Job has failed, for this reason.
    FailJob(String),
}

/// The first rule that fits decides; without one the failure counts.
pub(super) fn judge(policy: Option<&PodFailurePolicy>, pod: &Pod) -> Verdict {
    let rules = policy.iter().flat_map(|policy| policy.rules.iter());
    for (index, rule) in rules.enumerate() {
        let Some(what) = fits(rule, pod) else {
            continue;
        };
        return match rule.action.as_str() {
            "FailJob" => Verdict::FailJob(format!("{what} matching FailJob rule at index {index}")),
            "Ignore" => Verdict::Ignore,
            _ => Verdict::Count,
        };
    }
    Verdict::Count
}

/// What of the pod the rule is about, in Kubernetes' words.
fn fits(rule: &PodFailurePolicyRule, pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let namespace = pod.metadata.namespace.as_deref().unwrap_or("");
    let pod_name = pod.metadata.name.as_deref().unwrap_or("");
    if let Some(codes) = &rule.on_exit_codes {
        let all = status.init_container_statuses.iter().flatten();
        for container in all.chain(status.container_statuses.iter().flatten()) {
            let named = codes.container_name.as_ref();
            let terminated = container.state.as_ref().and_then(|s| s.terminated.as_ref());
            let Some(code) = terminated.map(|t| t.exit_code) else {
                continue;
            };
            if named.is_some_and(|name| *name != container.name) || code == 0 {
                continue;
            }
            let among = codes.values.contains(&code);
            if among == (codes.operator == "In") {
                return Some(format!(
                    "Container {} for pod {namespace}/{pod_name} failed with exit code {code}",
                    container.name
                ));
            }
        }
        return None;
    }
    let mut wanted = rule.on_pod_conditions.iter().flatten();
    let fitting = wanted.find(|wanted| {
        let mut has = status.conditions.iter().flatten();
        has.any(|c| c.type_ == wanted.type_ && c.status == wanted.status)
    })?;
    Some(format!(
        "Pod {namespace}/{pod_name} has condition {}",
        fitting.type_
    ))
}

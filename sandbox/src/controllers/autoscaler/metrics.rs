//! From what pods use to how many there should be, by the rules of
//! `pkg/controller/podautoscaler/replica_calculator.go`. Pure.

use k8s_openapi::api::autoscaling::v2::{
    MetricSpec, MetricStatus, MetricTarget, MetricValueStatus, ResourceMetricStatus,
};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::pods::{ended, phase, ready, terminating};

/// What the containers of a pod use right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PodUsage {
    /// Thousandths of a CPU, over the last seconds.
    pub cpu_millis: i64,
    /// Bytes of memory.
    pub memory_bytes: i64,
}

/// Where the autoscaler gets its figures from: what metrics-server is to a real cluster.
pub trait Usage: Send + Sync {
    /// What a pod uses; `None` when nothing has been measured (yet).
    fn usage(&self, namespace: &str, pod: &str) -> Option<PodUsage>;
}

/// A change of less than a tenth is none.
const TOLERANCE: f64 = 0.1;

/// What one metric asks for.
#[derive(Debug)]
pub(super) struct Proposal {
    pub(super) replicas: i32,
    /// In the words of events: "cpu resource utilization (percentage of request)".
    pub(super) name: String,
    pub(super) status: MetricStatus,
}

/// Why a metric gives no answer: the reason of the condition, and the message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unavailable {
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// A quantity in thousandths: `250m`, `2`, `1Gi`. `None` for what is no quantity.
pub(super) fn millis(quantity: &Quantity) -> Option<i64> {
    let text = quantity.0.trim();
    let split = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+')));
    let (number, unit) = text.split_at(split.unwrap_or(text.len()));
    let number: f64 = number.parse().ok()?;
    let factor = match unit {
        "n" => 1e-6,
        "u" => 1e-3,
        "m" => 1.0,
        "" => 1e3,
        "k" => 1e6,
        "M" => 1e9,
        "G" => 1e12,
        "T" => 1e15,
        "Ki" => 1e3 * 1024.0,
        "Mi" => 1e3 * 1024.0 * 1024.0,
        "Gi" => 1e3 * 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1e3 * 1024.0 * 1024.0 * 1024.0 * 1024.0,
        exponent => 1e3 * format!("1{exponent}").parse::<f64>().ok()?,
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "saturates, and such sizes do not occur"
    )]
    Some((number * factor).round() as i64)
}

/// A pod that counts, with what it uses and asked for, in thousandths.
struct Sample {
    used: Option<i64>,
    requested: Option<i64>,
    ready: bool,
}

fn sample(pod: &Pod, resource: &str, usage: &dyn Usage) -> Result<Option<Sample>, Unavailable> {
    if terminating(pod) || ended(pod) {
        return Ok(None);
    }
    let name = pod.metadata.name.as_deref().unwrap_or("");
    let namespace = pod.metadata.namespace.as_deref().unwrap_or("");
    let used = usage.usage(namespace, name).map(|usage| match resource {
        "cpu" => usage.cpu_millis,
        _ => usage.memory_bytes.saturating_mul(1000),
    });
    let mut requested = Some(0);
    for container in pod.spec.iter().flat_map(|spec| &spec.containers) {
        let requests = container
            .resources
            .as_ref()
            .and_then(|r| r.requests.as_ref());
        let request = requests.and_then(|r| r.get(resource)).and_then(millis);
        requested = requested.zip(request).map(|(a, b)| a + b);
        if requested.is_none() {
            let container = &container.name;
            return Err(unavailable(
                resource,
                &format!("missing request for {resource} in container {container} of Pod {name}"),
            ));
        }
    }
    Ok(Some(Sample {
        used,
        requested,
        // Only CPU is held back for pods that are still starting.
        ready: phase(pod) != "Pending" && (ready(pod) || resource != "cpu"),
    }))
}

fn unavailable(resource: &str, why: &str) -> Unavailable {
    Unavailable {
        reason: "FailedGetResourceMetric",
        message: format!("failed to get {resource} utilization: {why}"),
    }
}

/// What a metric asks for, given `current` replicas wished and these pods.
pub(super) fn propose(
    metric: &MetricSpec,
    pods: &[Pod],
    current: i32,
    usage: &dyn Usage,
) -> Result<Proposal, Unavailable> {
    let Some(resource) = metric
        .resource
        .as_ref()
        .filter(|_| metric.type_ == "Resource")
    else {
        let kind = &metric.type_;
        return Err(Unavailable {
            reason: "InvalidMetricSourceType",
            message: format!("the sandbox has no {kind:?} metrics: use type Resource"),
        });
    };
    let name = resource.name.as_str();
    if !matches!(name, "cpu" | "memory") {
        return Err(unavailable(
            name,
            "the sandbox measures cpu and memory only",
        ));
    }
    let mut samples = Vec::new();
    for pod in pods {
        samples.extend(sample(pod, name, usage)?);
    }
    let measured: Vec<&Sample> = samples.iter().filter(|s| s.used.is_some()).collect();
    if measured.is_empty() {
        return Err(unavailable(
            name,
            &format!(
                "unable to get metrics for resource {name}: no metrics returned from resource metrics API"
            ),
        ));
    }
    let counted: Vec<&&Sample> = measured.iter().filter(|s| s.ready).collect();
    if counted.is_empty() {
        return Err(unavailable(
            name,
            "did not receive metrics for targeted pods (pods might be unready)",
        ));
    }
    let target = Target::of(&resource.target).ok_or_else(|| Unavailable {
        reason: "FailedGetResourceMetric",
        message: "invalid resource metric source: neither an average utilization target nor an \
                  average value (usage) target was set"
            .to_owned(),
    })?;
    let replicas = target.replicas(&samples, current);
    let total: i64 = counted.iter().filter_map(|s| s.used).sum();
    let average = total / i64::try_from(counted.len()).unwrap_or(1);
    let utilization = match target {
        Target::Utilization(_) => {
            let requested: i64 = counted.iter().filter_map(|s| s.requested).sum();
            i32::try_from(total * 100 / requested.max(1)).ok()
        }
        Target::Average(_) => None,
    };
    let value = if name == "cpu" {
        format!("{average}m")
    } else {
        (average / 1000).to_string()
    };
    let kind = if utilization.is_some() {
        "utilization (percentage of request)"
    } else {
        ""
    };
    Ok(Proposal {
        replicas,
        name: format!("{name} resource {kind}").trim_end().to_owned(),
        status: MetricStatus {
            type_: "Resource".to_owned(),
            resource: Some(ResourceMetricStatus {
                name: name.to_owned(),
                current: MetricValueStatus {
                    average_utilization: utilization,
                    average_value: Some(Quantity(value)),
                    value: None,
                },
            }),
            ..MetricStatus::default()
        },
    })
}

/// What a pod should use: percent of its request, or thousandths.
#[derive(Clone, Copy)]
enum Target {
    Utilization(i32),
    Average(i64),
}

impl Target {
    fn of(target: &MetricTarget) -> Option<Self> {
        if let Some(average) = target.average_value.as_ref().and_then(millis) {
            return Some(Self::Average(average));
        }
        target.average_utilization.map(Self::Utilization)
    }

    #[expect(clippy::cast_precision_loss, reason = "usage of pods fits 53 bits")]
    fn ratio(self, samples: &[(i64, i64)]) -> f64 {
        let used: i64 = samples.iter().map(|(used, _)| used).sum();
        match self {
            Self::Utilization(percent) => {
                let requested: i64 = samples.iter().map(|(_, requested)| requested).sum();
                used as f64 * 100.0 / requested.max(1) as f64 / f64::from(percent.max(1))
            }
            Self::Average(average) => {
                used as f64 / samples.len().max(1) as f64 / average.max(1) as f64
            }
        }
    }

    fn replicas(self, samples: &[Sample], current: i32) -> i32 {
        let request = |s: &Sample| s.requested.unwrap_or(0);
        let measured = samples.iter().filter(|s| s.ready);
        let mut figures: Vec<(i64, i64)> = measured
            .filter_map(|s| Some((s.used?, request(s))))
            .collect();
        let ratio = self.ratio(&figures);
        let unready = samples.iter().filter(|s| !s.ready).count();
        let missing = samples.iter().filter(|s| s.ready && s.used.is_none());
        let missing: Vec<&Sample> = missing.collect();
        if missing.is_empty() && (unready == 0 || ratio <= 1.0) {
            return Self::scale(ratio, figures.len(), current);
        }
        // What is not known must not cause a change: idle when growing, at its target when
        // shrinking.
        for sample in &missing {
            let full = match self {
                Self::Utilization(_) => request(sample),
                Self::Average(average) => average,
            };
            figures.push((if ratio < 1.0 { full } else { 0 }, request(sample)));
        }
        if ratio > 1.0 {
            let idle = samples.iter().filter(|s| !s.ready).map(|s| (0, request(s)));
            figures.extend(idle);
        }
        let careful = self.ratio(&figures);
        let turned = (ratio < 1.0 && careful > 1.0) || (ratio > 1.0 && careful < 1.0);
        let proposed = Self::scale(careful, figures.len(), current);
        let backwards =
            (careful < 1.0 && proposed > current) || (careful > 1.0 && proposed < current);
        if turned || backwards {
            current
        } else {
            proposed
        }
    }

    fn scale(ratio: f64, pods: usize, current: i32) -> i32 {
        if (1.0 - ratio).abs() <= TOLERANCE {
            return current;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "a number of pods; the cast saturates"
        )]
        let pods = (ratio * pods as f64).ceil() as i32;
        pods
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    struct Fixed(BTreeMap<&'static str, i64>);

    impl Usage for Fixed {
        fn usage(&self, _: &str, pod: &str) -> Option<PodUsage> {
            let cpu_millis = *self.0.get(pod)?;
            Some(PodUsage {
                cpu_millis,
                memory_bytes: 64 << 20,
            })
        }
    }

    fn pod(name: &str, ready: bool) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": "a"},
            "spec": {"containers": [{"name": "postgres", "resources": {"requests": {"cpu": "500m", "memory": "128Mi"}}}]},
            "status": {"phase": "Running", "conditions": [
                {"type": "Ready", "status": if ready { "True" } else { "False" }}]}
        }))
        .expect("a valid pod")
    }

    fn metric(name: &str, percent: i32) -> MetricSpec {
        serde_json::from_value(json!({"type": "Resource", "resource": {
            "name": name, "target": {"type": "Utilization", "averageUtilization": percent}}}))
        .expect("a valid metric")
    }

    #[test]
    fn usage_over_the_target_asks_for_more() {
        let pods = [pod("a", true), pod("b", true)];
        let usage = Fixed([("a", 500), ("b", 500)].into());
        let proposal = propose(&metric("cpu", 70), &pods, 2, &usage).expect("all measured");
        assert_eq!(proposal.replicas, 3);
        assert_eq!(
            proposal.name,
            "cpu resource utilization (percentage of request)"
        );
        let current = proposal.status.resource.expect("a resource metric").current;
        assert_eq!(current.average_utilization, Some(100));
        assert_eq!(current.average_value, Some(Quantity("500m".to_owned())));
    }

    #[test]
    fn within_a_tenth_nothing_changes() {
        let pods = [pod("a", true), pod("b", true)];
        let usage = Fixed([("a", 360), ("b", 370)].into());
        assert_eq!(
            propose(&metric("cpu", 70), &pods, 2, &usage)
                .expect("measured")
                .replicas,
            2
        );
    }

    #[test]
    fn a_pod_that_is_not_measured_does_not_shrink_the_set() {
        let pods = [pod("a", true), pod("b", true), pod("c", true)];
        let usage = Fixed([("a", 10), ("b", 10)].into());
        // a and b alone would ask for one; c counts as fully used.
        assert_eq!(
            propose(&metric("cpu", 70), &pods, 3, &usage)
                .expect("measured")
                .replicas,
            2
        );
    }

    #[test]
    fn an_unready_pod_does_not_grow_the_set() {
        let pods = [pod("a", true), pod("b", false)];
        let usage = Fixed([("a", 400), ("b", 400)].into());
        // a alone is 14 % over; with b idle it is far under: no change of direction.
        assert_eq!(
            propose(&metric("cpu", 70), &pods, 2, &usage)
                .expect("measured")
                .replicas,
            2
        );
    }

    #[test]
    fn memory_counts_against_its_request() {
        let usage = Fixed([("a", 0)].into());
        let proposal = propose(&metric("memory", 80), &[pod("a", true)], 1, &usage);
        let status = proposal
            .expect("measured")
            .status
            .resource
            .expect("a resource");
        assert_eq!(status.current.average_utilization, Some(50));
        assert_eq!(
            status.current.average_value,
            Some(Quantity((64 << 20).to_string()))
        );
    }

    #[test]
    fn without_figures_it_says_so_as_kubernetes_does() {
        let error = propose(
            &metric("cpu", 70),
            &[pod("a", true)],
            1,
            &Fixed(BTreeMap::new()),
        );
        let error = error.expect_err("nothing was measured");
        assert_eq!(error.reason, "FailedGetResourceMetric");
        assert_eq!(
            error.message,
            "failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource metrics API"
        );
    }

    #[test]
    fn quantities() {
        let read = |text: &str| millis(&Quantity(text.to_owned()));
        assert_eq!(read("250m"), Some(250));
        assert_eq!(read("2"), Some(2000));
        assert_eq!(read("0.5"), Some(500));
        assert_eq!(read("1Gi"), Some(1_073_741_824_000));
        assert_eq!(read("1e3"), Some(1_000_000));
        assert_eq!(read("x"), None);
    }
}

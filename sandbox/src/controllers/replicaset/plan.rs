//! What a ReplicaSet needs next. Pure: from the set and its pods to what is made and deleted and the status, by the
//! rules of `pkg/controller/replicaset/replica_set.go`.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetStatus};
use k8s_openapi::api::core::v1::Pod;

use super::pods::{ended, phase, ready, terminating, true_condition, until_available};

/// Most pods that are made or deleted in one round.
const BURST: usize = 500;

/// What to do now and what to report.
#[derive(Debug)]
pub(super) struct Plan {
    /// How many pods to make.
    pub(super) create: usize,
    /// Which pods to delete, those first that are missed least.
    pub(super) delete: Vec<Pod>,
    pub(super) status: ReplicaSetStatus,
    /// A pod becomes available (`minReadySeconds`) after this time without any event.
    pub(super) recheck: Option<Duration>,
}

/// Decides. `pods` are those that the set owns.
pub(super) fn plan(set: &ReplicaSet, pods: &[Pod], now: Timestamp) -> Plan {
    let spec = set.spec.clone().unwrap_or_default();
    let wanted = usize::try_from(spec.replicas.unwrap_or(1)).unwrap_or(0);
    let min_ready = spec.min_ready_seconds.unwrap_or(0);
    // One that is being deleted or has ended by itself is replaced at once.
    let active: Vec<&Pod> = pods
        .iter()
        .filter(|pod| !ended(pod) && !terminating(pod))
        .collect();
    let (mut create, mut delete) = (0, Vec::new());
    if set.metadata.deletion_timestamp.is_none() {
        create = wanted.saturating_sub(active.len()).min(BURST);
        let surplus = active.len().saturating_sub(wanted).min(BURST);
        delete = least_missed(&active).into_iter().take(surplus).collect();
    }
    let mut recheck: Option<Duration> = None;
    let count = |what: &dyn Fn(&Pod) -> bool| {
        i32::try_from(active.iter().filter(|pod| what(pod)).count()).unwrap_or(i32::MAX)
    };
    let template = spec.template.and_then(|t| t.metadata).unwrap_or_default();
    let template = template.labels.unwrap_or_default();
    let labelled = |pod: &Pod| {
        let labels = pod.metadata.labels.clone().unwrap_or_default();
        template.iter().all(|(k, v)| labels.get(k) == Some(v))
    };
    let available = |pod: &Pod| until_available(pod, min_ready, now) == Some(Duration::ZERO);
    let status = ReplicaSetStatus {
        replicas: count(&|_| true),
        fully_labeled_replicas: Some(count(&labelled)),
        ready_replicas: Some(count(&|pod| ready(pod))),
        available_replicas: Some(count(&available)),
        observed_generation: set.metadata.generation,
        ..ReplicaSetStatus::default()
    };
    for pod in &active {
        let left = until_available(pod, min_ready, now).filter(|left| !left.is_zero());
        if let Some(left) = left {
            recheck = Some(recheck.map_or(left, |other| other.min(left)));
        }
    }
    Plan {
        create,
        delete,
        status,
        recheck,
    }
}

/// The pods in the order in which they go (`ActivePodsWithRanks` in pkg/controller/controller_utils.go).
fn least_missed(active: &[&Pod]) -> Vec<Pod> {
    let mut on_node: BTreeMap<String, usize> = BTreeMap::new();
    for pod in active {
        *on_node.entry(node(pod)).or_default() += 1;
    }
    let mut order: Vec<&Pod> = active.to_vec();
    order.sort_by(|a, b| {
        let crowd = |pod: &Pod| on_node.get(&node(pod)).copied().unwrap_or(0);
        node(b)
            .is_empty()
            .cmp(&node(a).is_empty())
            .then_with(|| stage(a).cmp(&stage(b)))
            .then_with(|| ready(a).cmp(&ready(b)))
            .then_with(|| cost(a).cmp(&cost(b)))
            .then_with(|| crowd(b).cmp(&crowd(a)))
            .then_with(|| newer_first(ready_since(a), ready_since(b)))
            .then_with(|| restarts(b).cmp(&restarts(a)))
            .then_with(|| newer_first(made(a), made(b)))
    });
    order.into_iter().cloned().collect()
}

fn node(pod: &Pod) -> String {
    let spec = pod.spec.as_ref();
    spec.and_then(|s| s.node_name.clone()).unwrap_or_default()
}

fn stage(pod: &Pod) -> u8 {
    match phase(pod) {
        "Pending" | "" => 0,
        "Unknown" => 1,
        _ => 2,
    }
}

/// What the annotation says that deleting it costs.
fn cost(pod: &Pod) -> i32 {
    let annotations = pod.metadata.annotations.as_ref();
    let cost = annotations.and_then(|a| a.get("controller.kubernetes.io/pod-deletion-cost"));
    cost.and_then(|c| c.parse().ok()).unwrap_or(0)
}

fn ready_since(pod: &Pod) -> Option<Timestamp> {
    let condition = true_condition(pod, "Ready")?;
    condition.last_transition_time.as_ref().map(|time| time.0)
}

fn made(pod: &Pod) -> Option<Timestamp> {
    pod.metadata.creation_timestamp.as_ref().map(|time| time.0)
}

fn newer_first(a: Option<Timestamp>, b: Option<Timestamp>) -> Ordering {
    b.cmp(&a)
}

fn restarts(pod: &Pod) -> i32 {
    let statuses = pod
        .status
        .as_ref()
        .and_then(|s| s.container_statuses.as_ref());
    let counts = statuses.into_iter().flatten().map(|s| s.restart_count);
    counts.max().unwrap_or(0)
}

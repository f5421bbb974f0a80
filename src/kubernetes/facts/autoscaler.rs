//! Autoscalers.

use std::collections::BTreeMap;

use k8s_openapi::api::autoscaling::v2::{HorizontalPodAutoscaler, MetricSpec, MetricStatus};

use super::annotations::pgctl_annotations;
use super::git_ops;
use super::pod::time;
use crate::cluster::{Autoscaler, AutoscalerCondition, AutoscalerMetric};

/// `--horizontal-pod-autoscaler-downscale-stabilization` of the controller manager.
const DEFAULT_DOWN_WINDOW: u32 = 300;

/// What an autoscaler's object says; none when it governs something else than a StatefulSet.
pub(crate) fn autoscaler_facts(hpa: &HorizontalPodAutoscaler) -> Option<Autoscaler> {
    let spec = hpa.spec.as_ref()?;
    if spec.scale_target_ref.kind != "StatefulSet" {
        return None;
    }
    let status = hpa.status.as_ref();
    let current: BTreeMap<String, u32> = status
        .and_then(|status| status.current_metrics.as_ref())
        .into_iter()
        .flatten()
        .filter_map(current_of)
        .collect();
    let count = |number: i32| u32::try_from(number).unwrap_or(0);
    Some(Autoscaler {
        name: hpa.metadata.name.clone()?,
        target: spec.scale_target_ref.name.clone(),
        rivals: Vec::new(),
        min: spec.min_replicas.map_or(1, count),
        max: count(spec.max_replicas),
        current: status
            .and_then(|status| status.current_replicas)
            .map_or(0, count),
        desired: status.map_or(0, |status| count(status.desired_replicas)),
        metrics: spec
            .metrics
            .iter()
            .flatten()
            .map(|metric| {
                let (name, target_percent) = target_of(metric);
                AutoscalerMetric {
                    current_percent: current.get(&name).copied(),
                    name,
                    target_percent,
                }
            })
            .collect(),
        metric_specs: spec
            .metrics
            .iter()
            .flatten()
            .filter_map(|metric| serde_json::to_value(metric).ok())
            .collect(),
        down_window_seconds: spec
            .behavior
            .as_ref()
            .and_then(|behavior| behavior.scale_down.as_ref()?.stabilization_window_seconds)
            .map_or(DEFAULT_DOWN_WINDOW, count),
        conditions: status
            .and_then(|status| status.conditions.as_ref())
            .into_iter()
            .flatten()
            .map(|condition| AutoscalerCondition {
                kind: condition.type_.clone(),
                holds: condition.status == "True",
                reason: condition.reason.clone().unwrap_or_default(),
                message: condition.message.clone().unwrap_or_default(),
            })
            .collect(),
        last_scaled: status
            .and_then(|status| status.last_scale_time.as_ref())
            .map(time),
        annotations: pgctl_annotations(&hpa.metadata),
        resource_version: hpa.metadata.resource_version.clone().unwrap_or_default(),
        git_ops: git_ops(&hpa.metadata),
    })
}

/// Name of a metric and its target in % of the request.
fn target_of(metric: &MetricSpec) -> (String, Option<u32>) {
    let percent = |n: Option<i32>| n.and_then(|n| u32::try_from(n).ok());
    if let Some(resource) = &metric.resource {
        let target = percent(resource.target.average_utilization);
        return (resource.name.clone(), target);
    }
    if let Some(resource) = &metric.container_resource {
        let target = percent(resource.target.average_utilization);
        return (resource.name.clone(), target);
    }
    let name = metric
        .pods
        .as_ref()
        .map(|pods| &pods.metric.name)
        .or(metric.object.as_ref().map(|object| &object.metric.name))
        .or(metric
            .external
            .as_ref()
            .map(|external| &external.metric.name));
    (name.unwrap_or(&metric.type_).clone(), None)
}

fn current_of(metric: &MetricStatus) -> Option<(String, u32)> {
    let (name, current) = match (&metric.resource, &metric.container_resource) {
        (Some(resource), _) => (&resource.name, &resource.current),
        (None, Some(resource)) => (&resource.name, &resource.current),
        (None, None) => return None,
    };
    let percent = u32::try_from(current.average_utilization?).ok()?;
    Some((name.clone(), percent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_bounds_and_metrics() {
        let hpa = serde_json::from_value(json!({
            "metadata": {"name": "postgres-replica-hpa", "resourceVersion": "9",
                "annotations": {"pgctl.io/min-replicas": "2", "other": "x"}},
            "spec": {"scaleTargetRef": {"kind": "StatefulSet", "name": "postgres-replica"},
                "minReplicas": 2, "maxReplicas": 5, "metrics": [
                    {"type": "Resource", "resource": {"name": "cpu",
                        "target": {"type": "Utilization", "averageUtilization": 70}}},
                    {"type": "Resource", "resource": {"name": "memory",
                        "target": {"type": "Utilization", "averageUtilization": 80}}}]},
            "status": {"currentReplicas": 3, "desiredReplicas": 4,
                "lastScaleTime": "2026-01-02T03:04:05Z",
                "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu",
                    "current": {"averageUtilization": 91, "averageValue": "91m"}}}],
                "conditions": [{"type": "ScalingLimited", "status": "True",
                    "reason": "TooManyReplicas", "message": "at the maximum"}]}}))
        .expect("an autoscaler");
        let facts = autoscaler_facts(&hpa).expect("facts");
        assert_eq!(
            (facts.min, facts.max, facts.current, facts.desired),
            (2, 5, 3, 4)
        );
        assert_eq!(facts.annotations.len(), 1);
        assert_eq!(
            facts.metrics,
            [
                AutoscalerMetric {
                    name: "cpu".to_owned(),
                    current_percent: Some(91),
                    target_percent: Some(70)
                },
                AutoscalerMetric {
                    name: "memory".to_owned(),
                    current_percent: None,
                    target_percent: Some(80)
                },
            ]
        );
        assert!(facts.conditions[0].holds);
    }
}

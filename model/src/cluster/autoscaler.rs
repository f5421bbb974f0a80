//! The HorizontalPodAutoscaler.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::GitOps;

/// An autoscaler (`autoscaling/v2`) and what it governs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Autoscaler {
    /// `metadata.name`.
    pub name: String,
    /// Name of the StatefulSet in `spec.scaleTargetRef`.
    pub target: String,
    /// Names of other autoscalers of the same StatefulSet: each undoes what another does.
    #[serde(default)]
    pub rivals: Vec<String>,
    /// `spec.minReplicas` (1 when unset).
    pub min: u32,
    /// `spec.maxReplicas`.
    pub max: u32,
    /// `status.currentReplicas`.
    pub current: u32,
    /// `status.desiredReplicas`.
    pub desired: u32,
    /// Each metric with its target.
    pub metrics: Vec<AutoscalerMetric>,
    /// `spec.metrics` as it is written, so that a change of one target keeps all else.
    pub metric_specs: Vec<serde_json::Value>,
    /// `spec.behavior.scaleDown.stabilizationWindowSeconds` (300 when unset).
    pub down_window_seconds: u32,
    /// `status.conditions`.
    pub conditions: Vec<AutoscalerCondition>,
    /// `status.lastScaleTime`.
    pub last_scaled: Option<Timestamp>,
    /// Annotations of pgctl on it (remembered bounds), by key.
    pub annotations: std::collections::BTreeMap<String, String>,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// Who deploys it, when a GitOps tool does.
    pub git_ops: Option<GitOps>,
}

impl Autoscaler {
    /// Why nothing can rely on it, and what to type, when it is not the only one of its StatefulSet.
    pub fn contested(&self, namespace: &str) -> Option<(String, String)> {
        let first = self.rivals.first()?;
        let all: Vec<&str> = std::iter::once(self.name.as_str())
            .chain(self.rivals.iter().map(String::as_str))
            .collect();
        Some((
            format!(
                "{} all scale {}: each undoes what another does, or Kubernetes heeds none of them",
                all.join(" and "),
                self.target
            ),
            format!("kubectl -n {namespace} delete hpa {first}, or whichever is not meant to be"),
        ))
    }
}

/// A metric of type `Resource`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AutoscalerMetric {
    /// `cpu`, `memory`, or the name of another metric.
    pub name: String,
    /// Average use now, in % of the request; none while unknown.
    pub current_percent: Option<u32>,
    /// The target, in % of the request; none when the target is not a utilization.
    pub target_percent: Option<u32>,
}

/// A condition of an autoscaler.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AutoscalerCondition {
    /// `AbleToScale`, `ScalingActive`, `ScalingLimited`.
    pub kind: String,
    /// Whether it holds (`status: "True"`).
    pub holds: bool,
    /// Kubernetes' word for it, in CamelCase.
    pub reason: String,
    /// Kubernetes' sentence for people.
    pub message: String,
}

//! The autoscaler's bounds: as they are, as they were meant, and the patch that changes them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cluster::{Autoscaler, PAUSED_BOUNDS};

pub use crate::cluster::names::ORIGINAL_MINIMUM;

/// The least and the most pods that an autoscaler may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bounds {
    /// `spec.minReplicas`.
    pub min: u32,
    /// `spec.maxReplicas`.
    pub max: u32,
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max {
            write!(f, "{}", self.min)
        } else {
            write!(f, "{}-{}", self.min, self.max)
        }
    }
}

impl Bounds {
    /// As they are.
    pub fn of(autoscaler: &Autoscaler) -> Self {
        Self {
            min: autoscaler.min,
            max: autoscaler.max,
        }
    }

    /// As they were before the pause, when it is paused.
    pub fn paused(autoscaler: &Autoscaler) -> Option<Self> {
        serde_json::from_str(autoscaler.annotations.get(PAUSED_BOUNDS)?).ok()
    }

    /// As somebody meant them: before a pause, and before a failover raised the minimum.
    pub fn meant(autoscaler: &Autoscaler) -> Self {
        Self::paused(autoscaler).unwrap_or(Self {
            min: original_minimum(autoscaler).unwrap_or(autoscaler.min),
            max: autoscaler.max,
        })
    }
}

/// The minimum of before a failover raised it.
pub(crate) fn original_minimum(autoscaler: &Autoscaler) -> Option<u32> {
    autoscaler.annotations.get(ORIGINAL_MINIMUM)?.parse().ok()
}

/// One change of an autoscaler: what its fields are afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutoscalerPatch {
    /// Name of the HorizontalPodAutoscaler.
    pub autoscaler: String,
    /// `minReplicas` and `maxReplicas` from now on.
    pub bounds: Bounds,
    /// Its metrics; none leaves them alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Vec<Value>>,
    /// The bounds that it gets back after the pause; none when it is not paused.
    pub paused: Option<Bounds>,
    /// The minimum that it gets back on failback; none when no failover has raised it.
    pub original_minimum: Option<u32>,
}

impl AutoscalerPatch {
    /// One that changes nothing.
    pub(crate) fn nothing(autoscaler: &Autoscaler) -> Self {
        Self {
            autoscaler: autoscaler.name.clone(),
            bounds: Bounds::of(autoscaler),
            metrics: None,
            paused: Bounds::paused(autoscaler),
            original_minimum: original_minimum(autoscaler),
        }
    }

    /// The one that puts back what this one changes.
    pub(crate) fn inverse(&self, autoscaler: &Autoscaler) -> Self {
        let mut before = Self::nothing(autoscaler);
        if self.metrics.is_some() {
            before.metrics = Some(autoscaler.metric_specs.clone());
        }
        before
    }

    /// The annotations that go with it, by key; none takes one off.
    pub fn annotations(&self) -> [(&'static str, Option<String>); 2] {
        let paused = self
            .paused
            .map(|it| json!({"min": it.min, "max": it.max}).to_string());
        let original = self.original_minimum.map(|it| it.to_string());
        [(PAUSED_BOUNDS, paused), (ORIGINAL_MINIMUM, original)]
    }

    /// The JSON merge patch (RFC 7386) that is sent.
    pub fn to_json(&self) -> Value {
        let mut spec = json!({"minReplicas": self.bounds.min, "maxReplicas": self.bounds.max});
        if let Some(metrics) = &self.metrics {
            spec["metrics"] = json!(metrics);
        }
        let annotations: serde_json::Map<String, Value> = self
            .annotations()
            .into_iter()
            .map(|(key, value)| (key.to_owned(), json!(value)))
            .collect();
        json!({"metadata": {"annotations": annotations}, "spec": spec})
    }
}

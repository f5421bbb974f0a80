//! What a GitOps tool would do about a change.

use serde::{Deserialize, Serialize};

use crate::cluster::GitOps;

/// An object that a GitOps tool deploys, and what the tool does about a change of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// The object, such as `Service/postgres-write`.
    pub object: String,
    /// The field that will be changed.
    pub field: String,
    /// The tool that manages the object, and would put it back.
    pub tool: GitOps,
    /// Whether it puts the change back.
    pub reverts: Reverts,
}

/// Whether a GitOps tool puts a change back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reverts {
    /// By itself, within minutes.
    Itself,
    /// When somebody deploys the next time.
    NextDeploy,
    /// Never: the field is ignored.
    Never,
    /// It could not be found out.
    Unknown,
}

/// The autoscaler's minimum, which a failover raises.
pub(crate) const MINIMUM: &str = ".spec.minReplicas";

/// The autoscaler's maximum, of which only scaling makes another.
pub(crate) const MAXIMUM: &str = ".spec.maxReplicas";

/// The autoscaler's targets, of which only `pgctl hpa set` makes others.
pub(crate) const METRICS: &str = ".spec.metrics";

impl Drift {
    /// Whether it is about the bounds of an autoscaler.
    pub(crate) fn of_bounds(&self) -> bool {
        self.is(MINIMUM) || self.is(MAXIMUM)
    }

    /// Whether it is about the targets of an autoscaler.
    pub(crate) fn of_metrics(&self) -> bool {
        self.is(METRICS)
    }

    /// Whether a failover or a restore changes the field.
    pub fn of_failover(&self) -> bool {
        !self.is(MAXIMUM) && !self.is(METRICS)
    }

    fn is(&self, path: &str) -> bool {
        path.strip_prefix('.') == Some(self.field.as_str())
    }
}

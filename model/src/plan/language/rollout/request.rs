//! What is asked of a rollout.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::language::objects::PodRef;

/// Which pods are restarted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "which", content = "pods")]
pub enum Restarts {
    /// Those that were made from an older template than their StatefulSet has.
    Older,
    /// All of them, whatever they were made from.
    All,
    /// Those that were made from an older template, and these, by name and UID: the ones that were there when all were
    /// asked for. One that has come since is no part of it, so that no clock has to tell what was done.
    These(Vec<PodRef>),
}

/// `pgctl rollout`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutRequest {
    /// Only this pod, by any unambiguous tail of its name; none means every pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// Only the pods on this node, whatever they were made from: they go to others (`pgctl drain`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Which pods.
    pub restarts: Restarts,
    /// At the end the pod that was primary becomes it again.
    pub back: bool,
    /// How far behind a standby that is done may be, in bytes.
    pub max_lag_bytes: u64,
    /// How long one pod may take until it is back, in seconds.
    pub timeout_seconds: u32,
}

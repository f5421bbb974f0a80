//! Pods as a plan names them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cluster::Instance;

/// A pod at one time of its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodRef {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`: tells it from its successor of the same name.
    pub uid: String,
}

impl PodRef {
    /// The pod of an instance as it is now.
    pub(crate) fn of(instance: &Instance) -> Self {
        Self {
            name: instance.pod.name.clone(),
            uid: instance.pod.uid.clone(),
        }
    }
}

/// A standby that is to stream from another server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Follower {
    /// Name of the standby's pod.
    pub pod: String,
    /// The slot that it streams through.
    pub slot: String,
}

//! What is known of a node that is to be emptied.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::other_pod::OtherPod;

/// A node, and what its pods need to go elsewhere. Facts only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DrainedNode {
    /// Names of all nodes.
    pub known: BTreeSet<String>,
    /// Whether it takes no new pods (`spec.unschedulable`).
    pub cordoned: bool,
    /// Whether the one who asks may make it so (`patch nodes`).
    pub may_cordon: bool,
    /// Whether the one who asks may evict pods (`create pods/eviction`).
    pub may_evict: bool,
    /// The other nodes that are Ready and take new pods.
    pub others: BTreeSet<String>,
    /// Of its pods those whose volume can be used on none of the others, and the claim of it.
    pub bound: BTreeMap<String, String>,
    /// Why nobody knows where the volumes can be used, when that is so.
    pub volumes_unseen: Option<String>,
    /// Pods that a disruption budget lets nobody evict, however well the others are, and the budget.
    pub never_evicted: BTreeMap<String, String>,
    /// The pods of the cluster that are none of its servers, on every node.
    #[serde(default)]
    pub other_pods: Vec<OtherPod>,
}

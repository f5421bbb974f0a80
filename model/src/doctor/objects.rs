//! Objects around a cluster, as far as checks go by them.

use std::collections::{BTreeMap, BTreeSet};

use super::known::Known;
use crate::cluster::NotVisible;

/// Objects that `pgctl status` does not look at.
#[derive(Debug, Clone)]
pub struct ObjectsSeen {
    /// PodDisruptionBudgets.
    pub budgets: Known<Vec<Budget>>,
    /// NetworkPolicies.
    pub policies: Known<Vec<PolicyFacts>>,
    /// Where the pods' nodes are, by name.
    pub nodes: Known<BTreeMap<String, NodePlace>>,
    /// What each pod's containers may do.
    pub security: Known<Vec<PodSecurity>>,
    /// Memory limit of each pod's database container, in bytes, by pod; none without a limit.
    pub memory_limits: BTreeMap<String, Option<u64>>,
    /// What is not as it was applied.
    pub applied: Known<AppliedSeen>,
}

/// StatefulSets, Services and autoscalers beside what was applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppliedSeen {
    /// What is not as it was applied.
    pub differences: Vec<Difference>,
    /// Objects of which nobody has recorded what was applied: `service/staging-postgres-write`.
    pub unrecorded: Vec<String>,
    /// Objects that could not be listed, and why.
    pub unseen: Vec<NotVisible>,
}

/// A PodDisruptionBudget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// `metadata.name`.
    pub name: String,
    /// Pods of the cluster that it selects.
    pub pods: BTreeSet<String>,
}

/// A NetworkPolicy about traffic that comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFacts {
    /// `metadata.name`.
    pub name: String,
    /// Pods of the cluster that it selects.
    pub pods: BTreeSet<String>,
    /// One of its rules lets everybody reach the database.
    pub open: bool,
}

/// Where a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodePlace {
    /// Label `topology.kubernetes.io/zone`.
    pub zone: Option<String>,
}

/// What the containers of a pod may do that they need not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodSecurity {
    /// Name of the pod.
    pub pod: String,
    /// Each thing, in words: `container postgres may run as root`.
    pub excesses: Vec<String>,
}

/// An object that is not as it was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// `statefulset/staging-postgres-replica`.
    pub object: String,
    /// In what.
    pub differing: Differing,
}

/// In what an object is not as it was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Differing {
    /// A field has another value than the annotation of a client-side apply says.
    Value {
        /// The field: `spec.replicas`.
        field: String,
        /// What was applied.
        applied: String,
        /// What is.
        is: String,
    },
    /// Somebody else has set fields since a server-side apply.
    Taken {
        /// Who: `kubectl-edit`.
        manager: String,
        /// The fields, each as `spec.replicas`.
        fields: Vec<String>,
    },
}

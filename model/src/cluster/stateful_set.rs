//! The StatefulSets.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{GitOps, PodEncryption, slot_name};

/// The value of the label `app.kubernetes.io/component`: which StatefulSet a pod comes from. It is
/// where the pod lives, not its role: a primary may live in either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Component {
    /// The StatefulSet that bootstraps the first primary.
    Primary,
    /// The StatefulSet that the autoscaler scales.
    Replica,
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Primary => "primary",
            Self::Replica => "replica",
        })
    }
}

/// A request that a container of a pod template lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unrequested {
    /// Name of the container in the pod.
    pub container: String,
    /// `cpu` or `memory`.
    pub resource: String,
}

/// A StatefulSet of the cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatefulSetFacts {
    /// `metadata.name`.
    pub name: String,
    /// Which of the two it is.
    pub component: Component,
    /// `spec.replicas`.
    pub wanted: u32,
    /// `status.replicas`: pods that exist.
    pub existing: u32,
    /// `status.readyReplicas`.
    pub ready: u32,
    /// `metadata.generation` minus `status.observedGeneration` is 0.
    pub observed: bool,
    /// The revision that its template is, from which pods are made now (`status.updateRevision`); none while its
    /// controller has not seen the last change of it.
    #[serde(default)]
    pub revision: Option<String>,
    /// The image of the database container in its template.
    #[serde(default)]
    pub image: Option<String>,
    /// What the servers of pods that are made from its template do of encryption.
    #[serde(default, skip_serializing_if = "PodEncryption::is_none")]
    pub encryption: PodEncryption,
    /// `spec.updateStrategy.type` is `OnDelete`: a changed template restarts no pod by itself.
    #[serde(default)]
    pub on_delete: bool,
    /// Whether its start script reads the topology (a volume of its pod template mounts the
    /// topology ConfigMap).
    pub topology_aware: bool,
    /// Name of the ConfigMap that its volume `topology` mounts.
    pub topology_config_map: Option<String>,
    /// Containers of the pod template that request no CPU or no memory: an autoscaler can't tell
    /// what share of it they use.
    pub unrequested: Vec<Unrequested>,
    /// The highest ordinal of a pod that the others' start scripts ask ([`super::names::MAX_ORDINAL`]); the default
    /// where the pod template does not say it in plain words.
    pub highest_ordinal: u32,
    /// `spec.serviceName`: the headless Service that names its pods.
    pub service: String,
    /// `spec.persistentVolumeClaimRetentionPolicy.whenScaled` is `Delete`: a pod that is scaled away
    /// takes its claim with it, and so its data.
    #[serde(default)]
    pub deletes_claims: bool,
    /// Who deploys it, when a GitOps tool does.
    pub git_ops: Option<GitOps>,
}

/// The number of a pod of this name, when it is one of the StatefulSet's, whether it exists or not.
pub fn ordinal_of(stateful_set: &str, pod: &str) -> Option<u32> {
    let tail = pod.strip_prefix(stateful_set)?.strip_prefix('-')?;
    tail.parse().ok()
}

impl StatefulSetFacts {
    /// Whether it makes this pod again when that is gone: its number is below that of the replicas.
    pub fn keeps(&self, pod: &str) -> bool {
        self.ordinal_of(pod)
            .is_some_and(|ordinal| ordinal < self.wanted)
    }

    /// The number of a pod of this name, when it is one of this StatefulSet's, whether it exists or not.
    pub fn ordinal_of(&self, pod: &str) -> Option<u32> {
        ordinal_of(&self.name, pod)
    }

    /// The number of the pod that streams through a slot of this name, when it is one of this StatefulSet's.
    pub fn ordinal_of_slot(&self, slot: &str) -> Option<u32> {
        let tail = slot
            .strip_prefix(&slot_name(&self.name))?
            .strip_prefix('_')?;
        tail.parse().ok()
    }
}

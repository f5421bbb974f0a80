//! The data volumes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Component;

/// A PersistentVolumeClaim that holds (or held) a pod's data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeFacts {
    /// Name of the claim.
    pub claim: String,
    /// The pod that it belongs to by name, whether that pod exists or not.
    pub pod: String,
    /// Whether it belongs to the primary or to a replica.
    pub component: Component,
    /// Whether the pod exists now (a claim left by a scale-down has none).
    pub in_use: bool,
    /// `status.phase`.
    pub phase: String,
    /// `status.capacity.storage`, in bytes.
    pub capacity_bytes: Option<u64>,
    /// `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// `metadata.uid`.
    #[serde(default)]
    pub uid: Option<String>,
    /// `metadata.deletionTimestamp`: it is gone as soon as no pod has it any more.
    pub deleting_since: Option<Timestamp>,
    /// `spec.storageClassName`.
    pub storage_class: Option<String>,
}

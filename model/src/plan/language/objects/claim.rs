//! A volume as a plan names it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A claim at one time of its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimRef {
    /// Name of the PersistentVolumeClaim.
    pub claim: String,
    /// The pod that it belongs to by name, whether that pod exists or not.
    #[serde(default)]
    pub pod: String,
    /// Its `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// Its `metadata.uid`; none in what was planned by older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

//! What could not be looked at.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Objects that are not needed to know a cluster, and that its overview lacks without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectKind {
    /// Services.
    Services,
    /// EndpointSlices: where the Services lead.
    EndpointSlices,
    /// HorizontalPodAutoscalers.
    Autoscalers,
    /// PersistentVolumeClaims.
    Volumes,
    /// ConfigMaps.
    ConfigMaps,
    /// Nodes.
    Nodes,
    /// Who has signed the servers' certificates.
    Authority,
    /// The journal of the operations on the cluster.
    Journal,
    /// Throw-away servers: their pods, their claims, and the journal of their making.
    ThrowAways,
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Services => "Services",
            Self::EndpointSlices => "EndpointSlices",
            Self::Autoscalers => "HorizontalPodAutoscalers",
            Self::Volumes => "PersistentVolumeClaims",
            Self::ConfigMaps => "ConfigMaps",
            Self::Nodes => "Nodes",
            Self::Authority => "who has signed the servers' certificates",
            Self::Journal => "the journal of operations",
            Self::ThrowAways => "throw-away servers",
        })
    }
}

/// Objects that could not be looked at: that none is known does not mean that there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotVisible {
    /// The kind of object that could not be listed.
    pub what: ObjectKind,
    /// Why not, with the verb and the resource when it was forbidden.
    pub why: String,
}

impl fmt::Display for NotVisible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.why)
    }
}

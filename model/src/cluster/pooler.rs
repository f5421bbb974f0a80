//! The pods of poolers, which lead clients to a cluster.

use serde::{Deserialize, Serialize};

/// Which way a pooler leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PoolerPurpose {
    /// Through the write Service, to the primary.
    Write,
    /// Through the read Service.
    Read,
}

/// What Kubernetes says of a pooler's pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolerPod {
    /// Name of the pod.
    pub name: String,
    /// Which way it leads.
    pub purpose: PoolerPurpose,
    /// Why its container does not run; none when it does.
    pub stopped: Option<String>,
    /// Whether it is being deleted.
    pub leaving: bool,
    /// Name of the Secret with its passwords, as its volume says.
    pub secret: Option<String>,
}

/// What was seen of a cluster's poolers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Poolers {
    /// Their pods.
    Seen(Vec<PoolerPod>),
    /// Why nobody knows.
    Unseen(String),
}

impl Default for Poolers {
    fn default() -> Self {
        Self::Seen(Vec::new())
    }
}

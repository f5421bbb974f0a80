//! The pods of a cluster that are none of its servers, as far as their node matters to them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cluster::PoolerPurpose;

/// What such a pod is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OtherPodKind {
    /// It leads clients to the servers.
    Pooler(PoolerPurpose),
    /// It streams the WAL into a store.
    WalArchive,
    /// It takes a backup.
    Backup,
    /// It asks the servers for their metrics.
    Monitoring,
    /// A throw-away server, and the name that it was given.
    ThrowAway(String),
    /// Something else that is labelled as the cluster's.
    Other,
}

impl fmt::Display for OtherPodKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pooler(PoolerPurpose::Write) => f.write_str("pooler for writes"),
            Self::Pooler(PoolerPurpose::Read) => f.write_str("pooler for reads"),
            Self::WalArchive => f.write_str("WAL archiver"),
            Self::Backup => f.write_str("backup"),
            Self::Monitoring => f.write_str("monitoring"),
            Self::ThrowAway(name) => write!(f, "throw-away server {name}"),
            Self::Other => f.write_str("of the cluster"),
        }
    }
}

/// A disruption budget as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BudgetNow {
    /// Its name.
    pub name: String,
    /// How many of its pods may be evicted now (`status.disruptionsAllowed`).
    pub allowed: i32,
}

/// Such a pod. Facts only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OtherPod {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub kind: OtherPodKind,
    /// The node that it is on; none when it has none yet.
    pub node: Option<String>,
    /// Whether it is Ready.
    pub ready: bool,
    /// Whether it is being deleted.
    pub leaving: bool,
    /// Whether a controller makes another when it is gone. Of one that nobody makes anew `kubectl drain` evicts nothing.
    pub made_anew: bool,
    /// Name of the Deployment that it is of; none when it is of none.
    pub deployment: Option<String>,
    /// A disruption budget that covers it; of several the one that allows the least.
    pub budget: Option<BudgetNow>,
}

impl OtherPod {
    /// Whether it is there for a drain of this node.
    pub fn is_on(&self, node: &str) -> bool {
        self.node.as_deref() == Some(node) && !self.leaving
    }
}

impl fmt::Display for OtherPod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.kind)
    }
}

//! What a plan is made on besides the cluster itself.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::drift::Drift;
use super::operation::OperationId;
use super::rollout::DrainedNode;
use crate::cluster::Poolers;

/// What was found out besides the snapshot. Facts only.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Circumstances {
    /// The answers of the API server to "may I?", one for each permission that was asked about.
    pub permissions: Vec<Permitted>,
    /// Who runs an operation on this cluster now.
    pub lock: Option<LockHolder>,
    /// The operation that was left unfinished.
    pub unfinished: Option<Unfinished>,
    /// `resourceVersion` of the journal; none when there is none.
    #[serde(default)]
    pub journal_version: Option<String>,
    /// What a GitOps tool would do about the changes.
    pub drift: Vec<Drift>,
    /// Unlogged tables, which a promotion empties; none when nobody could be asked.
    #[serde(default)]
    pub unlogged: Option<Vec<UnloggedTables>>,
    /// The pods through which clients come; only a failover asks.
    #[serde(default)]
    pub poolers: Poolers,
    /// The node that is to be emptied; only a drain asks.
    #[serde(default)]
    pub drained: Option<DrainedNode>,
}

/// The unlogged tables of a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnloggedTables {
    /// Name of the database.
    pub database: String,
    /// How many there are.
    pub tables: u64,
    /// What they take with their indexes, where they are written to; none elsewhere.
    pub bytes: Option<u64>,
}

/// Something that one may be allowed to do (a SelfSubjectAccessReview).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Permission {
    /// `get`, `patch`, `create`, ...
    pub verb: String,
    /// API group, empty for the core.
    pub group: String,
    /// Resource, with its subresource (`statefulsets/scale`).
    pub resource: String,
}

impl Permission {
    /// A permission.
    pub fn new(verb: &str, group: &str, resource: &str) -> Self {
        Self {
            verb: verb.to_owned(),
            group: group.to_owned(),
            resource: resource.to_owned(),
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        Ok(())
    }
}

/// A permission and whether it is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Permitted {
    /// What was asked about.
    pub permission: Permission,
    /// Whether the API says that we may.
    pub allowed: bool,
}

/// The holder of the Lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LockHolder {
    /// `spec.holderIdentity`: who, on which machine.
    pub holder: String,
    /// `spec.acquireTime`, by the holder's clock.
    #[serde(default)]
    pub since: Option<Timestamp>,
    /// `spec.renewTime`, by the holder's clock.
    pub renewed: Option<Timestamp>,
    /// Name of the Lease.
    #[serde(default)]
    pub lease: String,
    /// `metadata.namespace`.
    #[serde(default)]
    pub namespace: String,
}

impl LockHolder {
    /// The command that shows it.
    pub fn command(&self) -> String {
        format!(
            "kubectl describe lease {} -n {}",
            self.lease, self.namespace
        )
    }
}

impl fmt::Display for LockHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} runs an operation on this cluster", self.holder)?;
        match self.since {
            Some(since) => write!(f, ", since {since:.0} by the clock there"),
            None => Ok(()),
        }
    }
}

/// An operation whose journal has no end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unfinished {
    /// The kind and the time of planning, such as `failover-20260102T030405678Z`.
    pub id: OperationId,
    /// What it is, in words: `failover from a to b`.
    pub title: String,
    /// Whether it can only go forward.
    pub past_point_of_no_return: bool,
    /// The pod that it makes, or has made, the primary; none when it is no failover.
    #[serde(default)]
    pub to: Option<String>,
    /// The pod that it takes the place of the primary from; none when it is no failover.
    #[serde(default)]
    pub from: Option<String>,
    /// Whether it is a restore: its data lies aside on the volumes until it is ended.
    #[serde(default)]
    pub restore: bool,
    /// The throw-away server that it makes; none when it makes none.
    #[serde(default)]
    pub into: Option<String>,
    /// The pod that it brings back as a standby; none when it is no rejoin.
    #[serde(default)]
    pub rejoins: Option<String>,
    /// The command that goes on with it, with all that it takes (the store, the key); none when nobody has said it.
    #[serde(default)]
    pub resume: Option<String>,
}

//! What a restore is about.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::recovery::RecoveryWay;

/// What the backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RestoreKind {
    /// Roles and every database, as archives of `pg_dump`.
    Logical,
    /// One database.
    Database,
    /// A data directory.
    Physical,
}

impl RestoreKind {
    /// Its name, as in the manifest of the backup.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Logical => "logical",
            Self::Database => "database",
            Self::Physical => "physical",
        }
    }
}

/// Which backup is restored, and into what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestoreScope {
    /// Name of the backup.
    pub backup: String,
    /// The store that it is in.
    pub store: String,
    /// Whether it takes a key to read it.
    #[serde(default)]
    pub encrypted: bool,
    /// Whether it holds SQL of databases or a data directory.
    #[serde(rename = "type")]
    pub kind: RestoreKind,
    /// When it was taken.
    pub taken: Timestamp,
    /// The pod that it is restored into.
    pub pod: String,
    /// The databases that are restored, by the names that they get; empty for a base backup.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<String>,
    /// The way through archived WAL to a moment after the backup; none: its own WAL alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<RecoveryWay>,
    /// Name of the throw-away server that it is restored into, beside the cluster; none: into the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub into: Option<String>,
    /// What is expected to be kept of the data that was there; found out for certain on the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keeps: Vec<KeptData>,
}

impl fmt::Display for RestoreScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_base_backup = || match &self.recovery {
            Some(way) => format!("recovery from {} {}", self.backup, way.target),
            None => format!("restore of {}", self.backup),
        };
        if let Some(name) = &self.into {
            return write!(f, "{} into the throw-away server {name}", of_base_backup());
        }
        if self.recovery.is_some() {
            return write!(f, "{} into the volume of {}", of_base_backup(), self.pod);
        }
        match (self.kind, self.databases.as_slice()) {
            (RestoreKind::Physical, _) => {
                write!(f, "{} into the volume of {}", of_base_backup(), self.pod)
            }
            (_, [one]) => write!(f, "restore of {one} from {} into {}", self.backup, self.pod),
            (_, several) => write!(
                f,
                "restore of {} databases from {} into {}",
                several.len(),
                self.backup,
                self.pod
            ),
        }
    }
}

/// Data that was there before a restore, kept under another name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeptData {
    /// The claim of the volume that it lies in.
    pub claim: String,
    /// Its directory in that volume.
    pub directory: String,
}

impl fmt::Display for KeptData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.directory, self.claim)
    }
}

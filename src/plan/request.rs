//! What an operator asks for.

use serde::{Deserialize, Serialize};

/// How far a standby may be behind when a switchover is planned, in bytes, unless told otherwise:
/// one WAL segment, which streams in well under a second.
pub const DEFAULT_MAX_LAG_BYTES: u64 = 16 * 1024 * 1024;

/// `pgctl failover`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailoverRequest {
    /// The pod to promote, by any unambiguous tail of its name; none takes the best.
    pub to: Option<String>,
    /// Bring the old primary back as a standby in the same plan.
    pub rejoin: bool,
    /// How far the candidate may be behind, in bytes.
    pub max_lag_bytes: u64,
    /// Promote although the old primary is not proven stopped.
    pub accept_split_brain_risk: bool,
    /// Stop a primary that is alive and out of pgctl's reach.
    #[serde(default)]
    pub blind: bool,
    /// Promote although the candidate is proven to lack some of the old primary's WAL.
    #[serde(default)]
    pub accept_loss: bool,
    /// Go on although a GitOps tool may revert the changes.
    pub allow_drift: bool,
    /// Go on although logical slots are lost.
    pub allow_slot_loss: bool,
    /// Go on although a base backup is cut off.
    pub allow_backup_loss: bool,
    /// Go on although WAL is missing from the archive.
    #[serde(default)]
    pub allow_archive_gap: bool,
    /// How long the old primary may take to shut down, in seconds, when that is to be more than its
    /// pod's own grace period and a moment for the news of its end.
    #[serde(default)]
    pub stop_timeout_seconds: Option<u32>,
}

impl Default for FailoverRequest {
    fn default() -> Self {
        Self {
            to: None,
            rejoin: false,
            max_lag_bytes: DEFAULT_MAX_LAG_BYTES,
            accept_split_brain_risk: false,
            blind: false,
            accept_loss: false,
            allow_drift: false,
            allow_slot_loss: false,
            allow_backup_loss: false,
            allow_archive_gap: false,
            stop_timeout_seconds: None,
        }
    }
}

/// `pgctl rejoin POD`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RejoinRequest {
    /// The former primary, by any unambiguous tail of its name.
    pub pod: String,
    /// Throw its data away and clone it anew, instead of `pg_rewind`.
    pub clone: bool,
    /// How long it may take until it streams, in seconds.
    pub timeout_seconds: u32,
}

/// `pgctl reinit POD`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReinitRequest {
    /// The broken standby, by any unambiguous tail of its name.
    pub pod: String,
    /// How long it may take until it streams, in seconds.
    pub timeout_seconds: u32,
}

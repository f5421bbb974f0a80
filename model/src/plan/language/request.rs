//! What an operator asks for.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far a standby may be behind when a switchover is planned, in bytes, unless told otherwise:
/// one WAL segment, which streams in well under a second.
pub const DEFAULT_MAX_LAG_BYTES: u64 = 16 * 1024 * 1024;

/// Whether a switchover lets the clients of poolers wait, in place of failing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hold {
    /// Not without.
    Require,
    /// Where it can be done.
    #[default]
    Try,
    /// No.
    Off,
}

/// How long running transactions may take until a pooler holds its clients, in seconds, unless told otherwise.
const DEFAULT_HOLD_SECONDS: u32 = 2;

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
    /// Whether the clients of poolers are held.
    #[serde(default)]
    pub hold: Hold,
    /// How long running transactions may take until they are held, in seconds.
    #[serde(default = "default_hold_seconds")]
    pub hold_seconds: u32,
}

fn default_hold_seconds() -> u32 {
    DEFAULT_HOLD_SECONDS
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
            hold: Hold::default(),
            hold_seconds: DEFAULT_HOLD_SECONDS,
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
    /// That an earlier pod of its name, which nobody has seen end, runs no more is taken from whoever asks.
    #[serde(default)]
    pub accept_split_brain_risk: bool,
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

/// What is to become of a change when an autoscaler governs the StatefulSet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AutoscalerPolicy {
    /// The autoscaler's minimum and maximum become the number; `pgctl hpa resume` gives them back.
    Pin,
    /// The autoscaler's minimum becomes the number, and its maximum at least that.
    Permanent,
    /// The autoscaler stays as it is, and may change the number again.
    Temporary,
}

impl fmt::Display for AutoscalerPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pin => "pinned",
            Self::Permanent => "permanent",
            Self::Temporary => "temporary",
        })
    }
}

/// `pgctl scale N`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScaleRequest {
    /// How many pods of the replica StatefulSet.
    pub replicas: u32,
    /// What is to become of it; none when nobody has said.
    pub way: Option<AutoscalerPolicy>,
    /// Wait until it is so.
    pub wait: bool,
    /// Delete the volumes of the pods that go, and those left behind before.
    pub delete_volumes: bool,
    /// How far behind a standby that is done may be, in bytes.
    pub max_lag_bytes: u64,
    /// How long the standbys may take, in seconds.
    pub timeout_seconds: u32,
}

/// `pgctl hpa set|pause|resume`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "change")]
pub enum AutoscaleRequest {
    /// Other bounds or targets; none keeps what is there.
    Set {
        /// `minReplicas`.
        min: Option<u32>,
        /// `maxReplicas`.
        max: Option<u32>,
        /// Average use of the CPU, in % of the request.
        cpu: Option<u32>,
        /// Average use of the memory, in % of the request.
        memory: Option<u32>,
    },
    /// No scaling: both bounds become the present number.
    Pause,
    /// The bounds of before the pause.
    Resume,
}

/// `pgctl sync set --standbys N|off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SynchronousRequest {
    /// For how many standbys a commit waits; 0 for none.
    pub standbys: u32,
}

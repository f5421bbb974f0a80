//! What an operator asks for.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is to become of a change when an autoscaler governs the StatefulSet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// The autoscaler's minimum and maximum become the number; `pgctl hpa resume` gives them back.
    Pin,
    /// The autoscaler's minimum becomes the number, and its maximum at least that.
    Permanent,
    /// The autoscaler stays as it is, and may change the number again.
    Temporary,
}

impl fmt::Display for Way {
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
    pub way: Option<Way>,
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

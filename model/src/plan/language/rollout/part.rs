//! A part of a rollout: each is an operation of its own, planned when its turn comes.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::language::objects::PodRef;

/// Why a pod is restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RestartReason {
    /// It was made from an older template than its StatefulSet has.
    Older,
    /// It was asked for (`--restart`).
    Asked,
    /// Its node is being emptied (`pgctl drain`).
    Drained,
}

/// One part, in the order in which they are done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    tag = "part"
)]
pub enum RolloutPart {
    /// A standby is restarted, and seen streaming, caught up and ready before the next part begins.
    Restart {
        /// The pod that goes, by name and UID.
        pod: PodRef,
        /// Why.
        reason: RestartReason,
        /// The revision that it is made from afterwards.
        revision: String,
        /// The image of the database container before.
        image_before: Option<String>,
        /// The image of the database container in the template.
        image: Option<String>,
    },
    /// The role goes from the primary to a standby that was restarted; the old primary comes back as a standby, in a new pod.
    HandOver {
        /// The primary of before, which comes back last.
        from: String,
        /// The standby that becomes primary.
        to: String,
    },
    /// The role goes back to the pod that had it (`--back`).
    HandBack {
        /// The primary of the meantime.
        from: String,
        /// The pod that was primary at the beginning.
        to: String,
    },
}

impl RolloutPart {
    /// The pod that is another one afterwards.
    pub fn pod(&self) -> &str {
        match self {
            Self::Restart { pod, .. } => &pod.name,
            Self::HandOver { from, .. } | Self::HandBack { from, .. } => from,
        }
    }

    /// Whether it changes which pod is primary.
    pub const fn changes_primary(&self) -> bool {
        match self {
            Self::Restart { .. } => false,
            Self::HandOver { .. } | Self::HandBack { .. } => true,
        }
    }
}

impl fmt::Display for RolloutPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Restart {
                pod,
                reason,
                image_before: Some(before),
                image: Some(image),
                ..
            } if before != image => {
                write!(
                    f,
                    "{} with {image} instead of {before}",
                    restart(*reason, pod)
                )
            }
            Self::Restart { pod, reason, .. } => f.write_str(&restart(*reason, pod)),
            Self::HandOver { from, to } => write!(
                f,
                "switchover from {from} to {to}; {from} comes back as a standby, in a new pod"
            ),
            Self::HandBack { from, to } => write!(f, "switchover back from {from} to {to}"),
        }
    }
}

fn restart(reason: RestartReason, pod: &PodRef) -> String {
    match reason {
        RestartReason::Older | RestartReason::Asked => format!("restart {}", pod.name),
        RestartReason::Drained => format!("move {} to another node", pod.name),
    }
}

//! What kind of operation, and what it is about.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::autoscaler::Bounds;
use super::objects::PodRef;
use super::operation_kind::OperationKind;
use super::request::{AutoscaleRequest, AutoscalerPolicy};
use super::restore::{KeptData, RestoreScope};
use super::rollout::RestartScope;
use crate::cluster::{Lsn, Timeline};

/// Names an operation: what it is and when it was planned.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct OperationId(pub String);

impl OperationId {
    /// The id of an operation that is planned now.
    pub(crate) fn new(kind: OperationKind, now: Timestamp) -> Self {
        Self(format!(
            "{}-{}",
            kind.command(),
            now.strftime("%Y%m%dT%H%M%S%3fZ")
        ))
    }

    /// The command that goes on with it.
    pub(crate) fn command(&self) -> &str {
        self.0.split('-').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the old primary hands over, or is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The primary answers and is shut down in order: nothing acknowledged is lost.
    Switchover,
    /// No primary answers.
    Emergency,
}

/// What may be lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Loss {
    /// Bytes of WAL that are known to be missing on the candidate; none when that can't be known.
    pub bytes: Option<u64>,
    /// Whether `bytes` is proven (by a clean shutdown record), and not an estimate.
    pub proven: bool,
    /// Commit time of the last transaction that the candidate has.
    pub last_commit: Option<Timestamp>,
}

/// What is being done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    tag = "operation"
)]
pub enum Operation {
    /// Another primary.
    Failover {
        /// In order or in need.
        mode: Mode,
        /// The old primary's name.
        from: String,
        /// The old primary's pod; none when its object is gone.
        from_pod: Option<PodRef>,
        /// Name of the new primary's pod.
        to: String,
        /// The timeline that ends.
        timeline: Timeline,
        /// Term of the topology before it.
        term_before: u64,
        /// What may be lost.
        loss: Loss,
        /// Where the WAL is known to have ended, when the old primary had stopped in order before
        /// the plan was made.
        shutdown: Option<Shutdown>,
        /// The unfinished failover that it replaces, because the primary that that has made is lost.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaces: Option<OperationId>,
        /// Whether the risk was accepted that the old primary may still be writable.
        split_brain_accepted: bool,
        /// Whether the old primary is alive, and is stopped although pgctl can't ask it.
        #[serde(default)]
        blind: bool,
        /// Whether it was accepted that acknowledged commits are lost.
        #[serde(default)]
        loss_accepted: bool,
        /// Pods that had ended for good when the plan was made: being deleted, with a terminated
        /// container.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        ended_pods: Vec<PodRef>,
    },
    /// A former primary comes back as a standby.
    Rejoin {
        /// Name of the pod that becomes a standby.
        pod: String,
        /// The primary that it will follow.
        primary: String,
        /// Whether its data is cloned anew.
        clone: bool,
    },
    /// A standby gets a new volume.
    Reinit {
        /// Name of the pod that gets a new volume.
        pod: String,
        /// The primary that it is cloned from.
        primary: String,
        /// The claim that is deleted.
        claim: String,
        /// The unfinished rejoin of the pod that it replaces.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaces: Option<OperationId>,
    },

    // Scaling, the autoscaler, synchronous replication.
    /// Another number of standbys.
    Scale {
        /// Name of the StatefulSet.
        stateful_set: String,
        /// How many pods it had.
        from: u32,
        /// How many it has.
        to: u32,
        /// What becomes of it when there is an autoscaler.
        way: Option<AutoscalerPolicy>,
        /// Claims that stay without a pod.
        left_behind: Vec<String>,
    },
    /// Other bounds or targets of the autoscaler.
    Autoscale {
        /// Name of the HorizontalPodAutoscaler.
        autoscaler: String,
        /// What was asked for.
        request: AutoscaleRequest,
        /// `minReplicas` and `maxReplicas` before.
        from: Bounds,
        /// `minReplicas` and `maxReplicas` after.
        to: Bounds,
    },
    /// Another number of standbys that commits wait for.
    Synchronous {
        /// The primary; none when none answered.
        primary: Option<String>,
        /// How many before; none when that was never said.
        from: Option<u32>,
        /// How many after; 0 for none.
        to: u32,
    },

    // Rollouts.
    /// A standby's pod is made anew from its StatefulSet's template.
    Restart(RestartScope),

    // Restores.
    /// A backup is restored.
    Restore(RestoreScope),
    /// Data that restores have kept is deleted.
    Discard {
        /// What is deleted, by claim and directory.
        kept: Vec<KeptData>,
    },
}

impl Operation {
    /// What kind of operation it is.
    pub const fn kind(&self) -> OperationKind {
        match self {
            Self::Failover { .. } => OperationKind::Failover,
            Self::Rejoin { .. } => OperationKind::Rejoin,
            Self::Reinit { .. } => OperationKind::Reinit,
            Self::Scale { .. } => OperationKind::Scale,
            Self::Autoscale { .. } => OperationKind::Autoscale,
            Self::Synchronous { .. } => OperationKind::Synchronous,
            Self::Restart(_) => OperationKind::Rollout,
            Self::Restore(_) => OperationKind::Restore,
            Self::Discard { .. } => OperationKind::Discard,
        }
    }

    /// The change of the primary that it is, if it is one.
    pub fn primary_change(&self) -> Option<PrimaryChange<'_>> {
        match self {
            Self::Failover {
                mode,
                from,
                to,
                timeline,
                split_brain_accepted,
                blind,
                loss_accepted,
                ..
            } => Some(PrimaryChange {
                mode: *mode,
                from,
                to,
                timeline: *timeline,
                split_brain_accepted: *split_brain_accepted,
                blind: *blind,
                loss_accepted: *loss_accepted,
            }),
            Self::Rejoin { .. }
            | Self::Reinit { .. }
            | Self::Scale { .. }
            | Self::Autoscale { .. }
            | Self::Synchronous { .. }
            | Self::Restart(_)
            | Self::Restore(_)
            | Self::Discard { .. } => None,
        }
    }

    /// The restore that it is, if it is one.
    pub const fn restore(&self) -> Option<&RestoreScope> {
        match self {
            Self::Restore(scope) => Some(scope),
            Self::Failover { .. }
            | Self::Rejoin { .. }
            | Self::Reinit { .. }
            | Self::Scale { .. }
            | Self::Autoscale { .. }
            | Self::Synchronous { .. }
            | Self::Restart(_)
            | Self::Discard { .. } => None,
        }
    }

    /// The throw-away server that it makes, if it makes one.
    pub fn throw_away(&self) -> Option<&str> {
        self.restore().and_then(|it| it.into.as_deref())
    }

    /// The restart of a standby that it is, if it is one.
    pub const fn restart(&self) -> Option<&RestartScope> {
        match self {
            Self::Restart(scope) => Some(scope),
            Self::Failover { .. }
            | Self::Rejoin { .. }
            | Self::Reinit { .. }
            | Self::Scale { .. }
            | Self::Autoscale { .. }
            | Self::Synchronous { .. }
            | Self::Restore(_)
            | Self::Discard { .. } => None,
        }
    }

    /// The pod that it brings back as a standby, if it is a rejoin.
    pub fn rejoins(&self) -> Option<&str> {
        match self {
            Self::Rejoin { pod, .. } => Some(pod),
            Self::Failover { .. }
            | Self::Reinit { .. }
            | Self::Scale { .. }
            | Self::Autoscale { .. }
            | Self::Synchronous { .. }
            | Self::Restart(_)
            | Self::Restore(_)
            | Self::Discard { .. } => None,
        }
    }

    /// The StatefulSet whose number of pods it changes, if it is about that.
    pub fn scales(&self) -> Option<&str> {
        match self {
            Self::Scale { stateful_set, .. } => Some(stateful_set),
            Self::Failover { .. }
            | Self::Rejoin { .. }
            | Self::Reinit { .. }
            | Self::Autoscale { .. }
            | Self::Synchronous { .. }
            | Self::Restart(_)
            | Self::Restore(_)
            | Self::Discard { .. } => None,
        }
    }

    /// Whether a pod that comes back has to copy all data anew.
    pub const fn copies_anew(&self) -> bool {
        match self {
            Self::Rejoin { clone, .. } => *clone,
            Self::Failover { .. }
            | Self::Reinit { .. }
            | Self::Scale { .. }
            | Self::Autoscale { .. }
            | Self::Synchronous { .. }
            | Self::Restart(_)
            | Self::Restore(_)
            | Self::Discard { .. } => false,
        }
    }
}

/// A change of the primary, as far as those have to know who act on the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrimaryChange<'a> {
    /// In order or in need.
    pub mode: Mode,
    /// The old primary's name.
    pub from: &'a str,
    /// The new primary's name.
    pub to: &'a str,
    /// The timeline that ends.
    pub timeline: Timeline,
    /// Whether the risk was accepted that the old primary may still be writable.
    pub split_brain_accepted: bool,
    /// Whether the old primary is alive, and is stopped although pgctl can't ask it.
    pub blind: bool,
    /// Whether it was accepted that acknowledged commits are lost.
    pub loss_accepted: bool,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failover {
                mode,
                from,
                to,
                blind,
                ..
            } => {
                let word = match mode {
                    Mode::Switchover => "switchover",
                    Mode::Emergency if *blind => "blind switchover",
                    Mode::Emergency => "emergency failover",
                };
                write!(f, "{word} from {from} to {to}")
            }
            Self::Rejoin { pod, primary, .. } => write!(f, "rejoin of {pod} to {primary}"),
            Self::Reinit { pod, primary, .. } => write!(f, "reinit of {pod} from {primary}"),
            Self::Scale {
                stateful_set,
                from,
                to,
                way,
                ..
            } => {
                write!(f, "scaling of {stateful_set} from {from} to {to}")?;
                match way {
                    Some(way) => write!(f, " ({way})"),
                    None => Ok(()),
                }
            }
            Self::Autoscale {
                autoscaler,
                request,
                from,
                to,
            } => match request {
                AutoscaleRequest::Set { .. } => {
                    write!(f, "change of {autoscaler} from {from} to {to}")
                }
                AutoscaleRequest::Pause => write!(f, "pause of {autoscaler} at {to}"),
                AutoscaleRequest::Resume => write!(f, "resumption of {autoscaler} at {to}"),
            },
            Self::Synchronous { to: 0, .. } => write!(f, "synchronous replication off"),
            Self::Synchronous { to: 1, .. } => {
                write!(f, "synchronous replication to 1 standby")
            }
            Self::Synchronous { to, .. } => {
                write!(f, "synchronous replication to {to} standbys")
            }
            Self::Restart(scope) => write!(f, "{scope}"),
            Self::Restore(scope) => write!(f, "{scope}"),
            Self::Discard { kept } => {
                let places: Vec<String> = kept.iter().map(ToString::to_string).collect();
                write!(f, "discard of {}", places.join(", "))
            }
        }
    }
}

/// Where the old primary's WAL ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Shutdown {
    /// The timeline that it was written on.
    pub timeline: Timeline,
    /// Start of its shutdown checkpoint record.
    pub lsn: Lsn,
}

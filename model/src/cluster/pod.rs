//! What Kubernetes says of a pod.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Component, Lsn, PodEncryption, Timeline};

/// A pod of the cluster, as its object in the Kubernetes API says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodFacts {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`: tells a pod from its successor of the same name.
    pub uid: String,
    /// Which StatefulSet it belongs to (label `app.kubernetes.io/component`).
    pub component: Component,
    /// The number at the end of its name.
    pub ordinal: u32,
    /// The revision of its StatefulSet's template that it was made from (label
    /// `controller-revision-hash`); none when the label is missing.
    #[serde(default)]
    pub revision: Option<String>,
    /// The image of the database container, as the pod's own spec names it.
    #[serde(default)]
    pub image: Option<String>,
    /// What its server does of encryption, by its own spec.
    #[serde(default, skip_serializing_if = "PodEncryption::is_none")]
    pub encryption: PodEncryption,
    /// `status.phase`.
    pub phase: String,
    /// Condition `Ready` of the pod.
    pub ready: bool,
    /// Restarts of the database container (`status.containerStatuses[].restartCount`).
    pub restarts: u32,
    /// State of the database container.
    pub container: ContainerState,
    /// How the database container ended the last time, when it did.
    pub last_termination: Option<TerminationRecord>,
    /// `status.podIP`.
    pub ip: Option<String>,
    /// `spec.nodeName`; none while unscheduled.
    pub node: Option<String>,
    /// Condition `Ready` of the node; none when it could not be asked (no permission) or there is
    /// no node yet.
    pub node_ready: Option<bool>,
    /// Why it can't be scheduled (condition `PodScheduled`), when it can't.
    pub unschedulable: Option<String>,
    /// `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// `metadata.deletionTimestamp`: it is terminating.
    pub deleting_since: Option<Timestamp>,
    /// The topology term that the pod was last annotated with (`pgctl.io/term`).
    pub term: Option<u64>,
    /// Whether its object is kept by pgctl's finalizer, so that the record of its end can be read.
    #[serde(default)]
    pub held: bool,
    /// Names of the claims that it mounts as its data volume.
    pub claim: Option<String>,
    /// How long it may take to stop, in seconds: `spec.terminationGracePeriodSeconds`, or what is
    /// left of it (`metadata.deletionGracePeriodSeconds`) once it is being deleted.
    #[serde(default)]
    pub grace_seconds: Option<u32>,
    /// Whether its kubelet has said that it ended the pod for good (phase `Succeeded` or `Failed`, of the kubelet's own making).
    #[serde(default)]
    pub terminal: bool,
}

impl PodFacts {
    /// Whether nothing will ever run in it again: it is being deleted, and its kubelet has ended it for good, or it never
    /// came to a node (none is bound to a pod that is being deleted: `assignPod` in `pkg/registry/core/pod/storage`).
    ///
    /// That its container has terminated proves nothing by itself, also while it is being deleted: it may have crashed before,
    /// and a kubelet that does not know of the deletion yet, or can't reach the API, starts it again.
    pub fn has_ended(&self) -> bool {
        let terminated = matches!(self.container, ContainerState::Terminated(_));
        self.deleting_since.is_some() && (self.node.is_none() || (self.terminal && terminated))
    }

    /// Why its container does not run, as far as its object tells; none when it runs.
    pub fn why_not_up(&self) -> Option<String> {
        if let Some(reason) = &self.unschedulable {
            return Some(format!("no node takes it: {reason}"));
        }
        match &self.container {
            ContainerState::Running { .. } => None,
            ContainerState::Waiting { reason, message } => {
                let words = [reason.as_str(), message.as_str()];
                let words: Vec<&str> = words.into_iter().filter(|it| !it.is_empty()).collect();
                let why = match words.is_empty() {
                    true => "nothing says for what".to_owned(),
                    false => words.join(": "),
                };
                Some(format!("its container waits: {why}"))
            }
            ContainerState::Terminated(record) => Some(format!(
                "its container ended with exit code {}{}",
                record.exit_code,
                record
                    .reason
                    .as_ref()
                    .map_or_else(String::new, |it| format!(" ({it})"))
            )),
            ContainerState::Unknown => Some(format!("its phase is {}", self.phase)),
        }
    }
}

/// State of a container (`status.containerStatuses[].state`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "state")]
pub enum ContainerState {
    /// Not there yet, or the status says nothing.
    Unknown,
    /// Waiting to start, with Kubernetes' reason (`CrashLoopBackOff`, `ImagePullBackOff`, ...).
    Waiting {
        /// Kubernetes' word for it, in CamelCase.
        reason: String,
        /// A sentence, may be empty.
        message: String,
    },
    /// Running.
    Running {
        /// Since when, by the node's clock.
        since: Option<Timestamp>,
    },
    /// Ended.
    Terminated(TerminationRecord),
}

/// How a container ended, with what the start script left in its termination message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TerminationRecord {
    /// Exit code of the container.
    pub exit_code: i32,
    /// Kubernetes' word for it (`Completed`, `Error`, `OOMKilled`).
    pub reason: Option<String>,
    /// `finishedAt` of the container, by the node's clock.
    pub finished: Option<Timestamp>,
    /// What the start script said, when it said something.
    pub decision: Option<StartDecision>,
}

impl TerminationRecord {
    /// Where the WAL of a cleanly stopped primary ends: the start of its shutdown checkpoint record.
    /// A standby has all of it only when it has received *more* than this position. A stopped
    /// standby has no such position: the checkpoint that it names is one of its primary's.
    ///
    /// Only a container that ended in order, with data of this system, proves anything: of one that
    /// was killed the message may be left over from an earlier run of PostgreSQL in it.
    pub fn clean_shutdown(&self, system: &str) -> Option<(Timeline, Lsn)> {
        let decision = self.decision.as_ref().filter(|_| self.exit_code == 0)?;
        decision.clean_shutdown(system)
    }

    /// Whether PostgreSQL was shut down in order, as a primary or as a standby.
    pub fn orderly(&self) -> bool {
        matches!(
            &self.decision,
            Some(StartDecision::Stopped { clean: true, .. })
        )
    }
}

/// What the start script reports, as JSON in the termination message (`Stopped`, `Refused`) or in
/// a file beside the socket while it waits (`Waiting`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "pgctl", rename_all = "lowercase")]
pub enum StartDecision {
    /// PostgreSQL was stopped; what `pg_controldata` says.
    Stopped {
        /// "Database cluster state": `shut down`, `shut down in recovery`, `in production`, ...
        state: String,
        /// "Latest checkpoint location".
        checkpoint_lsn: Lsn,
        /// "Latest checkpoint's TimeLineID".
        timeline: Timeline,
        /// "Database system identifier".
        system_identifier: String,
        /// Whether it was a proper shutdown.
        clean: bool,
    },
    /// It will not start PostgreSQL on this volume.
    Refused {
        /// Machine word, such as `empty-primary`.
        reason: String,
        /// Says it in a sentence for people.
        message: String,
    },
    /// It holds PostgreSQL back until something changes.
    Waiting {
        /// Machine word, such as `former-primary`.
        reason: String,
        /// Says it in a sentence for people.
        message: String,
    },
}

impl StartDecision {
    /// Where the WAL of a primary with data of this system ends that was shut down in order, as in
    /// [`TerminationRecord::clean_shutdown`].
    pub fn clean_shutdown(&self, system: &str) -> Option<(Timeline, Lsn)> {
        match self {
            Self::Stopped {
                clean: true,
                state,
                timeline,
                checkpoint_lsn,
                system_identifier,
            } if state == "shut down" && system_identifier == system => {
                Some((*timeline, *checkpoint_lsn))
            }
            _ => None,
        }
    }
}

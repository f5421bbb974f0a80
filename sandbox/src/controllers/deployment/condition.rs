//! What a Deployment says about itself: whether enough pods are available, and whether its rollout gets on
//! (pkg/controller/deployment/{sync,progress}.go).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::{DeploymentCondition, DeploymentStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::rollout::{Rollout, name};

const PROGRESSING: &str = "Progressing";
const DONE: &str = "NewReplicaSetAvailable";
const TIMED_OUT: &str = "ProgressDeadlineExceeded";
const PAUSED: &str = "DeploymentPaused";

/// The conditions of a Deployment while they are written.
pub(super) struct Conditions {
    pub(super) list: Vec<DeploymentCondition>,
    now: Timestamp,
}

impl Conditions {
    pub(super) fn of(old: &DeploymentStatus, now: Timestamp) -> Self {
        Self {
            list: old.conditions.clone().unwrap_or_default(),
            now,
        }
    }

    fn find(&self, kind: &str) -> Option<&DeploymentCondition> {
        self.list.iter().find(|c| c.type_ == kind)
    }

    fn reason(&self) -> &str {
        let condition = self.find(PROGRESSING);
        condition.and_then(|c| c.reason.as_deref()).unwrap_or("")
    }

    /// Sets a condition; one with this status and reason already stays as it is, unless it is `anew`.
    fn set(&mut self, kind: &str, status: &str, reason: &str, message: String, anew: bool) {
        let now = Time(self.now);
        let old = self.find(kind);
        let same = old.is_some_and(|c| c.status == status && c.reason.as_deref() == Some(reason));
        if same && !anew {
            return;
        }
        let since = old
            .filter(|c| c.status == status)
            .and_then(|c| c.last_transition_time.clone());
        self.list.retain(|c| c.type_ != kind);
        self.list.push(DeploymentCondition {
            type_: kind.to_owned(),
            status: status.to_owned(),
            reason: Some(reason.to_owned()),
            message: Some(message),
            last_transition_time: since.or_else(|| Some(now.clone())),
            last_update_time: Some(now),
        });
    }

    pub(super) fn available(&mut self, enough: bool) {
        if enough {
            let message = "Deployment has minimum availability.".to_owned();
            self.set(
                "Available",
                "True",
                "MinimumReplicasAvailable",
                message,
                false,
            );
        } else {
            let message = "Deployment does not have minimum availability.".to_owned();
            self.set(
                "Available",
                "False",
                "MinimumReplicasUnavailable",
                message,
                false,
            );
        }
    }

    /// A pause is no lack of progress.
    pub(super) fn paused(&mut self, paused: bool) {
        if paused && self.reason() != TIMED_OUT {
            let message = "Deployment is paused".to_owned();
            self.set(PROGRESSING, "Unknown", PAUSED, message, false);
        } else if !paused && self.reason() == PAUSED {
            let message = "Deployment is resumed".to_owned();
            self.set(PROGRESSING, "Unknown", "DeploymentResumed", message, false);
        }
    }

    pub(super) fn created(&mut self, set: &str) {
        let message = format!("Created new replica set \"{set}\"");
        self.set(PROGRESSING, "True", "NewReplicaSetCreated", message, false);
    }

    pub(super) fn found(&mut self, set: &str) {
        if self.find(PROGRESSING).is_none() {
            let message = format!("Found new replica set \"{set}\"");
            self.set(PROGRESSING, "True", "FoundNewReplicaSet", message, false);
        }
    }

    /// How the rollout gets on. Returns when it has to be looked at again although nothing changed.
    pub(super) fn progress(
        &mut self,
        rollout: &Rollout<'_>,
        status: &DeploymentStatus,
        old: &DeploymentStatus,
    ) -> Option<Duration> {
        let spec = rollout.deployment.spec.as_ref();
        let deadline = spec
            .and_then(|s| s.progress_deadline_seconds)
            .unwrap_or(600);
        let number = |n: Option<i32>| n.unwrap_or(0);
        let (all, updated) = (number(status.replicas), number(status.updated_replicas));
        if self.reason() == DONE && all == updated {
            return None;
        }
        let what = match rollout.new.and_then(|new| rollout.sets.get(new)) {
            Some(set) => format!("ReplicaSet \"{}\"", name(set)),
            None => {
                let own = rollout.deployment.metadata.name.as_deref();
                format!("Deployment \"{}\"", own.unwrap_or(""))
            }
        };
        let wanted = rollout.wanted;
        let complete = updated == wanted
            && all == wanted
            && number(status.available_replicas) == wanted
            && status.observed_generation >= rollout.deployment.metadata.generation;
        let stale = |s: &DeploymentStatus| number(s.replicas) - number(s.updated_replicas);
        let moves = updated > number(old.updated_replicas)
            || stale(status) < stale(old)
            || number(status.ready_replicas) > number(old.ready_replicas)
            || number(status.available_replicas) > number(old.available_replicas);
        let left = self.left(deadline);
        if complete {
            let message = format!("{what} has successfully progressed.");
            self.set(PROGRESSING, "True", DONE, message, false);
        } else if moves {
            let message = format!("{what} is progressing.");
            self.set(PROGRESSING, "True", "ReplicaSetUpdated", message, true);
        } else if left == Some(Duration::ZERO) {
            let message = format!("{what} has timed out progressing.");
            self.set(PROGRESSING, "False", TIMED_OUT, message, false);
        }
        self.left(deadline).filter(|left| !left.is_zero())
    }

    /// What is left of the time in which something has to move. None: it is not waited for.
    fn left(&self, deadline: i32) -> Option<Duration> {
        let condition = self.find(PROGRESSING)?;
        match self.reason() {
            DONE | PAUSED => return None,
            TIMED_OUT => return Some(Duration::ZERO),
            _ => {}
        }
        let since = condition.last_update_time.as_ref()?.0;
        let left = SignedDuration::from_secs(i64::from(deadline)) - self.now.duration_since(since);
        Some(Duration::try_from(left).unwrap_or_default())
    }
}

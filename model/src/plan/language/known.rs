//! What is known by now: from the plan, and from what was learnt on the way.

use super::journal::{JournalEntry, JournalEvent, OperationFinding};
use super::objects::PodRef;
use super::operation::{Operation, Shutdown};
use super::plan::Plan;

/// What is known by now, from the plan and the journal.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    /// Where the old primary's WAL ended.
    pub shutdown: Option<Shutdown>,
    /// Whether the write outage was measured.
    pub outage_measured: bool,
    /// The backup of what is replaced, when it was taken.
    pub safety_backup: Option<String>,
    /// Who existed when the fence had been written, of the pods whose end the operation needs; none
    /// before that, and in journals of before.
    pub fenced: Option<Vec<PodRef>>,
    /// UIDs of pods that were seen to have ended for good.
    pub ended: Vec<String>,
    /// Pods that were deleted in place of the one that the plan knew.
    pub deleted: Vec<PodRef>,
}

impl Known {
    /// What a plan and its journal say.
    pub fn of(plan: &Plan, entries: &[JournalEntry]) -> Self {
        let mut known = Self::default();
        match &plan.operation {
            Operation::Failover {
                shutdown,
                ended_pods,
                ..
            } => {
                known.shutdown = *shutdown;
                known.ended = ended_pods.iter().map(|pod| pod.uid.clone()).collect();
            }
            // Nobody has ended for these before they begin.
            Operation::Rejoin { .. }
            | Operation::Reinit { .. }
            | Operation::Scale { .. }
            | Operation::Autoscale { .. }
            | Operation::Synchronous { .. }
            | Operation::Restart(_)
            | Operation::Restore(_)
            | Operation::Discard { .. } => {}
        }
        for entry in entries {
            if let JournalEvent::Found(finding) = &entry.event {
                known.learn(finding);
            }
        }
        known
    }

    /// One thing more.
    pub fn learn(&mut self, finding: &OperationFinding) {
        match finding {
            OperationFinding::Shutdown(shutdown) => self.shutdown = Some(*shutdown),
            OperationFinding::Outage { .. } => self.outage_measured = true,
            OperationFinding::SafetyBackup { backup } => self.safety_backup = Some(backup.clone()),
            // Looked at once more, there may be more of them: none of those seen before is left out.
            OperationFinding::Fenced { pods } => {
                let known = self.fenced.get_or_insert_default();
                for pod in pods {
                    if !known.contains(pod) {
                        known.push(pod.clone());
                    }
                }
            }
            OperationFinding::Ended { pod } => self.ended.push(pod.uid.clone()),
            OperationFinding::Deleted { pod } => self.deleted.push(pod.clone()),
            OperationFinding::Promoted { .. }
            | OperationFinding::OutageParts(_)
            | OperationFinding::ServiceSwitched { .. }
            | OperationFinding::ClientsHeld { .. }
            | OperationFinding::Kept(_)
            | OperationFinding::TakenAway(_)
            | OperationFinding::RestoredTimeline { .. }
            | OperationFinding::Recovered(_) => {}
        }
    }

    /// Whether this pod was seen to have ended for good.
    pub fn has_ended(&self, pod: &PodRef) -> bool {
        self.ended.contains(&pod.uid)
    }

    /// Whose end proves that nobody called `name` can write any more: all who existed when the
    /// fence had been written. A pod that was made later sees the fence. `planned` is the one that
    /// the plan was made for, when there was one.
    pub fn to_be_proven(&self, name: &str, planned: Option<&PodRef>) -> Vec<PodRef> {
        let seen = self.fenced.iter().flatten().filter(|pod| pod.name == name);
        let mut pods: Vec<PodRef> = planned.into_iter().chain(seen).cloned().collect();
        pods.dedup();
        pods
    }
}

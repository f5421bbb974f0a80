//! The steps by which a pod becomes a standby again.

use crate::cluster::{
    Component, Instance, Shape, Snapshot, StatefulSetFacts, slot_name, synchronous_candidates,
};
use crate::plan::common::{confirm_by, release_records, settle_proofs, wanted_synchronous};
use crate::plan::language::{Action, Condition, PodRef, Step, StepName};

/// What is known once nothing refuses.
pub(super) struct Steps<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) pod: String,
    pub(super) primary: &'a Instance,
    pub(super) set: &'a StatefulSetFacts,
}

impl Steps<'_> {
    pub(super) fn create_slot(&self) -> Step {
        let pod = self.primary.name().to_owned();
        let slots = vec![slot_name(&self.pod)];
        let has = self
            .primary
            .facts()
            .is_some_and(|facts| facts.slots.iter().any(|slot| slots.contains(&slot.name)));
        let step = Step::new(
            StepName::CreateSlots,
            Action::CreateSlots {
                pod: pod.clone(),
                slots: slots.clone(),
            },
            Condition::Slots {
                pod: pod.clone(),
                slots: slots.clone(),
            },
        );
        if has {
            return step;
        }
        let drop = Action::DropSlots {
            pod: pod.clone(),
            slots: slots.clone(),
        };
        step.undo(vec![drop], Condition::NoSlots { pod, slots }, 30)
    }

    /// What an operation has kept of a pod that has ended, or is about to, would keep its successor away.
    pub(super) fn release(&self) -> Option<Step> {
        let kept = self.snapshot.instance(&self.pod).filter(|it| it.pod.held);
        let over = kept.filter(|it| it.pod.deleting_since.is_some());
        release_records(over.map(PodRef::of).into_iter().collect())
    }

    /// It streams by now: nothing is left to be proven of it. An earlier pod of its name is another, which somebody has to vouch
    /// for.
    pub(super) fn settle(&self, vouched: bool) -> Option<Step> {
        let owes = self.snapshot.topology.unproven.contains_key(&self.pod);
        let owes = owes && (vouched || self.snapshot.owing_before(&self.pod).is_empty());
        let pods = owes.then(|| self.pod.clone());
        settle_proofs(&self.config_map(), pods.into_iter().collect())
    }

    fn config_map(&self) -> String {
        self.snapshot
            .topology
            .source
            .config_map()
            .unwrap_or_default()
            .to_owned()
    }

    pub(super) fn request_clone(&self, request: &str) -> Step {
        let config_map = self.config_map();
        let (pod, request) = (self.pod.clone(), request.to_owned());
        Step::new(
            StepName::RequestClone,
            Action::RequestClone {
                config_map: config_map.clone(),
                pod: pod.clone(),
                request: request.clone(),
            },
            Condition::CloneRequested {
                config_map,
                pod,
                request,
            },
        )
        .requires(Condition::Writable {
            pod: self.primary.name().to_owned(),
        })
        .point_of_no_return()
    }

    /// A fresh pod sees the topology, the clone request and its volume anew. One that is on its way out is
    /// not replaced; the next one comes when its StatefulSet is scaled up.
    pub(super) fn restart(&self) -> Option<Step> {
        if !self.set.keeps(&self.pod) {
            return None;
        }
        // One that has ended goes by itself, and is replaced.
        let now = self.snapshot.instance(&self.pod);
        let pod = PodRef::of(now.filter(|it| !it.pod.has_ended())?);
        Some(
            Step::new(
                StepName::RestartPod,
                Action::DeletePod { pod: pod.clone() },
                Condition::PodReplaced { pod },
            )
            .timeout(330),
        )
    }

    /// Commits wait for it again, too.
    pub(super) fn confirm(&self) -> Option<Step> {
        let count = wanted_synchronous(self.snapshot)?;
        let mut shape = Shape::of(self.snapshot);
        if self.set.component == Component::Primary {
            shape.primary_pods = shape.primary_pods.max(1);
        }
        let standbys = synchronous_candidates(self.snapshot, &shape, self.primary.name());
        let step = confirm_by(StepName::SetSynchronous, self.primary, count, standbys);
        Some(step.reported())
    }

    pub(super) fn rejoin(&self, timeout_seconds: u32) -> Step {
        let away = self.set.wanted == 0;
        let scale = |replicas| Action::Scale {
            stateful_set: self.set.name.clone(),
            replicas,
        };
        let action = if away { scale(1) } else { Action::Observe };
        let step = Step::new(
            StepName::Rejoin,
            action,
            Condition::Back {
                upstream: self.primary.name().to_owned(),
                pod: self.pod.clone(),
            },
        )
        .requires(Condition::Writable {
            pod: self.primary.name().to_owned(),
        })
        .timeout(timeout_seconds);
        if away {
            let scaled = Condition::Scaled {
                stateful_set: self.set.name.clone(),
                replicas: 0,
            };
            step.undo(vec![scale(0)], scaled, 60)
        } else {
            step
        }
    }
}

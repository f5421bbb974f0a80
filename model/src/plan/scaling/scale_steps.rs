//! The steps of a change of the number of pods.

use super::scale_situation::Situation;
use crate::cluster::{Component, Instance, ServicePurpose};
use crate::plan::language::{
    Action, AutoscalerPatch, ClaimRef, Condition, PodRef, ServingGoal, Step, StepName,
};

/// The longest that a pod takes to go: its grace period, and the fast shutdown before.
const GONE_SECONDS: u32 = 330;

/// The longest that a slot is held by a walsender whose standby has vanished.
const SLOT_SECONDS: u32 = 60;

impl Situation<'_> {
    /// From the scaling on; `back` is the autoscaler of before, and `after` comes when the standbys
    /// are there.
    pub(super) fn steps(
        &self,
        id: &str,
        back: Option<AutoscalerPatch>,
        after: Option<Step>,
    ) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.request.replicas != self.set.wanted {
            steps.push(self.scale(back));
        }
        steps.extend(self.await_standbys(id));
        steps.extend(self.await_gone());
        steps.extend(after);
        steps.extend(self.forget());
        steps.extend(self.delete_volumes());
        steps
    }

    fn scale(&self, back: Option<AutoscalerPatch>) -> Step {
        let (scale, scaled) = self.scale_to(self.request.replicas);
        self.back(Step::new(StepName::Scale, scale, scaled), back)
    }

    /// Gives the StatefulSet a number of pods, and what proves that it has it.
    fn scale_to(&self, replicas: u32) -> (Action, Condition) {
        let stateful_set = self.set.name.clone();
        let scaled = Condition::Scaled {
            stateful_set: stateful_set.clone(),
            replicas,
        };
        let scale = Action::Scale {
            stateful_set,
            replicas,
        };
        (scale, scaled)
    }

    /// The step with the way back to the number of before.
    pub(super) fn back(&self, step: Step, back: Option<AutoscalerPatch>) -> Step {
        let (scale, scaled) = self.scale_to(self.set.wanted);
        // The autoscaler first: with the new bounds it would not let the old number be.
        let patch = back.map(|patch| Action::PatchAutoscaler { patch });
        step.undo(patch.into_iter().chain([scale]).collect(), scaled, 60)
    }

    /// The standbys serve reads; volumes that are of no use are replaced on the way.
    fn await_standbys(&self, id: &str) -> Option<Step> {
        let pods = self.awaited();
        if pods.is_empty() || !self.request.wait {
            return None;
        }
        let proves = Condition::Serving(ServingGoal {
            upstream: self.primary.name().to_owned(),
            service: self
                .snapshot
                .service(ServicePurpose::Read)
                .map(|it| it.name.clone()),
            pods,
            max_lag_bytes: self.request.max_lag_bytes,
        });
        let left: Vec<String> = self.left_over().map(|it| it.pod.clone()).collect();
        let config_map = self
            .snapshot
            .topology
            .source
            .config_map()
            .map(str::to_owned);
        let step = match config_map {
            Some(config_map) if self.grows() && !left.is_empty() => Step::new(
                StepName::AwaitStandbys,
                Action::MendVolumes {
                    config_map,
                    upstream: self.primary.name().to_owned(),
                    pods: left,
                    request: id.to_owned(),
                },
                proves,
            )
            .point_of_no_return(),
            _ => Step::new(StepName::AwaitStandbys, Action::Observe, proves),
        };
        Some(step.timeout(self.request.timeout_seconds).reported())
    }

    fn gone(&self) -> Vec<PodRef> {
        self.going().into_iter().map(PodRef::of).collect()
    }

    fn await_gone(&self) -> Option<Step> {
        let pods = self.gone();
        (!pods.is_empty() && self.request.wait).then(|| {
            Step::new(
                StepName::AwaitGone,
                Action::Observe,
                Condition::PodsGone { pods },
            )
            .timeout(GONE_SECONDS)
            .reported()
        })
    }

    fn forget(&self) -> Option<Step> {
        let slots = self.slots_beyond();
        if slots.is_empty() || !self.request.wait {
            return None;
        }
        // The primary first: there they hold WAL.
        let stay = |it: &&Instance| {
            it.name() != self.primary.name()
                && it.facts().is_some()
                && (it.pod.component == Component::Primary
                    || it.pod.ordinal < self.request.replicas)
        };
        let servers: Vec<String> = std::iter::once(self.primary)
            .chain(self.snapshot.instances.iter().filter(stay))
            .map(|it| it.name().to_owned())
            .collect();
        let mut step = Step::new(
            StepName::ForgetStandbys,
            Action::ForgetStandbys {
                servers: servers.clone(),
                slots: slots.clone(),
            },
            Condition::Forgotten { servers, slots },
        )
        .timeout(SLOT_SECONDS)
        .reported();
        let pods = self.gone();
        if !pods.is_empty() {
            step = step.requires(Condition::PodsGone { pods });
        }
        Some(step)
    }

    fn delete_volumes(&self) -> Option<Step> {
        let claims: Vec<ClaimRef> = self
            .volumes_beyond()
            .map(|it| ClaimRef {
                claim: it.claim.clone(),
                pod: it.pod.clone(),
                created: it.created,
                uid: it.uid.clone(),
            })
            .collect();
        if claims.is_empty() || !self.request.delete_volumes {
            return None;
        }
        let step = Step::new(
            StepName::DeleteVolumes,
            Action::DeleteClaims {
                claims: claims.clone(),
            },
            Condition::ClaimsGone {
                claims: claims.clone(),
            },
        )
        .requires(Condition::Writable {
            pod: self.primary.name().to_owned(),
        })
        // Pods may have come since this was planned: an autoscaler gives them the volumes of before.
        .requires(Condition::ClaimsUnused { claims })
        .point_of_no_return()
        .reported();
        Some(step)
    }
}

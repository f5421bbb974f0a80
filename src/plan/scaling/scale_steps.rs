//! The checks and the steps of a change of the number of pods.

use super::{AutoscalerPatch, ScaleRequest};
use crate::cluster::{
    Component, Instance, ServicePurpose, SlotKind, Snapshot, StatefulSetFacts, TopologySource,
    VolumeFacts, slot_name,
};
use crate::plan::case::pod_ref;
use crate::plan::{Action, Check, CheckName, ClaimRef, Condition, PodRef, Step, StepName};

/// The longest that a pod takes to go: its grace period, and the fast shutdown before.
const GONE_SECONDS: u32 = 330;

/// The longest that a slot is held by a walsender whose standby has vanished.
const SLOT_SECONDS: u32 = 60;

/// Walsenders that the copy of a new standby needs: one for the files, one for the WAL meanwhile.
const WALSENDERS_OF_A_COPY: u32 = 2;

/// A change of the number of pods.
pub(super) struct Scene<'a> {
    snapshot: &'a Snapshot,
    pub(super) set: &'a StatefulSetFacts,
    primary: &'a Instance,
    request: &'a ScaleRequest,
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        snapshot: &'a Snapshot,
        set: &'a StatefulSetFacts,
        primary: &'a Instance,
        request: &'a ScaleRequest,
    ) -> Self {
        Self {
            snapshot,
            set,
            primary,
            request,
        }
    }

    fn pod(&self, ordinal: u32) -> String {
        format!("{}-{ordinal}", self.set.name)
    }

    fn grows(&self) -> bool {
        self.request.replicas > self.set.wanted
    }

    /// The number of a pod of the replica StatefulSet.
    fn ordinal(&self, pod: &str) -> Option<u32> {
        pod.strip_prefix(self.set.name.as_str())?
            .strip_prefix('-')?
            .parse()
            .ok()
    }

    /// The standbys that are waited for: the new ones, or all when none is new.
    fn awaited(&self) -> Vec<String> {
        let from = match self.grows() {
            true => self.set.wanted,
            false if self.request.replicas == self.set.wanted => 0,
            false => return Vec::new(),
        };
        (from..self.request.replicas)
            .map(|ordinal| self.pod(ordinal))
            .filter(|pod| pod != self.primary.name())
            .collect()
    }

    /// The pods that go.
    fn going(&self) -> Vec<&'a Instance> {
        self.snapshot
            .instances
            .iter()
            .filter(|it| it.pod.component == Component::Replica)
            .filter(|it| it.pod.ordinal >= self.request.replicas)
            .collect()
    }

    /// Volumes of pods that there are not afterwards.
    fn volumes_beyond(&self) -> impl Iterator<Item = &'a VolumeFacts> {
        self.snapshot.volumes.iter().filter(|it| {
            self.ordinal(&it.pod)
                .is_some_and(|ordinal| ordinal >= self.request.replicas)
        })
    }

    /// Volumes that an earlier scale-down has left for the pods that come.
    fn left_over(&self) -> impl Iterator<Item = &'a VolumeFacts> {
        self.snapshot.volumes.iter().filter(|it| {
            !it.in_use
                && self
                    .ordinal(&it.pod)
                    .is_some_and(|ordinal| ordinal < self.request.replicas)
        })
    }

    /// The claims that stay without a pod.
    pub(super) fn left_behind(&self) -> Vec<String> {
        if self.request.delete_volumes {
            return Vec::new();
        }
        self.volumes_beyond().map(|it| it.claim.clone()).collect()
    }

    /// Slots of pods that there are not afterwards: of those that go, and of those that an
    /// autoscaler has taken away before.
    fn slots_beyond(&self) -> Vec<String> {
        let prefix = slot_name(&self.set.name);
        let beyond = |slot: &str| {
            slot.strip_prefix(&prefix)
                .and_then(|tail| tail.strip_prefix('_'))
                .and_then(|tail| tail.parse::<u32>().ok())
                .is_some_and(|ordinal| ordinal >= self.request.replicas)
        };
        let mut slots: Vec<String> = self
            .snapshot
            .instances
            .iter()
            .filter_map(Instance::facts)
            .flat_map(|facts| &facts.slots)
            .filter(|slot| slot.kind == SlotKind::Physical && !slot.temporary)
            .map(|slot| slot.name.clone())
            .filter(|slot| beyond(slot))
            .chain(self.going().iter().map(|it| slot_name(it.name())))
            .collect();
        slots.sort();
        slots.dedup();
        slots
    }

    pub(super) fn checks(&self) -> Vec<Check> {
        let mut checks = vec![self.walsenders(), self.slots(), self.base_backup()];
        checks.extend(self.volumes());
        checks.extend(self.nothing_left());
        checks
    }

    fn walsenders(&self) -> Check {
        let name = CheckName::Walsenders;
        let limit = self
            .primary
            .facts()
            .map_or(0, |it| it.settings.max_wal_senders);
        let taken = self.primary.facts().map_or(0, |it| it.senders.len());
        let new = self.request.replicas.saturating_sub(self.set.wanted);
        let needed = u32::try_from(taken).unwrap_or(u32::MAX) + new * WALSENDERS_OF_A_COPY;
        let words = format!("{needed} of {limit} walsenders of {}", self.primary.name());
        if new == 0 {
            Check::pass(name, "no new ones are needed")
        } else if needed > limit {
            Check::refuse(
                name,
                format!("{words} would be needed while the data is copied"),
            )
            .next("raise max_wal_senders and restart, or add fewer at a time")
        } else {
            Check::pass(name, format!("{words} are needed while the data is copied"))
        }
    }

    fn slots(&self) -> Check {
        let name = CheckName::Slots;
        let (limit, there) = self.primary.facts().map_or((0, 0), |it| {
            (it.settings.max_replication_slots, it.slots.len())
        });
        let missing = self
            .awaited()
            .iter()
            .filter(|pod| {
                let slot = slot_name(pod);
                self.primary
                    .facts()
                    .is_some_and(|facts| facts.slots.iter().all(|it| it.name != slot))
            })
            .count();
        let needed = there + missing;
        let words = format!("{needed} of {limit} slots of {}", self.primary.name());
        if !self.request.wait && !self.slots_beyond().is_empty() {
            return Check::warn(
                name,
                "with --no-wait the slots of the pods that go stay, and hold WAL",
            )
            .next(format!(
                "pgctl scale {} once more drops them",
                self.request.replicas
            ));
        }
        if missing > 0 && needed > limit as usize {
            Check::refuse(name, format!("{words} would be needed"))
                .next("drop slots that nobody uses, or raise max_replication_slots and restart")
        } else {
            Check::pass(name, format!("{words} will be used"))
        }
    }

    /// A backup that is taken from a pod that goes.
    fn base_backup(&self) -> Check {
        let name = CheckName::BaseBackup;
        let cut: Vec<String> = self
            .going()
            .iter()
            .filter(|it| {
                it.facts()
                    .is_some_and(|facts| !facts.base_backups.is_empty())
            })
            .map(|it| it.name().to_owned())
            .collect();
        if cut.is_empty() {
            Check::pass(name, "none would be cut off")
        } else {
            Check::refuse(
                name,
                format!("a base backup is being taken from {}", cut.join(", ")),
            )
            .next("wait until it is done")
        }
    }

    fn volumes(&self) -> Option<Check> {
        let name = CheckName::Volume;
        let words = |volumes: Vec<&VolumeFacts>| -> String {
            let each: Vec<&str> = volumes.iter().map(|it| it.claim.as_str()).collect();
            each.join(", ")
        };
        let beyond: Vec<&VolumeFacts> = self.volumes_beyond().collect();
        let left: Vec<&VolumeFacts> = self.left_over().collect();
        if !beyond.is_empty() && self.set.deletes_claims && !self.grows() {
            return Some(Check::warn(
                name,
                format!(
                    "{} deletes them with their data (whenScaled: Delete): {}",
                    self.set.name,
                    words(beyond)
                ),
            ));
        }
        if !beyond.is_empty() && self.request.delete_volumes {
            return Some(Check::warn(
                name,
                format!("will be deleted with their data: {}", words(beyond)),
            ));
        }
        if !left.is_empty() && self.grows() {
            let claims = words(left);
            return Some(match self.request.wait {
                true => Check::warn(
                    name,
                    format!(
                        "left over from before: {claims}; what can't follow any more is rewound, or replaced by a fresh copy"
                    ),
                ),
                false => Check::warn(
                    name,
                    format!(
                        "left over from before: {claims}; with --no-wait nobody sees to it that they can still be used"
                    ),
                ),
            });
        }
        (!beyond.is_empty()).then(|| {
            Check::pass(name, format!("stay behind: {}", words(beyond)))
                .next("--delete-volumes deletes them")
        })
    }

    fn nothing_left(&self) -> Option<Check> {
        let others = self
            .snapshot
            .standbys()
            .filter(|it| {
                it.pod.component == Component::Primary || it.pod.ordinal < self.request.replicas
            })
            .count();
        (others == 0 && self.request.replicas < self.set.wanted).then(|| {
            Check::warn(
                CheckName::Followers,
                "no standby will be left: there is nothing to fail over to",
            )
        })
    }

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
        let (stateful_set, replicas) = (self.set.name.clone(), self.request.replicas);
        let scaled = Condition::Scaled {
            stateful_set: stateful_set.clone(),
            replicas,
        };
        let scale = Action::Scale {
            stateful_set,
            replicas,
        };
        self.back(Step::new(StepName::Scale, scale, scaled), back)
    }

    /// The step with the way back to the number of before.
    pub(super) fn back(&self, step: Step, back: Option<AutoscalerPatch>) -> Step {
        let (stateful_set, replicas) = (self.set.name.clone(), self.set.wanted);
        let scaled = Condition::Scaled {
            stateful_set: stateful_set.clone(),
            replicas,
        };
        let scale = Action::Scale {
            stateful_set,
            replicas,
        };
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
        let proves = Condition::Serving {
            upstream: self.primary.name().to_owned(),
            service: self
                .snapshot
                .service(ServicePurpose::Read)
                .map(|it| it.name.clone()),
            pods,
            max_lag_bytes: self.request.max_lag_bytes,
        };
        let left: Vec<String> = self.left_over().map(|it| it.pod.clone()).collect();
        let config_map = match &self.snapshot.topology.source {
            TopologySource::Default { config_map }
            | TopologySource::Recorded { config_map, .. } => Some(config_map.clone()),
            TopologySource::Unaware => None,
        };
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
        self.going().into_iter().map(pod_ref).collect()
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

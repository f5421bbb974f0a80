//! A change of the number of pods: who comes, who goes, and what is left behind.

use crate::cluster::{
    Component, Instance, SlotKind, Snapshot, StatefulSetFacts, VolumeFacts, slot_name,
};
use crate::plan::language::ScaleRequest;

/// A change of the number of pods.
pub(super) struct Situation<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) set: &'a StatefulSetFacts,
    pub(super) primary: &'a Instance,
    pub(super) request: &'a ScaleRequest,
}

impl<'a> Situation<'a> {
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

    pub(super) fn pod(&self, ordinal: u32) -> String {
        format!("{}-{ordinal}", self.set.name)
    }

    pub(super) fn grows(&self) -> bool {
        self.request.replicas > self.set.wanted
    }

    /// The standbys that are waited for: the new ones, or all when none is new.
    pub(super) fn awaited(&self) -> Vec<String> {
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
    pub(super) fn going(&self) -> Vec<&'a Instance> {
        self.snapshot
            .instances
            .iter()
            .filter(|it| it.pod.component == Component::Replica)
            .filter(|it| it.pod.ordinal >= self.request.replicas)
            .collect()
    }

    /// Volumes of pods that there are not afterwards.
    pub(super) fn volumes_beyond(&self) -> impl Iterator<Item = &'a VolumeFacts> {
        self.snapshot.volumes.iter().filter(|it| {
            self.set
                .ordinal_of(&it.pod)
                .is_some_and(|ordinal| ordinal >= self.request.replicas)
        })
    }

    /// Volumes that an earlier scale-down has left for the pods that come.
    pub(super) fn left_over(&self) -> impl Iterator<Item = &'a VolumeFacts> {
        self.snapshot.volumes.iter().filter(|it| {
            !it.in_use
                && self
                    .set
                    .ordinal_of(&it.pod)
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
    pub(super) fn slots_beyond(&self) -> Vec<String> {
        let beyond = |slot: &str| {
            let ordinal = self.set.ordinal_of_slot(slot);
            ordinal.is_some_and(|it| it >= self.request.replicas)
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
}

//! Replication slots: one for each pod that follows, none that nobody reads.

use super::failover_steps::Steps;
use crate::cluster::{Instance, SlotKind, Snapshot, slot_name};
use crate::plan::common::drop_slots;
use crate::plan::language::{Action, Condition, Mode, Step, StepName};

impl Steps<'_> {
    /// Slots that the new primary must have: one for each pod that will follow, and that of the archive, so that no
    /// WAL is removed before it is archived.
    pub(super) fn wanted_slots(&self) -> Vec<String> {
        let others = self
            .situation
            .others(self.target)
            .filter(|it| !self.goes_for_good(it))
            .map(|it| slot_name(it.name()));
        let old = self.comes_back.then(|| slot_name(&self.situation.old));
        let archive = self.snapshot.wal_slot().map(str::to_owned);
        others.chain(old).chain(archive).collect()
    }

    /// It is being deleted, and its StatefulSet does not want it back: a slot would hold WAL for
    /// nobody.
    fn goes_for_good(&self, it: &Instance) -> bool {
        let wanted = self
            .snapshot
            .stateful_set(it.pod.component)
            .is_none_or(|set| it.pod.ordinal < set.wanted);
        it.pod.deleting_since.is_some() && !wanted
    }

    pub(super) fn create_slots(&self) -> Option<Step> {
        let slots = self.wanted_slots();
        if slots.is_empty() {
            return None;
        }
        let had: Vec<&str> = self
            .target
            .facts()
            .map(|facts| facts.slots.iter().map(|slot| slot.name.as_str()).collect())
            .unwrap_or_default();
        let new: Vec<String> = slots
            .iter()
            .filter(|slot| !had.contains(&slot.as_str()))
            .cloned()
            .collect();
        let step = Step::new(
            StepName::CreateSlots,
            Action::CreateSlots {
                pod: self.to.clone(),
                slots: slots.clone(),
            },
            Condition::Slots {
                pod: self.to.clone(),
                slots,
            },
        );
        // A standby without a slot follows later; nobody waits for it while nothing takes writes.
        let step = match self.situation.mode {
            Mode::Switchover => step,
            Mode::Emergency => step.reported(),
        };
        Some(if new.is_empty() {
            step
        } else {
            step.undo(
                vec![Action::DropSlots {
                    pod: self.to.clone(),
                    slots: new.clone(),
                }],
                Condition::NoSlots {
                    pod: self.to.clone(),
                    slots: new,
                },
                30,
            )
        })
    }

    /// Slots on the new primary that no pod will use: its own, and that of an old primary that
    /// stays away.
    pub(super) fn tidy_slots(&self) -> Option<Step> {
        let wanted = self.wanted_slots();
        let slots: Vec<String> = self
            .target
            .facts()?
            .slots
            .iter()
            .filter(|slot| slot.kind == SlotKind::Physical && !slot.temporary)
            .filter(|slot| is_pod_slot(self.snapshot, &slot.name) && !wanted.contains(&slot.name))
            .map(|slot| slot.name.clone())
            .collect();
        (!slots.is_empty()).then(|| drop_slots(StepName::TidySlots, &self.to, slots))
    }
}

/// Whether a slot of this name belongs to a pod of this cluster, whether it exists or not.
fn is_pod_slot(snapshot: &Snapshot, slot: &str) -> bool {
    let mut sets = snapshot.stateful_sets.iter();
    sets.any(|set| set.ordinal_of_slot(slot).is_some())
}

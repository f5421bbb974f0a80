//! Slots of pods that an autoscaler has taken away by itself: nobody who would drop them was there.

use super::drop_slots;
use crate::cluster::{Component, SlotKind, Snapshot};
use crate::plan::language::{Step, StepName};

/// Drops what the primary keeps for replicas whose ordinal is `beyond` or higher and that do not exist:
/// each such slot holds WAL back for nobody. Whoever comes back after all makes its slot anew.
pub(crate) fn drop_slots_left(snapshot: &Snapshot, beyond: u32) -> Option<Step> {
    let primary = snapshot.primary()?;
    let set = snapshot.stateful_set(Component::Replica)?;
    let beyond = beyond.max(set.wanted);
    let left: Vec<String> = primary
        .facts()?
        .slots
        .iter()
        .filter(|slot| slot.kind == SlotKind::Physical && !slot.temporary && !slot.active)
        .filter(|slot| {
            let ordinal = set.ordinal_of_slot(&slot.name);
            ordinal.is_some_and(|ordinal| {
                let pod = format!("{}-{ordinal}", set.name);
                ordinal >= beyond
                    && snapshot.instance(&pod).is_none()
                    && snapshot.topology.primary != pod
            })
        })
        .map(|slot| slot.name.clone())
        .collect();
    (!left.is_empty()).then(|| drop_slots(StepName::TidySlots, primary.name(), left))
}

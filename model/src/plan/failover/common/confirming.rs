//! Which standbys stay, and may confirm commits on the new primary.

use super::situation::Situation;
use crate::cluster::{Component, Instance, Shape, synchronous_candidates};
use crate::plan::common::remembered_minimum;

/// The autoscaler's minimum does not protect it yet.
pub(crate) fn needs_guard(situation: &Situation<'_>, instance: &Instance) -> bool {
    situation
        .snapshot
        .autoscaler
        .as_ref()
        .is_some_and(|autoscaler| {
            instance.pod.component == Component::Replica && autoscaler.min <= instance.pod.ordinal
        })
}

/// The pods that may confirm commits on the new primary.
pub(crate) fn confirming(
    situation: &Situation<'_>,
    target: &Instance,
    comes_back: bool,
) -> Vec<String> {
    let mut shape = Shape::of(situation.snapshot);
    if situation.old_component() == Component::Primary && situation.old != target.name() {
        shape.primary_pods = u32::from(comes_back);
    }
    shape.minimum = shape.minimum.map(|minimum| {
        if needs_guard(situation, target) {
            target.pod.ordinal + 1
        } else {
            // A failback gives the minimum back that an earlier failover has raised.
            remembered_minimum(situation.snapshot)
                .filter(|it| target.pod.component == Component::Primary || target.pod.ordinal < *it)
                .unwrap_or(minimum)
        }
    });
    synchronous_candidates(situation.snapshot, &shape, target.name())
}

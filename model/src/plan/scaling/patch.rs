//! Changes of the autoscaler.

use crate::cluster::{Autoscaler, Snapshot};
use crate::plan::language::{
    Action, AutoscalerPatch, Bounds, Condition, Step, StepName, original_minimum,
};

/// The step that makes it so.
pub(super) fn patch_step(patch: AutoscalerPatch, autoscaler: &Autoscaler) -> Step {
    let before = patch.inverse(autoscaler);
    Step::new(
        StepName::PatchAutoscaler,
        Action::PatchAutoscaler {
            patch: patch.clone(),
        },
        Condition::AutoscalerIs { patch },
    )
    .undo(
        vec![Action::PatchAutoscaler {
            patch: before.clone(),
        }],
        Condition::AutoscalerIs { patch: before },
        30,
    )
}

/// Both bounds are this number; what was meant before is remembered.
pub(super) fn pinned(autoscaler: &Autoscaler, number: u32) -> AutoscalerPatch {
    AutoscalerPatch {
        bounds: Bounds {
            min: number,
            max: number,
        },
        paused: Some(Bounds::meant(autoscaler)),
        // It is in the remembered bounds: a failback has nothing to put back.
        original_minimum: None,
        ..AutoscalerPatch::nothing(autoscaler)
    }
}

/// The bounds of before, but never so low that the autoscaler could delete the primary.
pub(super) fn resumed(
    snapshot: &Snapshot,
    autoscaler: &Autoscaler,
    before: Bounds,
) -> AutoscalerPatch {
    let lowest = snapshot
        .primary_among_replicas()
        .map_or(0, |(_, lowest)| lowest);
    let raised = before.min < lowest;
    AutoscalerPatch {
        bounds: Bounds {
            min: before.min.max(lowest),
            max: before.max,
        },
        paused: None,
        original_minimum: match raised {
            true => Some(before.min),
            false => original_minimum(autoscaler),
        },
        ..AutoscalerPatch::nothing(autoscaler)
    }
}

//! Planning a change of the autoscaler.

use jiff::Timestamp;

use super::checks::{bounds_checks, change_drift, governing, request_check};
use super::following::follow;
use super::metrics::with_target;
use super::patch::{patch_step, pinned, resumed};
use crate::cluster::{Autoscaler, Component, Shape, Snapshot};
use crate::plan::common::{drop_slots_left, new_standby_checks};
use crate::plan::decision::{Decision, Proposal};
use crate::plan::language::{
    AutoscaleRequest, AutoscalerPatch, Bounds, Check, CheckName, Circumstances, Drift, Operation,
    OperationKind, Plan, Refusal,
};

/// Plans a change of the autoscaler's bounds or targets, a pause, or the end of one.
///
/// # Errors
/// A [`Refusal`] with every check that stands in the way.
pub fn plan_autoscale(
    snapshot: &Snapshot,
    request: &AutoscaleRequest,
    circumstances: &Circumstances,
    now: Timestamp,
) -> Result<Plan, Refusal> {
    let mut decision = Decision::new(OperationKind::Autoscale, snapshot, circumstances, now);
    let checks = &mut decision.checks;
    let autoscaler = match governing(snapshot) {
        Ok(autoscaler) => Some(autoscaler),
        Err(check) => {
            checks.push(*check);
            None
        }
    };
    if let Some((why, next)) = autoscaler.and_then(|it| it.contested(&snapshot.cluster.namespace)) {
        checks.push(Check::refuse(CheckName::Autoscaler, why).next(next));
    }
    let patch = autoscaler.map(|it| patch(snapshot, it, request, checks));
    let mut steps = Vec::new();
    if let (Some(autoscaler), Some(patch)) = (autoscaler, &patch) {
        checks.extend(bounds_checks(snapshot, patch.bounds));
        checks.push(effect(snapshot, autoscaler, patch.bounds));
        // The controller makes at once what the lower bound wants.
        if patch.bounds.min > snapshot.standbys_wanted() {
            checks.extend(new_standby_checks(snapshot));
        }
        let shape = Shape {
            minimum: Some(patch.bounds.min),
            ..Shape::of(snapshot)
        };
        let following = follow(snapshot, &shape);
        checks.push(following.check);
        steps.extend(following.before);
        steps.push(patch_step(patch.clone(), autoscaler));
        steps.extend(following.after);
        steps.extend(drop_slots_left(snapshot, patch.bounds.min));
    }
    let metrics = patch.as_ref().is_some_and(|patch| patch.metrics.is_some());
    let touched: fn(&Drift) -> bool = match metrics {
        true => |drift| drift.of_bounds() || drift.of_metrics(),
        false => Drift::of_bounds,
    };
    checks.push(change_drift(circumstances, touched, None));
    decision.conclude(|_| {
        let (autoscaler, patch) = (autoscaler?, patch?);
        let operation = Operation::Autoscale {
            autoscaler: autoscaler.name.clone(),
            request: request.clone(),
            from: Bounds::of(autoscaler),
            to: patch.bounds,
        };
        Some(Proposal::new(operation, steps))
    })
}

/// The patch for a request. What stands in its way goes to the checks.
fn patch(
    snapshot: &Snapshot,
    autoscaler: &Autoscaler,
    request: &AutoscaleRequest,
    checks: &mut Vec<Check>,
) -> AutoscalerPatch {
    let mut patch = AutoscalerPatch::nothing(autoscaler);
    let paused = patch.paused;
    match request {
        AutoscaleRequest::Set {
            min,
            max,
            cpu,
            memory,
        } => {
            if paused.is_some() {
                checks.push(
                    Check::refuse(
                        CheckName::Autoscaler,
                        format!("{} is paused", autoscaler.name),
                    )
                    .next("pgctl hpa resume first"),
                );
            }
            patch.bounds.max = max.unwrap_or(patch.bounds.max);
            if let Some(min) = min {
                patch.bounds.min = *min;
                // What somebody says now is what holds after a failback, too.
                patch.original_minimum = None;
            }
            for (resource, percent) in [("cpu", cpu), ("memory", memory)] {
                let Some(percent) = percent else { continue };
                checks.push(request_check(snapshot, resource, *percent));
                let metrics = patch.metrics.as_deref();
                patch.metrics = Some(with_target(
                    metrics.unwrap_or(&autoscaler.metric_specs),
                    resource,
                    *percent,
                ));
            }
        }
        AutoscaleRequest::Pause => {
            if paused.is_some() {
                checks.push(
                    Check::refuse(
                        CheckName::Autoscaler,
                        format!("{} is paused already", autoscaler.name),
                    )
                    .next("pgctl hpa resume"),
                );
            }
            let wanted = snapshot
                .stateful_set(Component::Replica)
                .map_or(0, |set| set.wanted);
            patch = pinned(autoscaler, wanted);
        }
        AutoscaleRequest::Resume => match paused {
            Some(before) => patch = resumed(snapshot, autoscaler, before),
            None => checks.push(Check::refuse(
                CheckName::Autoscaler,
                format!("{} is not paused", autoscaler.name),
            )),
        },
    }
    patch
}

/// What the autoscaler will do about it at once.
fn effect(snapshot: &Snapshot, autoscaler: &Autoscaler, bounds: Bounds) -> Check {
    let name = CheckName::Count;
    let wanted = snapshot
        .stateful_set(Component::Replica)
        .map_or(0, |set| set.wanted);
    if wanted == 0 {
        return Check::warn(
            name,
            format!("{} is at 0: the autoscaler rests", autoscaler.target),
        );
    }
    if wanted > bounds.max {
        Check::warn(
            name,
            format!(
                "the autoscaler will take {} of {wanted} pods away, and leave their slots behind",
                wanted - bounds.max
            ),
        )
        .next(format!(
            "pgctl scale {} --permanent first does it in order",
            bounds.max
        ))
    } else if wanted < bounds.min {
        Check::pass(
            name,
            format!("the autoscaler will add {} pods", bounds.min - wanted),
        )
    } else {
        Check::pass(name, format!("the {wanted} pods that there are stay"))
    }
}

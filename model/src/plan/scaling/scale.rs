//! Planning another number of standbys.

use jiff::Timestamp;

use super::checks::{bounds_checks, change_drift, count, governing, primary_stays};
use super::following::follow;
use super::patch::{patch_step, pinned};
use super::scale_situation::Situation;
use crate::cluster::suggestion::ASK_FOR_RIGHTS;
use crate::cluster::{Autoscaler, Component, ObjectKind, Shape, Snapshot, StatefulSetFacts};
use crate::plan::common::{new_standby_checks, one_primary_or_none};
use crate::plan::decision::{Decision, Proposal};
use crate::plan::language::{
    AutoscalerPatch, AutoscalerPolicy, Bounds, Check, CheckName, Circumstances, Drift, Operation,
    OperationKind, Plan, Refusal, ScaleRequest,
};

/// Plans another number of pods of the replica StatefulSet.
///
/// # Errors
/// A [`Refusal`] with every check that stands in the way.
pub fn plan_scale(
    snapshot: &Snapshot,
    request: &ScaleRequest,
    circumstances: &Circumstances,
    now: Timestamp,
) -> Result<Plan, Refusal> {
    let mut decision = Decision::new(OperationKind::Scale, snapshot, circumstances, now);
    let checks = &mut decision.checks;
    let mut one_primary = one_primary_or_none(snapshot);
    if snapshot.primary().is_none() {
        one_primary = Check::refuse(one_primary.check, one_primary.reason).next("pgctl failover");
    }
    checks.push(one_primary);
    checks.push(count(snapshot, request.replicas));
    checks.push(primary_stays(snapshot, request.replicas));
    let set = snapshot.stateful_set(Component::Replica);
    if set.is_none() {
        checks.push(
            Check::refuse(
                CheckName::Target,
                "there is no replica StatefulSet to scale",
            )
            .next("deploy it (deploy/base/postgres-replica-statefulset.yaml)"),
        );
    }
    if set.is_some_and(|set| request.replicas > set.wanted) {
        checks.extend(new_standby_checks(snapshot));
    }
    let autoscaler = governing(snapshot).ok();
    let patch = set.and_then(|set| way(snapshot, set, autoscaler, request, checks));
    let shape = Shape {
        replica_pods: request.replicas,
        minimum: match (&patch, autoscaler) {
            (Some(patch), _) => Some(patch.bounds.min),
            (None, autoscaler) => autoscaler.map(|it| it.min),
        },
        ..Shape::of(snapshot)
    };
    let following = follow(snapshot, &shape);
    checks.push(following.check);
    let situation = match (set, snapshot.primary()) {
        (Some(set), Some(primary)) => {
            let situation = Situation::new(snapshot, set, primary, request);
            checks.extend(situation.checks());
            Some(situation)
        }
        _ => None,
    };
    checks.push(match patch {
        // Where an autoscaler has the number, the manifests leave it out.
        Some(_) => change_drift(circumstances, Drift::of_bounds, None),
        None => change_drift(circumstances, |_| false, set),
    });
    decision.conclude(|id| {
        let situation = situation?;
        let mut steps = Vec::new();
        steps.extend(following.before);
        let patch = patch.zip(autoscaler);
        let back = patch.as_ref().map(|(patch, it)| patch.inverse(it));
        // The autoscaler acts on its bounds at once: what puts them back puts the number back, too.
        steps.extend(patch.map(|(patch, it)| situation.back(patch_step(patch, it), back.clone())));
        steps.extend(situation.steps(&id.0, back, following.after));
        let operation = Operation::Scale {
            stateful_set: situation.set.name.clone(),
            from: situation.set.wanted,
            to: request.replicas,
            way: autoscaler.and(request.way),
            left_behind: situation.left_behind(),
        };
        Some(Proposal::new(operation, steps))
    })
}

/// What is to become of the change, and the patch of the autoscaler that it takes.
fn way(
    snapshot: &Snapshot,
    set: &StatefulSetFacts,
    autoscaler: Option<&Autoscaler>,
    request: &ScaleRequest,
    checks: &mut Vec<Check>,
) -> Option<AutoscalerPatch> {
    let name = CheckName::Autoscaler;
    let to = request.replicas;
    let Some(autoscaler) = autoscaler else {
        checks.push(
            match (request.way, snapshot.unseen(ObjectKind::Autoscalers)) {
                // What was asked of it can't be done.
                (Some(AutoscalerPolicy::Pin | AutoscalerPolicy::Permanent), Some(unseen)) => {
                    Check::refuse(
                        name,
                        format!("the autoscaler can't be seen: {}", unseen.why),
                    )
                    .next(format!("try again, or {ASK_FOR_RIGHTS}"))
                }
                (_, Some(unseen)) => Check::warn(
                    name,
                    format!(
                        "whether an autoscaler changes it again can't be seen: {}",
                        unseen.why
                    ),
                ),
                (Some(AutoscalerPolicy::Pin | AutoscalerPolicy::Permanent), None) => {
                    Check::refuse(name, format!("no autoscaler governs {}", set.name))
                        .next("leave --pin and --permanent out")
                }
                _ => Check::pass(name, format!("no autoscaler governs {}", set.name)),
            },
        );
        return None;
    };
    if let Some((why, next)) = autoscaler.contested(&snapshot.cluster.namespace) {
        checks.push(Check::refuse(name, why).next(next));
        return None;
    }
    let bounds = Bounds::of(autoscaler);
    let patch = match request.way {
        None => {
            checks.push(undecided(autoscaler, set.wanted, to));
            return None;
        }
        Some(AutoscalerPolicy::Temporary) => {
            checks.push(temporary(autoscaler, set.wanted, to));
            return None;
        }
        Some(AutoscalerPolicy::Pin) => {
            let patch = pinned(autoscaler, to);
            checks.push(Check::pass(
                name,
                format!(
                    "{} is held at {to} until pgctl hpa resume, which gives {} back",
                    autoscaler.name,
                    Bounds::meant(autoscaler)
                ),
            ));
            patch
        }
        Some(AutoscalerPolicy::Permanent) => {
            let max = Bounds::meant(autoscaler).max.max(to);
            let patch = AutoscalerPatch {
                bounds: Bounds { min: to, max },
                paused: None,
                original_minimum: None,
                ..AutoscalerPatch::nothing(autoscaler)
            };
            checks.push(Check::pass(
                name,
                format!("{} goes from {bounds} to {}", autoscaler.name, patch.bounds),
            ));
            patch
        }
    };
    checks.extend(
        bounds_checks(snapshot, patch.bounds)
            .into_iter()
            .filter(|check| check.check == CheckName::Bounds),
    );
    Some(patch)
}

fn undecided(autoscaler: &Autoscaler, wanted: u32, to: u32) -> Check {
    let name = CheckName::Autoscaler;
    if wanted == to {
        return Check::pass(name, format!("{} is left alone", autoscaler.name));
    }
    Check::refuse(
        name,
        format!(
            "{} ({}) governs {} and may change the number again: say what is to become of it",
            autoscaler.name,
            Bounds::of(autoscaler),
            autoscaler.target
        ),
    )
    .next(format!(
        "--pin (hold it at {to} until pgctl hpa resume), --permanent (minReplicas {to}, maxReplicas at least that), or --temporary (until the autoscaler changes it)"
    ))
}

/// Leaving the autoscaler alone: what it will do about the change.
fn temporary(autoscaler: &Autoscaler, wanted: u32, to: u32) -> Check {
    let name = CheckName::Autoscaler;
    let other = "--pin or --permanent";
    let bounds = Bounds::of(autoscaler);
    if to == 0 {
        return Check::warn(
            name,
            format!("at 0 {} rests until somebody scales up", autoscaler.name),
        );
    }
    if to > bounds.max || to < bounds.min {
        return Check::refuse(
            name,
            format!(
                "{} allows {bounds}: it would put {to} back within seconds",
                autoscaler.name
            ),
        )
        .next(other);
    }
    let blind = autoscaler
        .conditions
        .iter()
        .any(|it| it.kind == "ScalingActive" && !it.holds);
    if blind {
        return Check::warn(
            name,
            format!(
                "{} has no figures now, and leaves it until it has",
                autoscaler.name
            ),
        );
    }
    let word = if to > wanted {
        format!(
            "may take pods away again, down to {}, within seconds, when its metrics ask for fewer and have for {} s",
            bounds.min, autoscaler.down_window_seconds
        )
    } else {
        format!("may add pods again, up to {}, as the load asks", bounds.max)
    };
    Check::warn(name, format!("{} {word}", autoscaler.name)).next(format!("{other} to keep it"))
}

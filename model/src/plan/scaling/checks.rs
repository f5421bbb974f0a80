//! Checks of a change of the number of standbys, each a small pure function.

use crate::cluster::names::{DEFAULT_MAX_ORDINAL, MAX_ORDINAL};
use crate::cluster::suggestion::ASK_FOR_RIGHTS;
use crate::cluster::{Autoscaler, Component, ObjectKind, Snapshot, StatefulSetFacts};
use crate::plan::language::{Bounds, Check, CheckName, Circumstances, Drift, Reverts};

/// So many pods of a StatefulSet are found by all others: from 0 to the ordinal that both start scripts ask up to.
fn most_pods(snapshot: &Snapshot) -> u32 {
    let sets = snapshot.stateful_sets.iter();
    let highest = sets.map(|it| it.highest_ordinal).min();
    highest.unwrap_or(DEFAULT_MAX_ORDINAL).saturating_add(1)
}

/// The autoscaler of the replica StatefulSet.
pub(super) fn governing(snapshot: &Snapshot) -> Result<&Autoscaler, Box<Check>> {
    let set = snapshot.stateful_set(Component::Replica);
    let name = CheckName::Autoscaler;
    snapshot
        .autoscaler
        .as_ref()
        .filter(|it| set.is_some_and(|set| set.name == it.target))
        .ok_or_else(|| {
            let target = set.map_or("the replica StatefulSet", |set| set.name.as_str());
            let check = match snapshot.unseen(ObjectKind::Autoscalers) {
                Some(unseen) => Check::refuse(
                    name,
                    format!("the autoscaler can't be seen: {}", unseen.why),
                )
                .next(format!("try again, or {ASK_FOR_RIGHTS}")),
                None => Check::refuse(name, format!("no HorizontalPodAutoscaler governs {target}"))
                    .next("deploy one (deploy/base/postgres-replica-hpa.yaml)"),
            };
            Box::new(check)
        })
}

/// The bounds as Kubernetes validates them (`validateHorizontalPodAutoscalerSpec` in
/// `pkg/apis/autoscaling/validation`), and as the cluster needs them.
pub(super) fn bounds_checks(snapshot: &Snapshot, bounds: Bounds) -> Vec<Check> {
    let name = CheckName::Bounds;
    let mut checks = Vec::new();
    if bounds.min < 1 {
        // With the feature HPAScaleToZero and an Object or External metric it could be 0.
        checks.push(
            Check::refuse(name, "minReplicas must be at least 1").next("pgctl hpa set --min 1"),
        );
    }
    if bounds.max < 1 {
        checks.push(
            Check::refuse(name, "maxReplicas must be at least 1").next("pgctl hpa set --max 1"),
        );
    }
    if bounds.max < bounds.min {
        checks.push(
            Check::refuse(
                name,
                format!(
                    "maxReplicas ({}) must not be below minReplicas ({})",
                    bounds.max, bounds.min
                ),
            )
            .next(format!(
                "pgctl hpa set --min {} --max {}",
                bounds.max.max(1),
                bounds.min.max(1)
            )),
        );
    }
    checks.extend(too_many(snapshot, bounds.max));
    if checks.is_empty() {
        checks.push(Check::pass(name, format!("{bounds} is valid")));
    }
    checks.push(primary_stays(snapshot, bounds.min));
    checks
}

/// So many pods can be.
pub(super) fn count(snapshot: &Snapshot, replicas: u32) -> Check {
    let can_be = || Check::pass(CheckName::Count, format!("{replicas} pods can be"));
    too_many(snapshot, replicas).unwrap_or_else(can_be)
}

fn too_many(snapshot: &Snapshot, number: u32) -> Option<Check> {
    let most = most_pods(snapshot);
    let check = || {
        Check::refuse(
            CheckName::Count,
            format!("{number} is more than {most}: pods beyond would not be found by the others"),
        )
        .next(format!(
            "set {MAX_ORDINAL} to {} at least in both StatefulSets first",
            number - 1
        ))
    };
    (number > most).then(check)
}

/// The primary is not among the pods from this number on.
pub(super) fn primary_stays(snapshot: &Snapshot, replicas: u32) -> Check {
    let name = CheckName::PrimaryStays;
    match snapshot.primary_among_replicas() {
        None => Check::pass(name, "the primary is not a pod of the replica StatefulSet"),
        Some((primary, lowest)) if replicas < lowest => Check::refuse(
            name,
            format!("{primary} is the primary, and would go with less than {lowest} pods"),
        )
        .next("pgctl failover to another first"),
        Some((primary, _)) => Check::pass(name, format!("{primary}, the primary, stays")),
    }
}

/// A target in % needs a request in every container: without one the autoscaler scales nothing.
pub(super) fn request_check(snapshot: &Snapshot, resource: &str, percent: u32) -> Check {
    let name = CheckName::Metrics;
    if percent < 1 {
        return Check::refuse(
            name,
            format!("a target for {resource} must be at least 1 %"),
        )
        .next("pgctl hpa set --help");
    }
    let lacking: Vec<&str> = snapshot
        .stateful_set(Component::Replica)
        .into_iter()
        .flat_map(|set| &set.unrequested)
        .filter(|it| it.resource == resource)
        .map(|it| it.container.as_str())
        .collect();
    if lacking.is_empty() {
        Check::pass(
            name,
            format!("{percent} % of what is requested of {resource}"),
        )
    } else {
        Check::refuse(
            name,
            format!(
                "the pods request no {resource} ({}): {percent} % of nothing can't be measured, and the autoscaler would not scale at all",
                lacking.join(", ")
            ),
        )
        .next(format!("add resources.requests.{resource} to the pod template"))
    }
}

/// No GitOps tool puts the change of these fields, or of this StatefulSet, back.
pub(super) fn change_drift(
    circumstances: &Circumstances,
    touched: fn(&Drift) -> bool,
    set: Option<&StatefulSetFacts>,
) -> Check {
    let name = CheckName::GitOps;
    let set = set.filter(|set| set.git_ops.is_some());
    let mut reverted: Vec<String> = circumstances
        .drift
        .iter()
        .filter(|drift| drift.reverts != Reverts::Never)
        .filter(|drift| touched(drift))
        .map(|drift| format!("{} {}", drift.object, drift.field))
        .collect();
    reverted.extend(set.map(|set| format!("StatefulSet/{}", set.name)));
    if reverted.is_empty() {
        Check::pass(name, "nothing reverts the changes")
    } else {
        Check::warn(
            name,
            format!(
                "deployed by a GitOps tool, which may put it back: {}",
                reverted.join(", ")
            ),
        )
        .next("change it there, too (docs/gitops.md)")
    }
}

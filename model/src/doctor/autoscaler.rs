//! The autoscaler, as far as `pgctl status` does not judge it.

use super::facts::DoctorFacts;
use super::result::{Finding, cluster};
use crate::cluster::{ObjectKind, ObjectRef, PAUSED_BOUNDS};

fn unseen(facts: &DoctorFacts) -> Vec<Finding> {
    let unseen = facts.snapshot.unseen(ObjectKind::Autoscalers);
    unseen
        .map(|it| Finding::unknown(cluster(&facts.snapshot), &it.why))
        .into_iter()
        .collect()
}

pub(super) fn no_requests(facts: &DoctorFacts) -> Vec<Finding> {
    let Some(autoscaler) = &facts.snapshot.autoscaler else {
        return unseen(facts);
    };
    let measured = |resource: &str| autoscaler.metrics.iter().any(|it| it.name == resource);
    let sets = facts.snapshot.stateful_sets.iter();
    let sets = sets.filter(|it| it.name == autoscaler.target);
    sets.flat_map(|set| set.unrequested.iter().map(move |it| (set, it)))
        .filter(|(_, it)| measured(&it.resource))
        .map(|(set, it)| {
            Finding::warning(
                ObjectRef::new("statefulset", &set.name),
                format!("container {} requests no {}", it.container, it.resource),
            )
            .evidence(format!(
                "{} measures it in % of the request, and does not scale without one",
                autoscaler.name
            ))
            .next(format!(
                "kubectl -n {} edit statefulset {}",
                facts.snapshot.cluster.namespace, set.name
            ))
        })
        .collect()
}

pub(super) fn paused(facts: &DoctorFacts) -> Vec<Finding> {
    let Some(autoscaler) = &facts.snapshot.autoscaler else {
        return unseen(facts);
    };
    if !autoscaler.annotations.contains_key(PAUSED_BOUNDS) {
        return Vec::new();
    }
    vec![
        Finding::note(
            ObjectRef::new("hpa", &autoscaler.name),
            format!("it is paused at {} replicas", autoscaler.max),
        )
        .next(format!(
            "pgctl -n {} hpa resume",
            facts.snapshot.cluster.namespace
        )),
    ]
}

//! Do the pods run what their StatefulSets say?

use super::finding::{FindingCode, HealthFinding, ObjectRef};
use crate::cluster::{Instance, Snapshot, StatefulSetFacts};

/// So many pods are named; more are counted.
const NAMED: usize = 3;

/// Pods that were made from an older template: where a changed template restarts nothing by itself somebody has to.
pub(super) fn check(snapshot: &Snapshot, findings: &mut Vec<HealthFinding>) {
    let namespace = &snapshot.cluster.namespace;
    let (by_hand, by_itself): (Vec<&Instance>, Vec<&Instance>) = snapshot
        .older_pods()
        .partition(|it| snapshot.set_of(it).is_some_and(|set| set.on_delete));
    if !by_hand.is_empty() {
        findings.push(
            HealthFinding::note(
                FindingCode::OlderRevision,
                ObjectRef::new("cluster", &snapshot.cluster.to_string()),
                counted(&by_hand),
            )
            .why(difference(snapshot, &by_hand))
            .next(format!("pgctl -n {namespace} rollout")),
        );
    }
    for set in &snapshot.stateful_sets {
        let pods: Vec<&Instance> = of(set, &by_itself).collect();
        if pods.is_empty() {
            continue;
        }
        findings.push(
            HealthFinding::note(
                FindingCode::OlderRevision,
                ObjectRef::new("statefulset", &set.name),
                counted(&pods),
            )
            .why("Kubernetes replaces them by itself, whoever is primary (updateStrategy RollingUpdate); OnDelete leaves that to pgctl rollout")
            .next(format!(
                "kubectl -n {namespace} rollout status statefulset {}",
                set.name
            )),
        );
    }
}

fn of<'a, 'b>(
    set: &'b StatefulSetFacts,
    pods: &'b [&'a Instance],
) -> impl Iterator<Item = &'a Instance> + use<'a, 'b> {
    let component = set.component;
    pods.iter()
        .copied()
        .filter(move |it| it.pod.component == component)
}

fn counted(pods: &[&Instance]) -> String {
    match pods {
        [one] => format!("{} runs an older revision", one.name()),
        some => format!("{} pods run an older revision", some.len()),
    }
}

/// What is known of the difference: the images, where they differ, or else who it is.
fn difference(snapshot: &Snapshot, older: &[&Instance]) -> String {
    let mut images: Vec<String> = older
        .iter()
        .filter_map(|it| {
            let is = it.pod.image.as_deref()?;
            let wanted = snapshot.set_of(it)?.image.as_deref()?;
            (is != wanted).then(|| format!("{is} instead of {wanted}"))
        })
        .collect();
    images.sort_unstable();
    images.dedup();
    if !images.is_empty() {
        return images.join(", ");
    }
    let mut names: Vec<&str> = older.iter().take(NAMED).map(|it| it.name()).collect();
    if older.len() > NAMED {
        names.push("...");
    }
    format!(
        "the template was changed since they were made: {}",
        names.join(", ")
    )
}

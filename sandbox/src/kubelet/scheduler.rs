//! Chooses a node for each new pod.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{
    Node, NodeSelectorRequirement, PersistentVolume, PersistentVolumeClaim, Pod, PodAffinityTerm,
    PodCondition,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    LabelSelector as LabelSelectorObject, LabelSelectorRequirement,
};
use serde_json::{Value, json};

use super::context::Context;
use super::status::now;
use crate::controllers::{EventType, Recorder};
use crate::store::{LabelSelector, Selector, StoreError, of, text};

/// Binds pods as long as the sandbox runs.
pub(super) async fn run(context: Arc<Context>) {
    let mut changes = context.store.changes();
    loop {
        changes.borrow_and_update();
        let waiting = context.store.list(of::<Pod>(), None).items;
        let waiting = waiting.iter().filter(|p| {
            text(p, "/spec/nodeName").is_empty()
                && text(p, "/metadata/deletionTimestamp").is_empty()
        });
        for pod in waiting {
            let (namespace, name) = (
                text(pod, "/metadata/namespace"),
                text(pod, "/metadata/name"),
            );
            // Whatever changed meanwhile starts another round.
            drop(schedule(&context, namespace, name));
        }
        if changes.changed().await.is_err() {
            return;
        }
        // Pods of one set come together: let them be seen together.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn schedule(context: &Context, namespace: &str, name: &str) -> Result<(), StoreError> {
    let pod: Pod = context.store.read(namespace, name)?;
    let recorder = Recorder::new(&context.store, "default-scheduler");
    let about = serde_json::json!(pod);
    match choose(context, &pod)? {
        Ok(node) => {
            context.store.modify::<Pod>(namespace, name, |pod| {
                pod.spec.get_or_insert_default().node_name = Some(node.clone());
                set_scheduled(pod, None);
            })?;
            let message = format!("Successfully assigned {namespace}/{name} to {node}");
            recorder.event(&about, EventType::Normal, "Scheduled", &message);
        }
        Err(why) => {
            let same =
                |c: &PodCondition| c.type_ == "PodScheduled" && c.message.as_ref() == Some(&why);
            let known = pod
                .status
                .iter()
                .flat_map(|s| s.conditions.iter().flatten())
                .any(same);
            if !known {
                context.store.modify::<Pod>(namespace, name, |pod| {
                    set_scheduled(pod, Some(why.clone()));
                })?;
                recorder.event(&about, EventType::Warning, "FailedScheduling", &why);
            }
        }
    }
    Ok(())
}

fn set_scheduled(pod: &mut Pod, failure: Option<String>) {
    let generation = pod.metadata.generation;
    let status = pod.status.get_or_insert_default();
    status.phase.get_or_insert_with(|| "Pending".to_owned());
    let conditions = status.conditions.get_or_insert_default();
    conditions.retain(|c| c.type_ != "PodScheduled");
    conditions.push(PodCondition {
        type_: "PodScheduled".to_owned(),
        status: if failure.is_none() { "True" } else { "False" }.to_owned(),
        reason: failure.as_ref().map(|_| "Unschedulable".to_owned()),
        message: failure,
        last_transition_time: Some(now()),
        observed_generation: generation,
        ..PodCondition::default()
    });
}

/// A node for the pod, or why there is none.
fn choose(context: &Context, pod: &Pod) -> Result<Result<String, String>, StoreError> {
    if let Some(why) = missing_volume(context, pod)? {
        return Ok(Err(why));
    }
    let nodes = context
        .store
        .read_all::<Node>(None, &Selector::everything())?
        .items;
    let pods = context
        .store
        .read_all::<Pod>(None, &Selector::everything())?
        .items;
    let volumes = volumes(context, pod)?;
    let total = nodes.len();
    let (mut cordoned, mut tainted, mut unselected, mut repelled) = (0, 0, 0, 0);
    let mut out_of_reach = 0;
    let mut best: Option<((i64, usize, String), String)> = None;
    for node in nodes {
        let name = node.metadata.name.clone().unwrap_or_default();
        let spec = node.spec.clone().unwrap_or_default();
        let labels = node.metadata.labels.clone().unwrap_or_default();
        let wanted = pod
            .spec
            .iter()
            .flat_map(|s| s.node_selector.iter().flatten());
        let there: Vec<&Pod> = pods
            .iter()
            .filter(|p| p.spec.as_ref().and_then(|s| s.node_name.as_ref()) == Some(&name))
            .collect();
        if spec.unschedulable == Some(true) {
            cordoned += 1;
        } else if spec
            .taints
            .iter()
            .flatten()
            .any(|t| t.effect != "PreferNoSchedule")
        {
            tainted += 1;
        } else if !wanted.clone().all(|(k, v)| labels.get(k) == Some(v)) {
            unselected += 1;
        } else if repels(pod, &there) {
            repelled += 1;
        } else if !volumes.iter().all(|it| reaches(&name, &labels, it)) {
            out_of_reach += 1;
        } else {
            let key = (dislike(pod, &there), there.len(), name.clone());
            if best.as_ref().is_none_or(|(k, _)| key < *k) {
                best = Some((key, name));
            }
        }
    }
    if let Some((_, node)) = best {
        return Ok(Ok(node));
    }
    let reasons: Vec<String> = [
        (repelled, "node(s) didn't match pod anti-affinity rules"),
        (
            unselected,
            "node(s) didn't match Pod's node affinity/selector",
        ),
        (
            out_of_reach,
            "node(s) didn't match PersistentVolume's node affinity",
        ),
        (tainted, "node(s) had untolerated taint(s)"),
        (cordoned, "node(s) were unschedulable"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect();
    Ok(Err(format!(
        "0/{total} nodes are available: {}.",
        reasons.join(", ")
    )))
}

fn missing_volume(context: &Context, pod: &Pod) -> Result<Option<String>, StoreError> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let volumes = pod.spec.iter().flat_map(|s| s.volumes.iter().flatten());
    for claim in volumes.filter_map(|v| v.persistent_volume_claim.as_ref()) {
        let name = &claim.claim_name;
        let found = context
            .store
            .read_opt::<PersistentVolumeClaim>(namespace, name)?;
        let Some(found) = found else {
            return Ok(Some(format!("persistentvolumeclaim \"{name}\" not found")));
        };
        let phase = found.status.and_then(|s| s.phase);
        if phase.as_deref() != Some("Bound") {
            let why = "pod has unbound immediate PersistentVolumeClaims";
            return Ok(Some(why.to_owned()));
        }
    }
    Ok(None)
}

/// The volumes of the pod's claims.
fn volumes(context: &Context, pod: &Pod) -> Result<Vec<PersistentVolume>, StoreError> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let mounted = pod.spec.iter().flat_map(|s| s.volumes.iter().flatten());
    let mut volumes = Vec::new();
    for claim in mounted.filter_map(|v| v.persistent_volume_claim.as_ref()) {
        let claim: Option<PersistentVolumeClaim> =
            context.store.read_opt(namespace, &claim.claim_name)?;
        if let Some(volume) = claim.and_then(|it| it.spec?.volume_name) {
            volumes.extend(context.store.read_opt::<PersistentVolume>("", &volume)?);
        }
    }
    Ok(volumes)
}

/// Whether a volume can be used on a node: one of the terms of its node affinity has to fit, with all that it requires of the
/// node's labels and of its name (pkg/scheduler/framework/plugins/volumebinding).
fn reaches(node: &str, labels: &BTreeMap<String, String>, volume: &PersistentVolume) -> bool {
    let affinity = volume.spec.as_ref().and_then(|s| s.node_affinity.as_ref());
    let Some(required) = affinity.and_then(|it| it.required.as_ref()) else {
        return true;
    };
    let name = json!({"metadata.name": node});
    let labels = json!(labels);
    let holds = |required: &Option<Vec<NodeSelectorRequirement>>, of: &Value| {
        let expressions = required
            .iter()
            .flatten()
            .map(|it| LabelSelectorRequirement {
                key: it.key.clone(),
                operator: it.operator.clone(),
                values: it.values.clone(),
            });
        let selector = LabelSelectorObject {
            match_expressions: Some(expressions.collect()),
            match_labels: None,
        };
        LabelSelector::from_object(&selector).is_ok_and(|it| it.matches(of.as_object()))
    };
    required.node_selector_terms.iter().any(|term| {
        let says = |it: &Option<Vec<NodeSelectorRequirement>>| it.iter().flatten().next().is_some();
        (says(&term.match_expressions) || says(&term.match_fields))
            && holds(&term.match_expressions, &labels)
            && holds(&term.match_fields, &name)
    })
}

/// True when a required anti-affinity keeps the pod away from a node with these pods. A node is a
/// host and a zone of its own, so every topology key means the node.
fn repels(pod: &Pod, there: &[&Pod]) -> bool {
    let terms = anti_affinity(pod).and_then(|a| {
        a.required_during_scheduling_ignored_during_execution
            .as_ref()
    });
    terms
        .into_iter()
        .flatten()
        .any(|term| matches(pod, term, there) > 0)
}

/// How much the preferred anti-affinities speak against a node with these pods.
fn dislike(pod: &Pod, there: &[&Pod]) -> i64 {
    let terms = anti_affinity(pod).and_then(|a| {
        a.preferred_during_scheduling_ignored_during_execution
            .as_ref()
    });
    terms
        .into_iter()
        .flatten()
        .map(|t| i64::from(t.weight) * matches(pod, &t.pod_affinity_term, there))
        .sum()
}

fn anti_affinity(pod: &Pod) -> Option<&k8s_openapi::api::core::v1::PodAntiAffinity> {
    pod.spec
        .as_ref()?
        .affinity
        .as_ref()?
        .pod_anti_affinity
        .as_ref()
}

fn matches(pod: &Pod, term: &PodAffinityTerm, there: &[&Pod]) -> i64 {
    let Some(Ok(selector)) = term.label_selector.as_ref().map(LabelSelector::from_object) else {
        return 0;
    };
    let hit = |other: &&&Pod| {
        other.metadata.namespace == pod.metadata.namespace
            && selector.matches_labels(other.metadata.labels.as_ref())
    };
    i64::try_from(there.iter().filter(hit).count()).unwrap_or(i64::MAX)
}

//! Claims of data volumes.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;

use super::pod::time;
use super::quantity;
use crate::cluster::VolumeFacts;
use crate::kubernetes::discovery::component_of;

/// What a claim's object says; none for one that is no StatefulSet's.
///
/// A claim is called `<template>-<StatefulSet>-<ordinal>` and belongs to the pod
/// `<StatefulSet>-<ordinal>` (Kubernetes, `pkg/controller/statefulset/stateful_set_utils.go`,
/// `getPersistentVolumeClaimName`).
pub(crate) fn volume_facts(
    claim: &PersistentVolumeClaim,
    sets: &[StatefulSet],
    pods: &[&str],
) -> Option<VolumeFacts> {
    let name = claim.metadata.name.as_deref()?;
    let (pod, component) = sets.iter().find_map(|set| {
        let set_name = set.metadata.name.as_deref()?;
        let templates = set.spec.as_ref()?.volume_claim_templates.as_ref()?;
        let ordinal = templates.iter().find_map(|template| {
            let template = template.metadata.name.as_deref()?;
            name.strip_prefix(template)?
                .strip_prefix('-')?
                .strip_prefix(set_name)?
                .strip_prefix('-')?
                .parse::<u32>()
                .ok()
        })?;
        Some((
            format!("{set_name}-{ordinal}"),
            component_of(&set.metadata)?,
        ))
    })?;
    let status = claim.status.as_ref();
    Some(VolumeFacts {
        claim: name.to_owned(),
        in_use: pods.contains(&pod.as_str()),
        pod,
        component,
        phase: status
            .and_then(|status| status.phase.clone())
            .unwrap_or_else(|| "Unknown".to_owned()),
        capacity_bytes: status
            .and_then(|status| status.capacity.as_ref()?.get("storage"))
            .and_then(|storage| quantity::bytes(&storage.0)),
        uid: claim.metadata.uid.clone(),
        created: claim.metadata.creation_timestamp.as_ref().map(time),
        deleting_since: claim.metadata.deletion_timestamp.as_ref().map(time),
        storage_class: claim
            .spec
            .as_ref()
            .and_then(|spec| spec.storage_class_name.clone()),
    })
}

/// The space of a claim: what it has, or what it asks for while nobody says what it has.
pub(crate) fn claim_bytes(claim: &PersistentVolumeClaim) -> Option<u64> {
    let has = || claim.status.as_ref()?.capacity.as_ref()?.get("storage");
    let asks_for = || {
        let resources = claim.spec.as_ref()?.resources.as_ref()?;
        resources.requests.as_ref()?.get("storage")
    };
    has()
        .or_else(asks_for)
        .and_then(|storage| quantity::bytes(&storage.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Component;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use serde_json::json;

    #[test]
    fn a_claim_belongs_to_the_pod_of_its_number() {
        let set: StatefulSet = serde_json::from_value(json!({
            "metadata": {"name": "postgres-replica", "labels": {"app.kubernetes.io/component": "replica"}},
            "spec": {"serviceName": "s", "selector": {}, "template": {},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}}]}}))
        .expect("a StatefulSet");
        let claim = |name: &str| -> PersistentVolumeClaim {
            serde_json::from_value(json!({"metadata": {"name": name},
                "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}}))
            .expect("a claim")
        };
        let sets = [set];
        let facts = |name: &str| volume_facts(&claim(name), &sets, &["postgres-replica-0"]);
        let used = facts("data-postgres-replica-0").expect("facts");
        assert_eq!((used.component, used.in_use), (Component::Replica, true));
        assert_eq!(used.capacity_bytes, Some(1 << 30));
        let left = facts("data-postgres-replica-4").expect("facts");
        assert_eq!(
            (left.pod.as_str(), left.in_use),
            ("postgres-replica-4", false)
        );
        assert_eq!(facts("data-postgres-replica-backup"), None);
        assert_eq!(left.deleting_since, None);
        let mut ends = claim("data-postgres-replica-0");
        let since: jiff::Timestamp = "2026-03-01T12:00:00Z".parse().expect("a time");
        ends.metadata.deletion_timestamp = Some(Time(since));
        let ends = volume_facts(&ends, &sets, &["postgres-replica-0"]).expect("facts");
        assert_eq!((ends.in_use, ends.deleting_since), (true, Some(since)));
    }
}

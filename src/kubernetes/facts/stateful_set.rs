//! StatefulSets.

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec};
use k8s_openapi::api::core::v1::{PodSpec, ResourceRequirements};

use super::container::{database_container, encryption};
use super::git_ops;
use crate::cluster::names;
use crate::cluster::{StatefulSetFacts, Unrequested};
use crate::kubernetes::discovery::component_of;

/// What a StatefulSet's object says; none for one that is neither primary nor replica.
pub(crate) fn stateful_set_facts(set: &StatefulSet) -> Option<StatefulSetFacts> {
    let metadata = &set.metadata;
    let spec = set.spec.as_ref()?;
    let status = set.status.as_ref();
    let count = |number: Option<i32>| number.and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    let topology_config_map = spec
        .template
        .spec
        .as_ref()
        .and_then(|spec| spec.volumes.as_ref())
        .and_then(|volumes| volumes.iter().find(|v| v.name == names::TOPOLOGY_VOLUME))
        .and_then(|volume| volume.config_map.as_ref())
        .map(|source| source.name.clone());
    let observed = status.and_then(|status| status.observed_generation) == metadata.generation;
    Some(StatefulSetFacts {
        name: metadata.name.clone()?,
        component: component_of(metadata)?,
        // The API server fills in 1 when it is left out.
        wanted: spec.replicas.map_or(1, |n| u32::try_from(n).unwrap_or(0)),
        existing: count(status.map(|status| status.replicas)),
        ready: count(status.and_then(|status| status.ready_replicas)),
        observed,
        revision: status
            .and_then(|status| status.update_revision.clone())
            .filter(|_| observed),
        image: spec
            .template
            .spec
            .as_ref()
            .and_then(|pod| database_container(pod)?.image.clone()),
        encryption: spec
            .template
            .spec
            .as_ref()
            .map(encryption)
            .unwrap_or_default(),
        on_delete: spec
            .update_strategy
            .as_ref()
            .and_then(|it| it.type_.as_deref())
            == Some("OnDelete"),
        topology_aware: topology_config_map.is_some(),
        topology_config_map,
        unrequested: spec
            .template
            .spec
            .as_ref()
            .map_or_else(Vec::new, unrequested),
        highest_ordinal: spec
            .template
            .spec
            .as_ref()
            .and_then(highest_ordinal)
            .unwrap_or(names::DEFAULT_MAX_ORDINAL),
        service: spec.service_name.clone().unwrap_or_default(),
        deletes_claims: deletes_claims(spec),
        git_ops: git_ops(metadata),
    })
}

fn highest_ordinal(spec: &PodSpec) -> Option<u32> {
    let mut variables = spec
        .containers
        .iter()
        .flat_map(|it| it.env.iter().flatten());
    let variable = variables.find(|it| it.name == names::MAX_ORDINAL)?;
    variable.value.as_deref()?.trim().parse().ok()
}

/// Kubernetes keeps claims unless it is told otherwise (`whenScaled`; `whenDeleted` is about the
/// deletion of the StatefulSet itself).
fn deletes_claims(spec: &StatefulSetSpec) -> bool {
    let policy = spec.persistent_volume_claim_retention_policy.as_ref();
    policy.and_then(|it| it.when_scaled.as_deref()) == Some("Delete")
}

/// What the autoscaler's controller will miss (Kubernetes, `calculatePodRequests` in
/// `pkg/controller/podautoscaler/replica_calculator.go`): every container, and every init container
/// that stays, has to request the resource, unless the pod as a whole does. A limit counts as a
/// request, because the API server fills one in.
fn unrequested(spec: &PodSpec) -> Vec<Unrequested> {
    let asks = |resources: Option<&ResourceRequirements>, resource: &str| {
        resources.is_some_and(|it| {
            [&it.requests, &it.limits]
                .into_iter()
                .any(|map| map.as_ref().is_some_and(|map| map.contains_key(resource)))
        })
    };
    let sidecars = spec.init_containers.iter().flatten();
    let sidecars = sidecars.filter(|it| it.restart_policy.as_deref() == Some("Always"));
    let containers: Vec<_> = spec.containers.iter().chain(sidecars).collect();
    ["cpu", "memory"]
        .into_iter()
        .filter(|resource| !asks(spec.resources.as_ref(), resource))
        .flat_map(|resource| {
            containers
                .iter()
                .filter(move |it| !asks(it.resources.as_ref(), resource))
                .map(move |it| Unrequested {
                    container: it.name.clone(),
                    resource: resource.to_owned(),
                })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_when_scaled_says_that_a_scaled_away_pod_takes_its_claim_along() {
        let deletes = |policy: serde_json::Value| {
            let spec = json!({"persistentVolumeClaimRetentionPolicy": policy,
                "selector": {}, "serviceName": "x", "template": {}});
            deletes_claims(&serde_json::from_value(spec).expect("a spec"))
        };
        assert!(deletes(json!({"whenScaled": "Delete"})));
        assert!(!deletes(
            json!({"whenScaled": "Retain", "whenDeleted": "Delete"})
        ));
        assert!(!deletes(json!({"whenDeleted": "Delete"})));
        assert!(!deletes(json!(null)));
    }

    #[test]
    fn up_to_which_pod_the_others_ask_is_what_the_template_says() {
        let highest = |env: serde_json::Value| {
            let spec = json!({"containers": [{"name": "postgres", "env": env}]});
            highest_ordinal(&serde_json::from_value(spec).expect("a pod"))
        };
        let variable = |value: &str| json!([{"name": "PG_MAX_ORDINAL", "value": value}]);
        assert_eq!(highest(variable("19")), Some(19));
        assert_eq!(highest(variable("many")), None);
        assert_eq!(
            highest(json!([{"name": "PG_MAX_ORDINAL", "valueFrom": {}}])),
            None
        );
        assert_eq!(highest(json!([])), None);
    }

    #[test]
    fn a_container_without_a_request_is_named() {
        let spec: PodSpec = serde_json::from_value(json!({"containers": [
            {"name": "postgres", "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}}},
            {"name": "exporter", "resources": {"requests": {"memory": "1Mi"}}}],
            "initContainers": [{"name": "once"}, {"name": "sidecar", "restartPolicy": "Always"}]}))
        .expect("a pod");
        let found: Vec<String> = unrequested(&spec)
            .iter()
            .map(|it| format!("{} {}", it.container, it.resource))
            .collect();
        assert_eq!(found, ["exporter cpu", "sidecar cpu", "sidecar memory"]);
    }
}

//! StatefulSets.

use k8s_openapi::api::apps::v1::StatefulSet;

use super::git_ops;
use crate::cluster::StatefulSetFacts;
use crate::kubernetes::discovery::component_of;
use crate::kubernetes::labels;

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
        .and_then(|volumes| volumes.iter().find(|v| v.name == labels::TOPOLOGY_VOLUME))
        .and_then(|volume| volume.config_map.as_ref())
        .map(|source| source.name.clone());
    Some(StatefulSetFacts {
        name: metadata.name.clone()?,
        component: component_of(metadata)?,
        // The API server fills in 1 when it is left out.
        wanted: spec.replicas.map_or(1, |n| u32::try_from(n).unwrap_or(0)),
        existing: count(status.map(|status| status.replicas)),
        ready: count(status.and_then(|status| status.ready_replicas)),
        observed: status.and_then(|status| status.observed_generation) == metadata.generation,
        topology_aware: topology_config_map.is_some(),
        topology_config_map,
        service: spec.service_name.clone().unwrap_or_default(),
        git_ops: git_ops(metadata),
    })
}

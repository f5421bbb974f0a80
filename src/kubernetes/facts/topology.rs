//! The recorded intent: which pod is primary.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::ConfigMap;

use super::stateful_set_facts;
use crate::cluster::names::{
    TOPOLOGY_PRIMARY, TOPOLOGY_SYNCHRONOUS, TOPOLOGY_SYSTEM, TOPOLOGY_TERM, TOPOLOGY_UNPROVEN,
};
use crate::cluster::{Component, Topology, TopologySource};

/// The pods whose end is not proven, with their UIDs.
pub fn unproven(data: &BTreeMap<String, String>) -> BTreeMap<String, Vec<String>> {
    data.iter()
        .filter_map(|(key, value)| {
            let pod = key.strip_prefix(TOPOLOGY_UNPROVEN)?;
            let uids = value.split_whitespace().map(str::to_owned).collect();
            (!pod.is_empty()).then(|| (pod.to_owned(), uids))
        })
        .collect()
}

/// The topology: what the ConfigMap says, or the default when there is none.
///
/// # Errors
/// A sentence, when the ConfigMap is there and can't be read: to act on a guess could make a
/// second primary.
pub(crate) fn topology(
    sets: &[StatefulSet],
    config_map: Option<&ConfigMap>,
) -> Result<Topology, String> {
    let sets: Vec<_> = sets
        .iter()
        .filter_map(|set| Some((set, stateful_set_facts(set)?)))
        .collect();
    let default_primary = || {
        sets.iter()
            .find(|(_, facts)| facts.component == Component::Primary)
            .map(|(set, facts)| {
                let start = set
                    .spec
                    .as_ref()
                    .and_then(|spec| spec.ordinals.as_ref()?.start);
                format!("{}-{}", facts.name, start.unwrap_or(0))
            })
            .unwrap_or_default()
    };
    let unrecorded = |source| Topology {
        primary: default_primary(),
        term: 0,
        system_identifier: None,
        synchronous: None,
        unproven: BTreeMap::new(),
        source,
    };
    let Some(name) = sets
        .iter()
        .find_map(|(_, facts)| facts.topology_config_map.clone())
    else {
        return Ok(unrecorded(TopologySource::Unaware));
    };
    let Some(config_map) = config_map else {
        return Ok(unrecorded(TopologySource::Default { config_map: name }));
    };
    let value = |key: &str| {
        let value = config_map.data.as_ref()?.get(key)?.trim();
        (!value.is_empty()).then(|| value.to_owned())
    };
    let term = match value(TOPOLOGY_TERM) {
        None => 0,
        Some(text) => text.parse().map_err(|_| {
            format!("the ConfigMap {name} has a {TOPOLOGY_TERM} that is no number: {text:?}")
        })?,
    };
    let synchronous = match value(TOPOLOGY_SYNCHRONOUS) {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| {
            format!("the ConfigMap {name} has {TOPOLOGY_SYNCHRONOUS} that is no number: {text:?}")
        })?),
    };
    Ok(Topology {
        primary: value(TOPOLOGY_PRIMARY).unwrap_or_else(default_primary),
        term,
        system_identifier: value(TOPOLOGY_SYSTEM),
        synchronous,
        unproven: config_map.data.as_ref().map(unproven).unwrap_or_default(),
        source: TopologySource::Recorded {
            config_map: name,
            resource_version: config_map
                .metadata
                .resource_version
                .clone()
                .unwrap_or_default(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(volumes: serde_json::Value) -> Vec<StatefulSet> {
        let set = json!({
            "metadata": {"name": "s-postgres-primary",
                "labels": {"app.kubernetes.io/component": "primary"}},
            "spec": {"serviceName": "s", "selector": {}, "replicas": 1,
                "template": {"spec": {"containers": [], "volumes": volumes}}}});
        vec![serde_json::from_value(set).expect("a StatefulSet")]
    }

    fn aware() -> Vec<StatefulSet> {
        set(json!([{"name": "topology", "configMap": {"name": "s-topology", "optional": true}}]))
    }

    fn recorded(data: serde_json::Value) -> ConfigMap {
        serde_json::from_value(
            json!({"metadata": {"name": "s-topology", "resourceVersion": "7"},
            "data": data}),
        )
        .expect("a ConfigMap")
    }

    #[test]
    fn missing_means_pod_0_of_the_primary_set() {
        let topology = topology(&aware(), None).expect("fine");
        assert_eq!(
            (topology.primary.as_str(), topology.term),
            ("s-postgres-primary-0", 0)
        );
        assert_eq!(
            topology.source,
            TopologySource::Default {
                config_map: "s-topology".to_owned()
            }
        );
    }

    #[test]
    fn a_set_without_the_volume_does_not_read_it() {
        let topology = topology(&set(json!([])), None).expect("fine");
        assert_eq!(topology.source, TopologySource::Unaware);
    }

    #[test]
    fn the_config_map_says_who_since_when_and_of_which_system() {
        let map = recorded(json!({"primary": "s-postgres-replica-0\n", "term": "3",
            "system-identifier": "7300"}));
        let topology = topology(&aware(), Some(&map)).expect("fine");
        assert_eq!(topology.primary, "s-postgres-replica-0");
        assert_eq!(topology.term, 3);
        assert_eq!(topology.system_identifier.as_deref(), Some("7300"));
        assert_eq!(
            topology.source,
            TopologySource::Recorded {
                config_map: "s-topology".to_owned(),
                resource_version: "7".to_owned()
            }
        );
    }

    #[test]
    fn a_broken_term_is_an_error_and_not_a_guess() {
        let map = recorded(json!({"primary": "x", "term": "three"}));
        assert!(topology(&aware(), Some(&map)).is_err());
    }
}

//! From the objects of a cluster to facts.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt as _;

use super::discovery::component_of;
use super::facts::{
    autoscaler_facts, cpu_limit, memory_limit, pod_facts, service_facts, stateful_set_facts,
    topology, volume_facts,
};
use super::{Found, Kube, KubeError};
use crate::cluster::{
    Autoscaler, Component, PodFacts, ServiceFacts, StatefulSetFacts, Topology, VolumeFacts,
};

impl Found {
    /// The StatefulSets, primary first.
    pub fn stateful_set_facts(&self) -> Vec<StatefulSetFacts> {
        self.stateful_sets
            .iter()
            .filter_map(stateful_set_facts)
            .collect()
    }

    /// The pods, by component and ordinal.
    pub fn pod_facts(&self, nodes: &BTreeMap<String, bool>) -> Vec<PodFacts> {
        let mut pods: Vec<PodFacts> = self
            .pods
            .iter()
            .filter_map(|pod| {
                let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_ref());
                pod_facts(pod, node.and_then(|node| nodes.get(node)).copied())
            })
            .collect();
        pods.sort_by(|a, b| {
            (a.component, a.ordinal, &a.name).cmp(&(b.component, b.ordinal, &b.name))
        });
        pods
    }

    /// Memory limit of each pod's database container, in bytes; none without one.
    pub fn memory_limits(&self) -> BTreeMap<String, Option<u64>> {
        let pods = self.pods.iter();
        pods.map(|pod| (pod.name_any(), memory_limit(pod)))
            .collect()
    }

    /// CPU limit of a pod's database container, in cores; none without one.
    pub fn cpu_limit(&self, pod: &str) -> Option<f64> {
        let found = self.pods.iter().find(|it| it.name_any() == pod)?;
        cpu_limit(found)
    }

    /// The Services.
    pub fn service_facts(&self) -> Vec<ServiceFacts> {
        self.services
            .iter()
            .filter_map(|service| service_facts(service, &self.slices))
            .collect()
    }

    /// The autoscaler of the replicas; else that of the other StatefulSet.
    pub fn autoscaler_facts(&self) -> Option<Autoscaler> {
        let component = |autoscaler: &Autoscaler| {
            self.stateful_sets
                .iter()
                .find(|set| set.name_any() == autoscaler.target)
                .map(|set| component_of(&set.metadata))
        };
        let all: Vec<Autoscaler> = self
            .autoscalers
            .iter()
            .filter_map(autoscaler_facts)
            .collect();
        let mut chosen = all
            .iter()
            .filter_map(|autoscaler| Some((component(autoscaler)?, autoscaler)))
            .min_by_key(|(component, _)| *component != Some(Component::Replica))
            .map(|(_, autoscaler)| autoscaler.clone())?;
        chosen.rivals = all
            .into_iter()
            .filter(|it| it.target == chosen.target && it.name != chosen.name)
            .map(|it| it.name)
            .collect();
        Some(chosen)
    }

    /// The data volumes.
    pub fn volume_facts(&self) -> Vec<VolumeFacts> {
        let pods: Vec<&str> = self
            .pods
            .iter()
            .filter_map(|pod| pod.metadata.name.as_deref())
            .collect();
        self.claims
            .iter()
            .filter_map(|claim| volume_facts(claim, &self.stateful_sets, &pods))
            .collect()
    }

    /// Name of the ConfigMap that the start scripts read the topology from.
    pub fn topology_config_map(&self) -> Option<String> {
        self.stateful_set_facts()
            .into_iter()
            .find_map(|set| set.topology_config_map)
    }

    fn listed_config_map(&self, name: &str) -> Option<&ConfigMap> {
        self.config_maps.iter().find(|map| map.name_any() == name)
    }

    /// The topology as far as the lists tell: fit for an overview of many clusters.
    ///
    /// # Errors
    /// When it makes no sense.
    pub fn listed_topology(&self) -> Result<Topology, KubeError> {
        let name = self.topology_config_map().unwrap_or_default();
        topology(&self.stateful_sets, self.listed_config_map(&name))
            .map_err(|reason| unreadable(&name, reason))
    }
}

impl Kube {
    /// The topology of a cluster. To take a ConfigMap that only lacks a label for "none" could make a
    /// second primary.
    ///
    /// # Errors
    /// When it can't be read, or makes no sense.
    pub async fn topology(&self, found: &Found) -> Result<Topology, KubeError> {
        let Some(name) = found.topology_config_map() else {
            return topology(&found.stateful_sets, None).map_err(|reason| unreadable("", reason));
        };
        let config_map = self.config_map(found, &name).await?;
        topology(&found.stateful_sets, config_map.as_ref())
            .map_err(|reason| unreadable(&name, reason))
    }

    /// A ConfigMap of a cluster; none when it does not exist. One that the list by label did not bring is
    /// asked for by name.
    pub(super) async fn config_map(
        &self,
        found: &Found,
        name: &str,
    ) -> Result<Option<ConfigMap>, KubeError> {
        match found.listed_config_map(name) {
            Some(map) => Ok(Some(map.clone())),
            None => self.get(&found.id.namespace, name).await,
        }
    }
}

fn unreadable(name: &str, reason: String) -> KubeError {
    KubeError::Unexpected {
        doing: format!("reading the topology {name}"),
        reason,
    }
}

//! What is around clusters: what protects them, what may reach them, where they run.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyIngressRule, NetworkPolicyPort,
};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use k8s_openapi::serde::Serialize;
use kube::ResourceExt as _;
use kube::core::{Selector, SelectorExt as _};

use super::discovery::EVERYTHING;
use super::facts::{differences, pod_security};
use super::{Found, Kube, KubeError, NamespaceScope};
use crate::cluster::ObjectKind;
use crate::doctor::{AppliedSeen, Budget, Known, NodePlace, ObjectsSeen, PolicyFacts};

const ZONE: &str = "topology.kubernetes.io/zone";

/// Where PostgreSQL listens in every pod.
const DATABASE_PORT: i32 = 5432;

/// Up to this many nodes are asked for one by one; above it a list is cheaper.
const ONE_BY_ONE: usize = 8;

impl Kube {
    /// The objects around each of these clusters, in their order: one list of each kind, however many
    /// clusters there are. What can't be looked at says why.
    pub async fn surroundings(&self, place: &NamespaceScope, found: &[Found]) -> Vec<ObjectsSeen> {
        let pods = || found.iter().flat_map(|it| &it.pods);
        let (budgets, policies, nodes) = futures::join!(
            self.all::<PodDisruptionBudget>(place, EVERYTHING, "policy", "poddisruptionbudgets"),
            self.all::<NetworkPolicy>(place, EVERYTHING, "networking.k8s.io", "networkpolicies"),
            self.places(pods()),
        );
        let said = |error: KubeError| error.to_string();
        let (budgets, policies, nodes) = (
            budgets.map_err(said),
            policies.map_err(said),
            nodes.map_err(said),
        );
        let seen = found
            .iter()
            .map(|found| around(found, &budgets, &policies, &nodes));
        seen.collect()
    }

    /// Where the nodes of the pods are. A node that is gone is nowhere.
    async fn places(
        &self,
        pods: impl Iterator<Item = &Pod>,
    ) -> Result<BTreeMap<String, NodePlace>, KubeError> {
        let names: BTreeSet<&str> = pods.filter_map(node_of).collect();
        let nodes: Vec<Node> = match names.len() > ONE_BY_ONE {
            true => self.nodes().await?,
            false => {
                let asked = try_join_all(names.iter().map(|name| self.node(name)));
                asked.await?.into_iter().flatten().collect()
            }
        };
        let zones = nodes.iter().filter_map(|node| {
            let zone = node.labels().get(ZONE).cloned()?;
            Some((node.name_any(), zone))
        });
        let zones: BTreeMap<String, String> = zones.collect();
        let place = |name: &str| NodePlace {
            zone: zones.get(name).cloned(),
        };
        let places = names.into_iter().map(|name| (name.to_owned(), place(name)));
        Ok(places.collect())
    }
}

fn node_of(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref()
}

/// What of all that was listed is around one cluster.
fn around(
    found: &Found,
    budgets: &Known<Vec<PodDisruptionBudget>>,
    policies: &Known<Vec<NetworkPolicy>>,
    nodes: &Known<BTreeMap<String, NodePlace>>,
) -> ObjectsSeen {
    let namespace = Some(found.id.namespace.as_str());
    let budgets = budgets.as_ref().map_err(String::clone).map(|budgets| {
        let here = budgets.iter();
        here.filter(|it| it.metadata.namespace.as_deref() == namespace)
            .map(|it| budget(it, &found.pods))
            .collect()
    });
    let policies = policies.as_ref().map_err(String::clone).map(|policies| {
        let here = policies.iter();
        here.filter(|it| it.metadata.namespace.as_deref() == namespace)
            .filter_map(|it| policy(it, &found.pods))
            .collect()
    });
    let nodes = nodes.as_ref().map_err(String::clone).map(|nodes| {
        let names = found.pods.iter().filter_map(node_of);
        names
            .filter_map(|name| Some((name.to_owned(), nodes.get(name)?.clone())))
            .collect()
    });
    ObjectsSeen {
        budgets,
        policies,
        nodes,
        security: Ok(found.pods.iter().filter_map(pod_security).collect()),
        memory_limits: found.memory_limits(),
        applied: Ok(applied(found)),
    }
}

/// What of a cluster is not as it was applied.
fn applied(found: &Found) -> AppliedSeen {
    let unseen = found
        .unseen
        .iter()
        .filter(|it| matches!(it.what, ObjectKind::Services | ObjectKind::Autoscalers));
    let mut seen = AppliedSeen {
        unseen: unseen.cloned().collect(),
        ..AppliedSeen::default()
    };
    note_applied("statefulset", &found.stateful_sets, &mut seen);
    note_applied("service", &found.services, &mut seen);
    note_applied("hpa", &found.autoscalers, &mut seen);
    seen
}

fn note_applied<K: kube::Resource<DynamicType = ()> + Serialize>(
    kind: &str,
    objects: &[K],
    seen: &mut AppliedSeen,
) {
    for object in objects {
        match differences(kind, object) {
            Some(found) => seen.differences.extend(found),
            None => seen
                .unrecorded
                .push(format!("{kind}/{}", object.name_any())),
        }
    }
}

/// Names of the pods that a selector fits. One without anything in it fits all; one that makes no
/// sense fits none.
pub(super) fn selected(selector: Option<&LabelSelector>, pods: &[Pod]) -> BTreeSet<String> {
    let Some(Ok(selector)) = selector.cloned().map(Selector::try_from) else {
        return BTreeSet::new();
    };
    let fits = pods.iter().filter(|pod| selector.matches(pod.labels()));
    fits.map(|pod| pod.name_any()).collect()
}

fn budget(budget: &PodDisruptionBudget, pods: &[Pod]) -> Budget {
    let selector = budget.spec.as_ref().and_then(|it| it.selector.as_ref());
    Budget {
        name: budget.name_any(),
        pods: selected(selector, pods),
    }
}

/// None of one that is not about what comes in.
fn policy(policy: &NetworkPolicy, pods: &[Pod]) -> Option<PolicyFacts> {
    let spec = policy.spec.as_ref()?;
    let types = spec.policy_types.as_deref().unwrap_or_default();
    if !types.is_empty() && !types.iter().any(|it| it == "Ingress") {
        return None;
    }
    // Not there, or empty: every pod.
    let every = LabelSelector::default();
    let selector = spec.pod_selector.as_ref().unwrap_or(&every);
    let selected = selected(Some(selector), pods);
    let covered: Vec<&Pod> = pods
        .iter()
        .filter(|it| selected.contains(&it.name_any()))
        .collect();
    let mut rules = spec.ingress.iter().flatten();
    Some(PolicyFacts {
        name: policy.name_any(),
        open: rules.any(|it| reaches_database(it, &covered) && is_for_everybody(it)),
        pods: selected,
    })
}

/// Whether a rule is about the port of the database. Without ports it is about all of them.
fn reaches_database(rule: &NetworkPolicyIngressRule, pods: &[&Pod]) -> bool {
    let ports = rule.ports.as_deref().unwrap_or_default();
    ports.is_empty() || ports.iter().any(|it| is_of_database(it, pods))
}

fn is_of_database(port: &NetworkPolicyPort, pods: &[&Pod]) -> bool {
    if port.protocol.as_deref().is_some_and(|it| it != "TCP") {
        return false;
    }
    match (&port.port, port.end_port) {
        (None, _) => true,
        (Some(IntOrString::Int(first)), last) => {
            (*first..=last.unwrap_or(*first)).contains(&DATABASE_PORT)
        }
        (Some(IntOrString::String(name)), _) => pods.iter().any(|pod| {
            let containers = pod.spec.iter().flat_map(|it| &it.containers);
            let mut ports = containers.flat_map(|it| it.ports.iter().flatten());
            ports.any(|it| it.name.as_ref() == Some(name) && it.container_port == DATABASE_PORT)
        }),
    }
}

/// Whether a rule names nobody, or one of those that it names is everybody.
fn is_for_everybody(rule: &NetworkPolicyIngressRule) -> bool {
    let from = rule.from.as_deref().unwrap_or_default();
    let every = |it: &LabelSelector| {
        it.match_labels.as_ref().is_none_or(BTreeMap::is_empty)
            && it.match_expressions.as_ref().is_none_or(Vec::is_empty)
    };
    from.is_empty()
        || from.iter().any(|peer| match &peer.ip_block {
            Some(block) => {
                let excepted = block.except.as_deref().unwrap_or_default();
                block.cidr.ends_with("/0") && excepted.is_empty()
            }
            None => {
                peer.namespace_selector.as_ref().is_some_and(every)
                    && peer.pod_selector.as_ref().is_none_or(every)
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pods() -> Vec<Pod> {
        let pod = json!({"metadata": {"name": "pg-0", "labels": {"app": "pg"}}, "spec": {"containers": [
            {"name": "postgres", "ports": [{"name": "postgres", "containerPort": 5432}]},
            {"name": "exporter", "ports": [{"name": "metrics", "containerPort": 9187}]}]}});
        vec![serde_json::from_value(pod).expect("a Pod")]
    }

    fn seen(spec: serde_json::Value) -> Option<PolicyFacts> {
        let object = json!({"metadata": {"name": "p"}, "spec": spec});
        policy(
            &serde_json::from_value(object).expect("a NetworkPolicy"),
            &pods(),
        )
    }

    #[test]
    fn a_policy_covers_the_pods_that_it_selects() {
        let one = seen(json!({"podSelector": {"matchLabels": {"app": "pg"}}})).expect("one");
        assert!(one.pods.contains("pg-0") && !one.open);
        let every = seen(json!({"podSelector": {}})).expect("one");
        assert!(every.pods.contains("pg-0"));
        let other = seen(json!({"podSelector": {"matchLabels": {"app": "web"}}})).expect("one");
        assert!(other.pods.is_empty());
    }

    fn open(rule: serde_json::Value) -> bool {
        let seen = seen(json!({"podSelector": {}, "ingress": [rule]}));
        seen.expect("one").open
    }

    #[test]
    fn a_rule_for_everybody_is_open() {
        for from in [
            json!([]),
            json!([{"namespaceSelector": {}}]),
            json!([{"namespaceSelector": {}, "podSelector": {}}]),
            json!([{"podSelector": {"matchLabels": {"app": "web"}}}, {"ipBlock": {"cidr": "0.0.0.0/0"}}]),
            json!([{"ipBlock": {"cidr": "::/0"}}]),
        ] {
            assert!(open(json!({"from": from})), "{from}");
        }
        assert!(open(json!({})));
        for from in [
            json!([{"podSelector": {}}]),
            json!([{"namespaceSelector": {"matchLabels": {"team": "shop"}}}]),
            json!([{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "web"}}}]),
            json!([{"ipBlock": {"cidr": "10.0.0.0/8"}}]),
            json!([{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}]),
        ] {
            assert!(!open(json!({"from": from})), "{from}");
        }
    }

    #[test]
    fn a_rule_counts_when_it_is_about_the_database() {
        for ports in [
            json!([]),
            json!([{"port": 5432}]),
            json!([{"port": "metrics"}, {"port": "postgres"}]),
            json!([{"port": 5000, "endPort": 6000}]),
            json!([{"protocol": "TCP"}]),
        ] {
            assert!(open(json!({"ports": ports})), "{ports}");
        }
        for ports in [
            json!([{"port": 9187}]),
            json!([{"port": "metrics"}]),
            json!([{"port": "other"}]),
            json!([{"port": 5000, "endPort": 5431}]),
            json!([{"port": 5432, "protocol": "UDP"}]),
        ] {
            assert!(!open(json!({"ports": ports})), "{ports}");
        }
    }

    #[test]
    fn a_policy_for_what_goes_out_says_nothing_of_what_comes_in() {
        assert_eq!(
            seen(json!({"podSelector": {}, "policyTypes": ["Egress"]})),
            None
        );
    }
}

//! What is around a cluster: what protects it, what may reach it, where it runs.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::ResourceExt as _;
use kube::core::{Selector, SelectorExt as _};

use super::facts::{differences, memory_limit, pod_security};
use super::{Found, Kube, KubeError, NamespaceScope};
use crate::doctor::{Budget, NodePlace, ObjectsSeen, PolicyFacts};

const ZONE: &str = "topology.kubernetes.io/zone";

impl Kube {
    /// The objects around a cluster. What can't be looked at says why.
    pub async fn surroundings(&self, found: &Found) -> ObjectsSeen {
        let place = NamespaceScope::Namespace(found.id.namespace.clone());
        let budgets = async {
            let budgets: Vec<PodDisruptionBudget> = self
                .all(&place, "", "policy", "poddisruptionbudgets")
                .await?;
            Ok::<_, KubeError>(budgets.iter().map(|it| budget(it, &found.pods)).collect())
        };
        let policies = async {
            let policies: Vec<NetworkPolicy> = self
                .all(&place, "", "networking.k8s.io", "networkpolicies")
                .await?;
            Ok::<_, KubeError>(
                policies
                    .iter()
                    .filter_map(|it| policy(it, &found.pods))
                    .collect(),
            )
        };
        let (budgets, policies, nodes) =
            futures::join!(budgets, policies, self.places(&found.pods));
        let said = |error: KubeError| error.to_string();
        let mut differs = Vec::new();
        differs.extend(
            found
                .stateful_sets
                .iter()
                .flat_map(|it| differences("statefulset", it)),
        );
        differs.extend(
            found
                .services
                .iter()
                .flat_map(|it| differences("service", it)),
        );
        differs.extend(
            found
                .autoscalers
                .iter()
                .flat_map(|it| differences("hpa", it)),
        );
        ObjectsSeen {
            budgets: budgets.map_err(said),
            policies: policies.map_err(said),
            nodes: nodes.map_err(said),
            security: found.pods.iter().filter_map(pod_security).collect(),
            memory_limits: found
                .pods
                .iter()
                .map(|pod| (pod.name_any(), memory_limit(pod)))
                .collect(),
            differences: differs,
        }
    }

    /// Where the nodes of the pods are. A node that is gone is nowhere.
    async fn places(&self, pods: &[Pod]) -> Result<BTreeMap<String, NodePlace>, KubeError> {
        let names: BTreeSet<&str> = pods
            .iter()
            .filter_map(|pod| pod.spec.as_ref()?.node_name.as_deref())
            .collect();
        let places = names.into_iter().map(async |name| {
            let node = self.node(name).await?;
            let zone = node.and_then(|it| it.labels().get(ZONE).cloned());
            Ok::<_, KubeError>((name.to_owned(), NodePlace { zone }))
        });
        Ok(try_join_all(places).await?.into_iter().collect())
    }
}

/// Names of the pods that a selector fits. One without anything in it fits all; one that makes no
/// sense fits none.
fn selected(selector: Option<&LabelSelector>, pods: &[Pod]) -> BTreeSet<String> {
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
    Some(PolicyFacts {
        name: policy.name_any(),
        pods: selected(Some(selector), pods),
        open: spec
            .ingress
            .iter()
            .flatten()
            .any(|rule| rule.from.as_deref().unwrap_or_default().is_empty()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pods() -> Vec<Pod> {
        let pod = json!({"metadata": {"name": "pg-0", "labels": {"app": "pg"}}});
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

    #[test]
    fn a_rule_without_a_source_is_open() {
        let open = seen(json!({"podSelector": {}, "ingress": [{"ports": [{"port": 5432}]}]}));
        assert!(open.expect("one").open);
        let closed = seen(json!({"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}]}));
        assert!(!closed.expect("one").open);
    }

    #[test]
    fn a_policy_for_what_goes_out_says_nothing_of_what_comes_in() {
        assert_eq!(
            seen(json!({"podSelector": {}, "policyTypes": ["Egress"]})),
            None
        );
    }
}

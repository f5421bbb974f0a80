//! What it takes to empty a node.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    Node, NodeSelectorRequirement, NodeSelectorTerm, PersistentVolume, PersistentVolumeClaim, Pod,
    Taint, Toleration,
};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::{Selector, SelectorExt as _, Status};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use super::discovery::EVERYTHING;
use super::facts::node_ready;
use super::other_pods::others;
use super::surroundings::selected;
use super::{Call, Kube, KubeError, NamespaceScope, Verb};
use crate::cluster::{Component, Snapshot};
use crate::plan::DrainedNode;

/// The label by which a volume's terms name a node when they go by its name.
const HOSTNAME: &str = "metadata.name";

impl Kube {
    /// What is known of a node that the pods of a cluster are to leave.
    ///
    /// # Errors
    /// When the nodes or the disruption budgets may not be listed, or the API does not answer.
    pub async fn drained_node(
        &self,
        snapshot: &Snapshot,
        node: &str,
    ) -> Result<DrainedNode, KubeError> {
        let namespace = &snapshot.cluster.namespace;
        let place = NamespaceScope::Namespace(namespace.clone());
        let cordon = Call::new(Verb::Patch, "", "nodes").named(node);
        let evict = Call::new(Verb::Create, "", "pods/eviction").within(namespace);
        let asked = [cordon.clone(), evict.clone()];
        let (nodes, budgets, pods, missing) = futures::join!(
            self.nodes(),
            self.all::<PodDisruptionBudget>(&place, EVERYTHING, "policy", "poddisruptionbudgets"),
            self.all::<Pod>(&place, EVERYTHING, "", "pods"),
            self.not_allowed(&asked),
        );
        let (nodes, budgets, pods, missing) = (nodes?, budgets?, pods?, missing?);
        let its_pods: BTreeSet<&str> = snapshot
            .instances
            .iter()
            .filter(|it| it.pod.node.as_deref() == Some(node))
            .map(|it| it.name())
            .collect();
        let leaving = pods.iter();
        let leaving = leaving.filter(|pod| its_pods.contains(pod.name_any().as_str()));
        let leaving: Vec<&Pod> = leaving.collect();
        let takers = nodes
            .iter()
            .filter(|it| takes_pods(it, node) && leaving.iter().all(|pod| tolerates_all(pod, it)));
        let takers: Vec<&Node> = takers.collect();
        let (bound, volumes_unseen) = match self.bound_volumes(snapshot, &its_pods, &takers).await {
            Ok(bound) => (bound, None),
            Err(error) => (BTreeMap::new(), Some(error.to_string())),
        };
        Ok(DrainedNode {
            known: nodes.iter().map(Node::name_any).collect(),
            cordoned: nodes
                .iter()
                .any(|it| it.name_any() == node && is_cordoned(it)),
            may_cordon: !missing.contains(&&cordon),
            may_evict: !missing.contains(&&evict),
            others: takers.iter().map(|it| it.name_any()).collect(),
            bound,
            volumes_unseen,
            never_evicted: never_evicted(&budgets, &pods, snapshot),
            other_pods: others(&budgets, &pods, snapshot),
        })
    }

    /// Of these pods those whose volume none of these nodes can use, and its claim.
    async fn bound_volumes(
        &self,
        snapshot: &Snapshot,
        pods: &BTreeSet<&str>,
        nodes: &[&Node],
    ) -> Result<BTreeMap<String, String>, KubeError> {
        let namespace = &snapshot.cluster.namespace;
        let api: Api<PersistentVolume> = Api::all(self.client());
        let mut bound = BTreeMap::new();
        for volume in snapshot
            .volumes
            .iter()
            .filter(|it| pods.contains(it.pod.as_str()))
        {
            let claim: Option<PersistentVolumeClaim> = self.get(namespace, &volume.claim).await?;
            let Some(name) = claim.and_then(|it| it.spec?.volume_name) else {
                continue;
            };
            let call = Call::new(Verb::Get, "", "persistentvolumes").named(&name);
            let found = self.read(&call, || api.get(&name)).await?;
            if !nodes.iter().any(|node| reaches(node, &found)) {
                bound.insert(volume.pod.clone(), volume.claim.clone());
            }
        }
        Ok(bound)
    }

    /// Keeps new pods from a node, as `kubectl cordon` does.
    ///
    /// # Errors
    /// When it is gone, or the API refuses.
    pub async fn cordon(&self, node: &str) -> Result<(), KubeError> {
        let api: Api<Node> = Api::all(self.client());
        let call = Call::new(Verb::Patch, "", "nodes").named(node);
        let body = json!({"spec": {"unschedulable": true}});
        let (params, patch) = (PatchParams::default(), Patch::Strategic(&body));
        let patched = self.write(&call, || api.patch(node, &params, &patch)).await;
        patched.map(drop)
    }

    /// Whether new pods are kept from a node.
    ///
    /// # Errors
    /// When it may not be read, or the API does not answer.
    pub async fn is_cordoned(&self, node: &str) -> Result<bool, KubeError> {
        Ok(self.node(node).await?.is_some_and(|it| is_cordoned(&it)))
    }

    /// Evicts the pod with this UID, with its own grace period. One that is gone needs nothing. It is asked once: that a
    /// budget says no is an answer, which may be another one in a while.
    ///
    /// # Errors
    /// A conflict when the pod of this name is another one by now; the words of a budget that does not let it go; or the
    /// API refuses.
    pub async fn evict_pod(&self, namespace: &str, pod: &str, uid: &str) -> Result<(), KubeError> {
        let api: Api<Pod> = Api::namespaced(self.client(), namespace);
        let call = Call::new(Verb::Create, "", "pods/eviction")
            .named(pod)
            .within(namespace);
        // `Api::evict` of kube 5.0 calls the field `delete_options`, which the API server drops.
        let body = json!({
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod, "namespace": namespace},
            "deleteOptions": {"preconditions": {"uid": uid}},
        });
        let params = PostParams::default();
        let evicting = api.create_subresource::<_, Status>("eviction", pod, &params, &body);
        match self.once(&call, evicting).await {
            Ok(_) | Err(KubeError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn is_cordoned(node: &Node) -> bool {
    let spec = node.spec.as_ref();
    spec.is_some_and(|it| it.unschedulable == Some(true))
}

/// Whether pods can go to this node, which is another than the one that they leave.
fn takes_pods(node: &Node, leaving: &str) -> bool {
    node.name_any() != leaving && !is_cordoned(node) && node_ready(node) == Some(true)
}

/// Whether a pod tolerates every taint of a node that keeps pods away (`ToleratesTaint` in
/// `k8s.io/component-helpers/scheduling/corev1`).
fn tolerates_all(pod: &Pod, node: &Node) -> bool {
    let taints = node.spec.iter().flat_map(|it| it.taints.iter().flatten());
    let mut strict = taints.filter(|it| it.effect != "PreferNoSchedule");
    let tolerations = pod.spec.as_ref().and_then(|it| it.tolerations.as_deref());
    let tolerations = tolerations.unwrap_or_default();
    strict.all(|taint| tolerations.iter().any(|it| tolerates(it, taint)))
}

fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let is = |wanted: &Option<String>, found: &str| {
        let wanted = wanted.as_deref().unwrap_or_default();
        wanted.is_empty() || wanted == found
    };
    let text = |it: &Option<String>| it.clone().unwrap_or_default();
    let value = toleration.operator.as_deref() == Some("Exists")
        || text(&toleration.value) == text(&taint.value);
    is(&toleration.effect, &taint.effect) && is(&toleration.key, &taint.key) && value
}

/// Whether a volume can be used on a node (`spec.nodeAffinity`): everywhere, when it does not say.
fn reaches(node: &Node, volume: &PersistentVolume) -> bool {
    let affinity = volume
        .spec
        .as_ref()
        .and_then(|it| it.node_affinity.as_ref());
    let Some(required) = affinity.and_then(|it| it.required.as_ref()) else {
        return true;
    };
    let mut terms = required.node_selector_terms.iter();
    terms.any(|term| fits(term, node))
}

/// As `k8s.io/component-helpers/scheduling/corev1/nodeaffinity` decides: every requirement of a term has to hold, and an
/// empty term fits nothing. What compares numbers (`Gt`, `Lt`) is taken to hold.
fn fits(term: &NodeSelectorTerm, node: &Node) -> bool {
    let name = BTreeMap::from([(HOSTNAME.to_owned(), node.name_any())]);
    let labels = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    let holds = |requirements: &[NodeSelectorRequirement], of: &BTreeMap<String, String>| {
        let compared = requirements
            .iter()
            .filter(|it| !matches!(it.operator.as_str(), "Gt" | "Lt"))
            .map(|it| LabelSelectorRequirement {
                key: it.key.clone(),
                operator: it.operator.clone(),
                values: it.values.clone(),
            });
        let selector = LabelSelector {
            match_expressions: Some(compared.collect()),
            match_labels: None,
        };
        Selector::try_from(selector).is_ok_and(|it| it.matches(of))
    };
    (!labels.is_empty() || !fields.is_empty())
        && holds(labels, node.labels())
        && holds(fields, &name)
}

/// Pods whose budget guards the place of the primary: it selects pods of the primary's StatefulSet and no others, and by its
/// own words none of them may ever be away. Any other budget that says so means what it says.
fn never_evicted(
    budgets: &[PodDisruptionBudget],
    pods: &[Pod],
    snapshot: &Snapshot,
) -> BTreeMap<String, String> {
    let of_primary_set = |pod: &String| {
        let instance = snapshot.instance(pod);
        instance.is_some_and(|it| it.pod.component == Component::Primary)
    };
    let strict = budgets
        .iter()
        .filter_map(|it| Some((it, it.spec.as_ref()?)));
    strict
        .filter(|(_, spec)| lets_none_go(spec))
        .map(|(budget, spec)| (budget.name_any(), selected(spec.selector.as_ref(), pods)))
        .filter(|(_, pods)| pods.iter().all(of_primary_set))
        .flat_map(|(budget, pods)| pods.into_iter().map(move |pod| (pod, budget.clone())))
        .collect()
}

fn lets_none_go(spec: &PodDisruptionBudgetSpec) -> bool {
    let is = |number: &Option<IntOrString>, value: i32, percent: &str| match number {
        Some(IntOrString::Int(number)) => *number == value,
        Some(IntOrString::String(text)) => text == percent,
        None => false,
    };
    is(&spec.max_unavailable, 0, "0%") || is(&spec.min_available, i32::MAX, "100%")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::fixture::{PRIMARY, healthy, replica};

    fn node(name: &str, labels: serde_json::Value) -> Node {
        let ready = json!([{"type": "Ready", "status": "True"}]);
        let node = json!({
            "metadata": {"name": name, "labels": labels},
            "status": {"conditions": ready},
        });
        serde_json::from_value(node).expect("a Node")
    }

    fn volume(terms: serde_json::Value) -> PersistentVolume {
        let spec = json!({"nodeAffinity": {"required": {"nodeSelectorTerms": terms}}});
        serde_json::from_value(json!({"metadata": {"name": "pv"}, "spec": spec})).expect("a volume")
    }

    fn budget(spec: serde_json::Value) -> PodDisruptionBudget {
        let budget = json!({"metadata": {"name": "b"}, "spec": spec});
        serde_json::from_value(budget).expect("a budget")
    }

    #[test]
    fn a_volume_is_where_its_terms_say_and_everywhere_without_any() {
        let a = node("a", json!({"zone": "one", "kubernetes.io/hostname": "a"}));
        let local = |name: &str| {
            json!({"matchExpressions": [
                {"key": "kubernetes.io/hostname", "operator": "In", "values": [name]},
            ]})
        };
        let by_field = json!({"matchFields": [
            {"key": "metadata.name", "operator": "In", "values": ["a"]},
        ]});
        let newer = json!({"matchExpressions": [
            {"key": "generation", "operator": "Gt", "values": ["2"]},
            {"key": "zone", "operator": "In", "values": ["one"]},
        ]});
        for (terms, fits) in [
            (json!([local("a")]), true),
            (json!([local("b")]), false),
            (json!([local("b"), local("a")]), true),
            (json!([by_field]), true),
            (json!([newer]), true),
            (json!([{}]), false),
            (json!([]), false),
            (
                json!([{"matchExpressions": [{"key": "zone", "operator": "Exists"}]}]),
                true,
            ),
            (
                json!([{"matchExpressions": [{"key": "zone", "operator": "DoesNotExist"}]}]),
                false,
            ),
        ] {
            assert_eq!(reaches(&a, &volume(terms.clone())), fits, "{terms}");
        }
        let anywhere = json!({"metadata": {"name": "pv"}, "spec": {}});
        let anywhere = serde_json::from_value(anywhere).expect("a volume");
        assert!(reaches(&a, &anywhere));
    }

    #[test]
    fn only_the_budget_that_guards_the_primarys_place_is_one_that_nobody_waits_for() {
        let snapshot = healthy(1);
        let pod = |name: &str, set: &str| {
            let labels = json!({"app": "pg", "set": set});
            let pod = json!({"metadata": {"name": name, "labels": labels}});
            serde_json::from_value(pod).expect("a Pod")
        };
        let pods = vec![pod(PRIMARY, "primary"), pod(&replica(0), "replica")];
        let selector = json!({"matchLabels": {"set": "primary"}});
        for (spec, never) in [
            (json!({"maxUnavailable": 0, "selector": selector}), true),
            (json!({"maxUnavailable": "0%", "selector": selector}), true),
            (json!({"minAvailable": "100%", "selector": selector}), true),
            (json!({"maxUnavailable": 1, "selector": selector}), false),
            (json!({"minAvailable": 1, "selector": selector}), false),
            (
                json!({"maxUnavailable": 0, "selector": {"matchLabels": {"app": "x"}}}),
                false,
            ),
        ] {
            let found = never_evicted(&[budget(spec.clone())], &pods, &snapshot);
            assert_eq!(found.contains_key(PRIMARY), never, "{spec}");
        }
        // One that means what it says: of all pods, and of the replicas.
        for labels in [json!({"app": "pg"}), json!({"set": "replica"})] {
            let spec = json!({"maxUnavailable": 0, "selector": {"matchLabels": labels}});
            let found = never_evicted(&[budget(spec.clone())], &pods, &snapshot);
            assert!(found.is_empty(), "{spec}: {found:?}");
        }
    }

    #[test]
    fn a_taint_keeps_away_whoever_does_not_tolerate_it() {
        let tainted = |effect: &str| {
            let mut node = node("a", json!({}));
            node.spec.get_or_insert_default().taints = Some(vec![Taint {
                key: "role".to_owned(),
                value: Some("control".to_owned()),
                effect: effect.to_owned(),
                time_added: None,
            }]);
            node
        };
        let pod = |tolerations: serde_json::Value| {
            let pod = json!({"spec": {"containers": [], "tolerations": tolerations}});
            serde_json::from_value::<Pod>(pod).expect("a Pod")
        };
        let same = json!({"key": "role", "operator": "Equal", "value": "control"});
        for (tolerations, tolerated) in [
            (json!([]), false),
            (json!([same]), true),
            (json!([{"key": "role", "value": "other"}]), false),
            (json!([{"key": "role", "operator": "Exists"}]), true),
            (json!([{"operator": "Exists"}]), true),
            (
                json!([{"key": "role", "operator": "Exists", "effect": "NoExecute"}]),
                false,
            ),
        ] {
            let found = tolerates_all(&pod(tolerations.clone()), &tainted("NoSchedule"));
            assert_eq!(found, tolerated, "{tolerations}");
        }
        assert!(tolerates_all(&pod(json!([])), &tainted("PreferNoSchedule")));
    }

    #[test]
    fn pods_go_to_nodes_that_are_ready_and_not_cordoned() {
        let here = node("a", json!({}));
        assert!(takes_pods(&here, "b"));
        assert!(!takes_pods(&here, "a"));
        let mut cordoned = here.clone();
        cordoned.spec.get_or_insert_default().unschedulable = Some(true);
        assert!(!takes_pods(&cordoned, "b"));
        let silent = Node {
            status: None,
            ..here
        };
        assert!(!takes_pods(&silent, "b"));
    }
}

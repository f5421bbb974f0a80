//! The pods of a cluster that are none of its servers: poolers, the WAL archiver, backups, monitoring, throw-away servers.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::ResourceExt as _;

use super::containers::belongs;
use super::discovery::EVERYTHING;
use super::surroundings::selected;
use super::{Kube, KubeError, NamespaceScope};
use crate::cluster::{PoolerPurpose, Snapshot, names};
use crate::plan::{BudgetNow, OtherPod, OtherPodKind};

impl Kube {
    /// The pods of a cluster that are none of its servers and have not ended, on every node.
    ///
    /// # Errors
    /// When pods or disruption budgets may not be listed, or the API does not answer.
    pub async fn other_pods(&self, snapshot: &Snapshot) -> Result<Vec<OtherPod>, KubeError> {
        let place = NamespaceScope::Namespace(snapshot.cluster.namespace.clone());
        let (budgets, pods) = futures::join!(
            self.all::<PodDisruptionBudget>(&place, EVERYTHING, "policy", "poddisruptionbudgets"),
            self.all::<Pod>(&place, EVERYTHING, "", "pods"),
        );
        Ok(others(&budgets?, &pods?, snapshot))
    }
}

/// Of all pods and budgets of the namespace.
pub(super) fn others(
    budgets: &[PodDisruptionBudget],
    pods: &[Pod],
    snapshot: &Snapshot,
) -> Vec<OtherPod> {
    let mut found: Vec<OtherPod> = pods
        .iter()
        .filter(|pod| belongs(pod, &snapshot.cluster) && !has_ended(pod))
        .filter(|pod| snapshot.instance(&pod.name_any()).is_none())
        .map(|pod| facts(pod, budgets))
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|it| it.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

fn facts(pod: &Pod, budgets: &[PodDisruptionBudget]) -> OtherPod {
    let conditions = pod.status.iter().flat_map(|it| it.conditions.iter());
    let mut conditions = conditions.flatten();
    OtherPod {
        name: pod.name_any(),
        kind: kind(pod),
        node: pod.spec.as_ref().and_then(|it| it.node_name.clone()),
        ready: conditions.any(|it| it.type_ == "Ready" && it.status == "True"),
        leaving: pod.metadata.deletion_timestamp.is_some(),
        made_anew: pod
            .owner_references()
            .iter()
            .any(|it| it.controller == Some(true)),
        deployment: deployment(pod),
        budget: budget(pod, budgets),
    }
}

fn kind(pod: &Pod) -> OtherPodKind {
    let label = |name: &str| pod.labels().get(name).map(String::as_str);
    if let Some(name) = label(names::THROW_AWAY) {
        return OtherPodKind::ThrowAway(name.to_owned());
    }
    match label(names::COMPONENT) {
        Some(names::POOLER_WRITE) => OtherPodKind::Pooler(PoolerPurpose::Write),
        Some(names::POOLER_READ) => OtherPodKind::Pooler(PoolerPurpose::Read),
        Some("wal-archive") => OtherPodKind::WalArchive,
        Some("backup") => OtherPodKind::Backup,
        Some("monitoring") => OtherPodKind::Monitoring,
        _ => OtherPodKind::Other,
    }
}

/// A Deployment calls its ReplicaSets by its own name and the hash that they give their pods as a label.
fn deployment(pod: &Pod) -> Option<String> {
    let set = pod
        .owner_references()
        .iter()
        .find(|it| it.kind == "ReplicaSet")?;
    let hash = pod.labels().get("pod-template-hash")?;
    let name = set.name.strip_suffix(hash.as_str())?.strip_suffix('-')?;
    Some(name.to_owned())
}

fn budget(pod: &Pod, budgets: &[PodDisruptionBudget]) -> Option<BudgetNow> {
    let covering = budgets.iter().filter(|it| {
        let selector = it.spec.as_ref().and_then(|it| it.selector.as_ref());
        !selected(selector, std::slice::from_ref(pod)).is_empty()
    });
    covering
        .map(|it| BudgetNow {
            name: it.name_any(),
            allowed: it.status.as_ref().map_or(0, |it| it.disruptions_allowed),
        })
        .min_by_key(|it| it.allowed)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cluster::fixture::{PRIMARY, healthy};

    fn pod(name: &str, labels: Value, owner: Option<(&str, &str)>) -> Pod {
        let owners: Vec<Value> = owner
            .into_iter()
            .map(|(kind, name)| {
                json!({"apiVersion": "v1", "kind": kind, "name": name, "uid": "u", "controller": true})
            })
            .collect();
        let pod = json!({
            "metadata": {
                "name": name, "namespace": "staging", "labels": labels, "ownerReferences": owners,
            },
            "spec": {"containers": [], "nodeName": "worker-1"},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        });
        serde_json::from_value(pod).expect("a Pod")
    }

    fn budget(name: &str, component: &str, allowed: i32) -> PodDisruptionBudget {
        let labels = json!({names::COMPONENT: component});
        let budget = json!({
            "metadata": {"name": name},
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels}},
            "status": {"disruptionsAllowed": allowed, "currentHealthy": 1, "desiredHealthy": 1,
                "expectedPods": 2},
        });
        serde_json::from_value(budget).expect("a budget")
    }

    #[test]
    fn each_is_known_by_its_labels_and_servers_are_not_among_them() {
        let (name, component, instance) = (names::NAME, names::COMPONENT, names::INSTANCE);
        let of = |what: &str| json!({component: what, instance: "staging"});
        let pooler = json!({
            name: names::NAME_POOLER, component: names::POOLER_WRITE, instance: "staging",
            "pod-template-hash": "656ff",
        });
        let mut ended = pod("ended", of("backup"), Some(("Job", "nightly")));
        ended.status.get_or_insert_default().phase = Some("Succeeded".to_owned());
        let throw_away = json!({names::CLUSTER: "staging", names::THROW_AWAY: "look"});
        let server = json!({name: names::NAME_POSTGRES, instance: "staging"});
        let pods = [
            pod("p-656ff-x", pooler, Some(("ReplicaSet", "p-656ff"))),
            pod("archiver", of("wal-archive"), Some(("StatefulSet", "a"))),
            pod("backup", of("backup"), Some(("Job", "nightly"))),
            pod("exporter", of("monitoring"), Some(("ReplicaSet", "e-1"))),
            pod("restored-look", throw_away, None),
            pod("web", of("frontend"), None),
            pod(PRIMARY, server, Some(("StatefulSet", "primary"))),
            ended,
        ];
        let budgets = [
            budget("wide", names::POOLER_WRITE, 1),
            budget("strict", names::POOLER_WRITE, 0),
        ];
        let found = others(&budgets, &pods, &healthy(1));
        let words: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            words,
            [
                "archiver (WAL archiver)",
                "backup (backup)",
                "exporter (monitoring)",
                "p-656ff-x (pooler for writes)",
                "restored-look (throw-away server look)",
            ]
        );
        let pooler = &found[3];
        assert_eq!(pooler.deployment.as_deref(), Some("p"));
        assert!(pooler.ready && pooler.made_anew && pooler.is_on("worker-1"));
        let budget = pooler.budget.as_ref().expect("it is covered");
        assert_eq!((budget.name.as_str(), budget.allowed), ("strict", 0));
        let alone = &found[4];
        assert!(!alone.made_anew && alone.deployment.is_none() && alone.budget.is_none());
    }
}

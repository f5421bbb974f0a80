//! `pgctl drain`: a node is emptied without anybody losing anything.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{
    Node, NodeSelectorTerm, PersistentVolume, PersistentVolumeClaim, Pod, VolumeNodeAffinity,
};
use k8s_openapi::api::core::v1::{NodeSelector, NodeSelectorRequirement};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use pgctl_sandbox::store::Selector;

use super::test_cluster::{
    OPERATOR, Oracle, SandboxCluster, TestCluster, eventually, full, on_sandbox,
    on_sandbox_with_poolers, poolers, tail_of,
};

impl TestCluster {
    /// The node of each pod, by the tail of the pod's name.
    fn nodes_of_pods(&self) -> Result<BTreeMap<String, String>> {
        let pods = self.pods()?.into_iter().map(|pod| {
            let node = pod.spec.as_ref().and_then(|it| it.node_name.clone());
            (tail_of(&pod), node.unwrap_or_default())
        });
        Ok(pods.collect())
    }

    fn pods_on(&self, node: &str) -> Result<BTreeSet<String>> {
        let pods = self.nodes_of_pods()?.into_iter();
        Ok(pods.filter(|(_, on)| on == node).map(|it| it.0).collect())
    }

    fn is_cordoned(&self, node: &str) -> Result<bool> {
        let node: Node = self.store().read("", node)?;
        Ok(node.spec.is_some_and(|it| it.unschedulable == Some(true)))
    }

    fn set_cordoned(&self, node: &str, cordoned: bool) -> Result<()> {
        self.store().modify::<Node>("", node, |node| {
            node.spec.get_or_insert_default().unschedulable = cordoned.then_some(true);
        })?;
        Ok(())
    }

    fn node_names(&self) -> Result<BTreeSet<String>> {
        let nodes = self
            .store()
            .read_all::<Node>(None, &Selector::everything())?;
        let names = nodes.items.into_iter().filter_map(|it| it.metadata.name);
        Ok(names.collect())
    }

    /// How many of the replicas' pods are never to be away.
    async fn replicas_never_away(&self, least: i32) -> Result<()> {
        let name = full("replica");
        self.store()
            .modify::<PodDisruptionBudget>(self.namespace(), &name, |budget| {
                let spec = budget.spec.get_or_insert_default();
                spec.max_unavailable = None;
                spec.min_available = Some(IntOrString::Int(least));
            })?;
        eventually("the budget is counted anew", async || {
            let budget: PodDisruptionBudget = self.store().read(self.namespace(), &name)?;
            let status = budget.status.context("no status")?;
            ensure!(status.desired_healthy == least, "{status:?}");
            Ok(())
        })
        .await
    }

    /// The volume of a pod lies on a disk of its node from now on.
    fn bind_volume(&self, pod: &str, node: &str) -> Result<String> {
        let claim = format!("data-{}", full(pod));
        let found: PersistentVolumeClaim = self.store().read(self.namespace(), &claim)?;
        let volume = found.spec.and_then(|it| it.volume_name);
        let volume = volume.context("the claim is bound")?;
        self.store()
            .modify::<PersistentVolume>("", &volume, |volume| {
                let by_name = NodeSelectorRequirement {
                    key: "metadata.name".to_owned(),
                    operator: "In".to_owned(),
                    values: Some(vec![node.to_owned()]),
                };
                let term = NodeSelectorTerm {
                    match_fields: Some(vec![by_name]),
                    ..NodeSelectorTerm::default()
                };
                volume.spec.get_or_insert_default().node_affinity = Some(VolumeNodeAffinity {
                    required: Some(NodeSelector {
                        node_selector_terms: vec![term],
                    }),
                });
            })?;
        Ok(claim)
    }
}

#[test]
fn a_node_is_emptied_the_primary_first_and_nothing_comes_back_to_it() -> Result<()> {
    on_sandbox(3, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let before = cluster.uids()?;
        let node = cluster.nodes_of_pods()?["primary-0"].clone();
        let there = cluster.pods_on(&node)?;
        ensure!(there.len() == 2, "four pods on three nodes: {there:?}");
        let plan = cluster
            .pgctl(&["drain", &node, "--dry-run"])
            .await?
            .exits(0)?;
        let plan = plan.says(&format!("drain of {node}: 2 pods"))?;
        ensure!(
            plan.stdout.contains("  1. switchover from"),
            "the role goes first: {plan}"
        );
        ensure!(!cluster.is_cordoned(&node)?, "a dry run cordons nothing");
        ensure!(cluster.uids()? == before, "a dry run restarts nothing");

        let run = cluster.pgctl(&["drain", &node, "--yes"]).await?.exits(0)?;
        let run = run.says(&format!("no pod of {}", cluster.namespace()))?;
        run.says(&format!("kubectl drain {node}"))?
            .says(&format!("kubectl uncordon {node}"))?;
        ensure!(cluster.is_cordoned(&node)?, "it is cordoned");
        ensure!(cluster.pods_on(&node)?.is_empty(), "{there:?}");
        let primary = oracle.content(cluster).await?;
        ensure!(!there.contains(&primary), "{primary} was there");
        let after = cluster.uids()?;
        for (pod, uid) in &before {
            ensure!(
                (after[pod] != *uid) == there.contains(pod),
                "{pod}: {before:?} {after:?}"
            );
        }
        let history = cluster.pgctl(&["history"]).await?.exits(0)?;
        let history = history.says(&format!("cordon of {node}"))?;
        history.says(&format!("away from {node}"))?;
        let again = cluster.pgctl(&["drain", &node, "--yes"]).await?.exits(0)?;
        again.says("Nothing to do")?;

        // A standby where a budget lets nobody be evicted, because the primary's pod is often there.
        cluster.set_cordoned(&node, false)?;
        let node = cluster.nodes_of_pods()?["primary-0"].clone();
        let run = cluster.pgctl(&["drain", &node, "--yes"]).await?.exits(0)?;
        run.says("lets nobody evict")?;
        ensure!(cluster.pods_on(&node)?.is_empty(), "{node} is not empty");
        oracle.content(cluster).await.map(drop)
    })
}

#[test]
fn a_disruption_budget_has_its_say() -> Result<()> {
    on_sandbox(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        cluster.replicas_never_away(2).await?;
        let node = cluster.nodes_of_pods()?["replica-0"].clone();
        let uid = cluster.uid("replica-0")?;
        let mut running = cluster.begin(&["drain", &node, "--yes"])?;
        running.says(&full("replica needs 2 healthy pods")).await?;
        ensure!(
            cluster.uid("replica-0")? == uid,
            "it was evicted all the same"
        );
        cluster.replicas_never_away(1).await?;
        running.ends_well().await?;
        ensure!(cluster.uid("replica-0")? != uid, "it is elsewhere");
        ensure!(cluster.pods_on(&node)?.is_empty(), "{node} is not empty");
        oracle.content(cluster).await.map(drop)
    })
}

#[test]
fn what_cannot_go_elsewhere_stays_and_nothing_is_changed() -> Result<()> {
    on_sandbox(2, async |cluster| {
        let before = cluster.uids()?;
        let nodes = cluster.node_names()?;
        let node = cluster.nodes_of_pods()?["replica-0"].clone();
        cluster
            .pgctl(&["drain", "sandbox-nod-0", "--yes"])
            .await?
            .exits(3)?
            .says("drain refused")?
            .says("there is no node \"sandbox-nod-0\"")?
            .says("pgctl drain sandbox-node-0")?;
        let claim = cluster.bind_volume("replica-0", &node)?;
        cluster
            .pgctl(&["drain", &node, "--yes"])
            .await?
            .exits(3)?
            .says(&format!("{claim} of {}", full("replica-0")))?;
        for other in nodes.iter().filter(|it| **it != node) {
            cluster.set_cordoned(other, true)?;
        }
        cluster
            .pgctl(&["drain", &node, "--yes"])
            .await?
            .exits(3)?
            .says("no other node is Ready and takes new pods")?;
        // The Role of one namespace has nothing to say about nodes.
        cluster.grant(OPERATOR, "olga")?;
        let olga = cluster.kubeconfig_of("olga")?;
        cluster
            .pgctl(&["drain", &node, "--yes", "--kubeconfig", &olga])
            .await?
            .exits(3)?
            .says("pgctl-nodes")?;
        ensure!(cluster.uids()? == before, "a pod was restarted");
        ensure!(!cluster.is_cordoned(&node)?, "{node} was cordoned");
        Ok(())
    })
}

#[test]
fn poolers_on_the_node_are_named_before_and_after() -> Result<()> {
    on_sandbox_with_poolers(1, async |cluster| {
        let node_of = |pod: &str| -> Result<String> {
            let pod: Pod = cluster.store().read(cluster.namespace(), pod)?;
            pod.spec.and_then(|it| it.node_name).context("no node")
        };
        let dry = async |pod: &str| {
            let node = node_of(pod)?;
            let run = cluster.pgctl(&["drain", &node, "--dry-run"]).await?;
            run.exits(0)?.says(&format!("{pod} (pooler for writes)"))
        };
        let pods = poolers(cluster, "pooler")?;
        let (first, second) = (&pods[0].0, &pods[1].0);
        let words = match (node_of(first)?, node_of(second)?) {
            (one, other) if one == other => "is ready elsewhere".to_owned(),
            (_, other) => format!("find {second} on {other}"),
        };
        eventually("both are ready", async || dry(first).await?.says(&words)).await?;
        // The last one.
        cluster.store().modify::<Deployment>(
            cluster.namespace(),
            &full("pooler"),
            |deployment| deployment.spec.get_or_insert_default().replicas = Some(1),
        )?;
        let last = eventually("one is left", async || {
            let pods = poolers(cluster, "pooler")?;
            ensure!(pods.len() == 1, "{pods:?}");
            pods.into_iter().next().context("none").map(|it| it.0)
        })
        .await?;
        dry(&last)
            .await?
            .says("no other pooler for writes is ready elsewhere")?
            .says(&format!("rollout restart deployment/{}", full("pooler")))?;
        let node = node_of(&last)?;
        let servers = cluster.pods_on(&node)?;
        let run = cluster.pgctl(&["drain", &node, "--yes"]).await?.exits(0)?;
        let run = run.says("no server of")?;
        let (restart, drain) = (" rollout restart deployment/", "kubectl drain ");
        let told = format!("{}{}", run.stdout, run.stderr);
        let nexts = told.lines().filter(|it| it.starts_with("  next: "));
        let nexts: Vec<&str> = nexts.collect();
        let at = |words: &str| nexts.iter().position(|it| it.contains(words));
        let last_step = at(&format!("next: {drain}{node} "));
        let awaited = at(" rollout status deployment/");
        ensure!(
            at(restart).is_some() && at(restart) < awaited && awaited < last_step,
            "first a pooler comes in its place, and is waited for: {nexts:?}"
        );
        if !servers.is_empty() {
            run.says("left for kubectl drain")?.says(&last)?;
        }
        ensure!(node_of(&last)? == node, "it is left to kubectl drain");
        Ok(())
    })
}

#[cfg(feature = "failpoints")]
#[test]
fn a_drain_that_is_killed_is_finished_by_the_resume() -> Result<()> {
    on_sandbox(3, async |cluster: &SandboxCluster| {
        let oracle = Oracle::start(cluster).await?;
        let node = cluster.nodes_of_pods()?["primary-0"].clone();
        let dies = [("FAILPOINTS", "restart-pod.middle=return(kill)")];
        let run = cluster
            .pgctl_with(&["drain", &node, "--yes"], &dies)
            .await?;
        run.was_killed()?;
        oracle.writes_flow().await?;
        let run = cluster.pgctl(&["drain", &node, "--yes"]).await?.exits(3)?;
        run.says("pgctl rollout --resume")?;
        let run = cluster.pgctl(&["rollout", "--resume"]).await?.exits(0)?;
        run.says(&format!("is on {node} any more"))?;
        ensure!(cluster.pods_on(&node)?.is_empty(), "{node} is not empty");
        oracle.content(cluster).await.map(drop)
    })
}

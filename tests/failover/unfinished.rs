//! What an operation has left that was never ended: whoever comes next finds it in the cluster, and not in
//! the journal.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
#[cfg(feature = "failpoints")]
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use pgctl_sandbox::api::{Effect, Fault};
#[cfg(feature = "failpoints")]
use pgctl_sandbox::store::DeleteOptions;

use super::faults_during::fenced;
use super::test_cluster::{Oracle, TestCluster, full, on_sandbox};
#[cfg(feature = "failpoints")]
use super::test_cluster::{eventually, on_cluster};

impl TestCluster {
    fn topology(&self) -> Result<BTreeMap<String, String>> {
        let map: ConfigMap = self.store().read(self.namespace(), &full("topology"))?;
        Ok(map.data.unwrap_or_default())
    }

    /// Names of the pods whose end is to be proven.
    #[cfg(feature = "failpoints")]
    fn owing(&self) -> Result<Vec<String>> {
        let topology = self.topology()?;
        let keys = topology.keys();
        let pods = keys.filter_map(|key| key.strip_prefix("unproven."));
        Ok(pods.map(str::to_owned).collect())
    }

    /// As an operator does it who wants to be rid of an operation.
    #[cfg(feature = "failpoints")]
    fn delete_journal(&self) -> Result<()> {
        let options = DeleteOptions::default();
        self.store()
            .remove::<ConfigMap>(self.namespace(), &self.record()?, &options)
    }
}

/// A switchover dies between the fence and the stop, its candidate and its journal are lost, and then the
/// primary ends: whom to prove stopped is in the topology, and what was kept of it goes.
#[cfg(feature = "failpoints")]
#[test]
fn what_a_dead_switchover_owed_is_paid_by_the_next() -> Result<()> {
    on_cluster(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let dies = [("FAILPOINTS", "stop-primary.before=return(kill)")];
        let to_replica_0 = ["failover", "--to", "replica-0", "--yes"];
        let run = cluster.pgctl_with(&to_replica_0, &dies).await?;
        run.was_killed()?;
        ensure!(
            cluster.owing()? == [full("primary-0")],
            "{:?}",
            cluster.topology()?
        );
        oracle.writes_flow().await?;
        cluster.delete_journal()?;
        // It ends with its object kept: the finalizer is that of an operation that nobody knows of.
        cluster.scale("primary", 0)?;
        eventually("it has ended, and its object is there", async || {
            let pod: Pod = cluster
                .store()
                .read(cluster.namespace(), &full("primary-0"))?;
            let statuses = pod
                .status
                .and_then(|it| it.container_statuses)
                .unwrap_or_default();
            let ended = statuses.iter().any(|it| {
                it.state
                    .as_ref()
                    .is_some_and(|state| state.terminated.is_some())
            });
            ensure!(ended && pod.metadata.finalizers.is_some(), "not yet");
            Ok(())
        })
        .await?;
        let another = ["failover", "--to", "replica-1", "--yes"];
        cluster.pgctl(&another).await?.exits(0)?;
        cluster.gone("primary-0").await?;
        ensure!(cluster.owing()?.is_empty(), "{:?}", cluster.topology()?);
        let primary = oracle.content(cluster).await?;
        ensure!(primary == "replica-1", "{primary} is primary");
        cluster
            .pgctl(&["rejoin", "primary-0", "--yes"])
            .await?
            .exits(0)?;
        oracle.content(cluster).await.map(drop)
    })
}

/// A rejoin takes away what a failover had kept of the pod.
#[cfg(feature = "failpoints")]
#[test]
fn an_object_that_is_kept_for_nobody_goes_with_any_operation() -> Result<()> {
    on_cluster(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let dies = [("FAILPOINTS", "release-record.before=return(kill)")];
        let to_replica_0 = ["failover", "--to", "replica-0", "--yes"];
        let run = cluster.pgctl_with(&to_replica_0, &dies).await?;
        run.was_killed()?;
        cluster.delete_journal()?;
        let kept: Pod = cluster
            .store()
            .read(cluster.namespace(), &full("primary-0"))?;
        ensure!(kept.metadata.finalizers.is_some(), "nothing is kept");
        cluster
            .pgctl(&["rejoin", "primary-0", "--yes"])
            .await?
            .exits(0)?;
        ensure!(
            kept.metadata.uid.as_deref() != Some(cluster.uid("primary-0")?.as_str()),
            "it is the same pod"
        );
        let primary = oracle.content(cluster).await?;
        ensure!(primary == "replica-0", "{primary} is primary");
        Ok(())
    })
}

/// Somebody has failed over by hand since: what is left of an operation points nobody anywhere.
#[cfg(feature = "failpoints")]
#[test]
fn a_late_resume_after_a_failover_by_hand_changes_nothing() -> Result<()> {
    on_cluster(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let dies = [("FAILPOINTS", "promote.after=return(kill)")];
        let to_replica_0 = ["failover", "--to", "replica-0", "--yes"];
        let run = cluster.pgctl_with(&to_replica_0, &dies).await?;
        run.was_killed()?;
        // Before it is stopped the other has all that it has, so nothing is lost.
        let follow = cluster.sql("replica-1", "SHOW primary_conninfo").await?;
        let follow = follow[0][0]
            .replace(&full("primary-0."), &full("replica-0."))
            .replace(&full("primary "), &full("replica "))
            .replace(&full("primary."), &full("replica."));
        for sql in [
            &format!("ALTER SYSTEM SET primary_conninfo = '{follow}'"),
            "SELECT pg_reload_conf()",
        ] {
            cluster.sql("replica-1", sql).await?;
        }
        eventually("it follows", async || {
            let streams = "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'";
            cluster.open("replica-0").await?.one(streams).await
        })
        .await?;
        let name = full("topology");
        cluster
            .store()
            .modify::<ConfigMap>(cluster.namespace(), &name, |map| {
                let data = map.data.get_or_insert_default();
                let term: u64 = data["term"].trim().parse().unwrap_or(0);
                data.insert("primary".to_owned(), full("replica-1"));
                data.insert("term".to_owned(), (term + 1).to_string());
            })?;
        cluster.replace("replica-0").await?;
        cluster.sql("replica-1", "SELECT pg_promote()").await?;
        let service = full("write");
        cluster
            .store()
            .modify::<Service>(cluster.namespace(), &service, |service| {
                let spec = service.spec.get_or_insert_default();
                let selector = spec.selector.get_or_insert_default();
                let key = "statefulset.kubernetes.io/pod-name".to_owned();
                selector.insert(
                    "app.kubernetes.io/component".to_owned(),
                    "replica".to_owned(),
                );
                selector.insert(key, full("replica-1"));
            })?;
        oracle.writes_flow().await?;
        let selector = |cluster: &TestCluster| -> Result<_> {
            let service: Service = cluster.store().read(cluster.namespace(), &service)?;
            Ok((cluster.topology()?, service.spec.and_then(|it| it.selector)))
        };
        let as_it_was = selector(cluster)?;
        let run = cluster.pgctl(&["failover", "--resume"]).await?;
        ensure!(!run.status.success(), "it went on: {run}");
        ensure!(
            selector(cluster)? == as_it_was,
            "something has changed: {run}"
        );
        oracle.writes_flow().await?;
        oracle.never_two()?;
        let primary = cluster.primary().await?;
        ensure!(primary == "replica-1", "{primary} is primary: {run}");
        Ok(())
    })
}

/// Dead between the write of the topology and the annotation of the pods: whoever resumes it can't take
/// the one for both, because a start script goes by both.
#[test]
fn a_fence_that_was_half_made_is_made_whole() -> Result<()> {
    on_sandbox(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let never = Fault::new(Effect::Delay { millis: 600_000 });
        let never = never
            .verb("patch")
            .resource("pods")
            .name(&full("replica-1"));
        cluster.sandbox.faults().api().add(never);
        let mut failover = cluster
            .command(&["failover", "--to", "replica-0", "--yes", "--timeout", "60s"])?
            .spawn()?;
        fenced(cluster).await?;
        failover.kill().await?;
        cluster.mend().await?;
        cluster.pgctl(&["failover", "--resume"]).await?.exits(0)?;
        let term = cluster.topology()?.remove("term");
        for tail in ["replica-0", "replica-1"] {
            let pod: Pod = cluster.store().read(cluster.namespace(), &full(tail))?;
            let mut annotations = pod.metadata.annotations.unwrap_or_default();
            let annotated = annotations.remove("pgctl.io/term");
            ensure!(annotated == term, "{tail}: {annotated:?} and not {term:?}");
        }
        oracle.content(cluster).await.map(drop)
    })
}

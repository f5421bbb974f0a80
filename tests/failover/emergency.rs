//! No primary answers: what is proven, what is refused, and what may be lost.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use pgctl_sandbox::api::{Effect, Fault};
use pgctl_sandbox::cli::FaultKind;
use pgctl_sandbox::store::DeleteOptions;

use super::faults_during::finish;
use super::test_cluster::{
    Oracle, SandboxCluster, TestCluster, eventually, full, on_cluster, on_sandbox,
};

impl TestCluster {
    /// The node of a pod.
    fn node(&self, tail: &str) -> Result<String> {
        let pod: Pod = self.store().read(self.namespace(), &full(tail))?;
        Ok(pod.spec.and_then(|spec| spec.node_name).unwrap_or_default())
    }
}

/// The primary's processes are killed and its StatefulSet is at 0, as after the loss of its node
/// and volume: the best standby takes over without losing what it had received.
#[test]
fn a_primary_that_is_gone_is_replaced() -> Result<()> {
    on_cluster(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        cluster.scale("primary", 0)?;
        cluster.kill("primary-0").await?;
        cluster.gone("primary-0").await?;
        let run = cluster.pgctl(&["failover", "--yes"]).await?.exits(0)?;
        let primary = oracle.content_but_for_losses(cluster).await?;
        ensure!(
            primary.starts_with("replica-"),
            "{primary} is primary: {run}"
        );
        // The old one comes back as a standby, and never as a primary.
        cluster
            .pgctl(&["rejoin", "primary-0", "--yes"])
            .await?
            .exits(0)?;
        oracle.content_but_for_losses(cluster).await?;
        Ok(())
    })
}

/// Its container had crashed, again and again, before its pod is deleted. That is no end; what the kubelet says of the deleted
/// pod is one, and nobody waits for a record that it can't have.
#[test]
fn a_primary_that_crashes_again_and_again_is_replaced_once_its_pod_has_ended() -> Result<()> {
    // A server that does not start can't be told to forget a setting.
    on_sandbox(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        // What the start script can't know of beforehand: there is no certificate.
        cluster
            .sql("primary-0", "ALTER SYSTEM SET ssl = on")
            .await?;
        cluster.kill("primary-0").await?;
        eventually("it crashes again and again", async || {
            let pod: Pod = cluster
                .store()
                .read(cluster.namespace(), &full("primary-0"))?;
            let statuses = pod.status.and_then(|it| it.container_statuses);
            let status = statuses.into_iter().flatten().next();
            let status = status.context("no status")?;
            ensure!(status.restart_count > 1, "{status:?}");
            ensure!(
                status.last_state.is_some_and(|it| it.terminated.is_some()),
                "it has not ended before"
            );
            Ok(())
        })
        .await?;
        let run = cluster.pgctl(&["failover", "--yes"]).await?.exits(0)?;
        let primary = oracle.content_but_for_losses(cluster).await?;
        ensure!(
            primary.starts_with("replica-"),
            "{primary} is primary: {run}"
        );
        Ok(())
    })
}

impl SandboxCluster {
    /// No connection through the API server reaches this pod any more; everything else does.
    fn break_the_way_to(&self, tail: &str, effect: Effect) {
        let fault = Fault::new(effect).resource("pods/portforward");
        self.sandbox.faults().api().add(fault.name(&full(tail)));
    }
}

fn bad_gateway() -> Effect {
    Effect::Fail {
        status: 502,
        message: Some("error dialing backend: EOF".to_owned()),
    }
}

/// Clients write, the standbys stream, and only pgctl does not get through to the primary.
#[test]
fn a_primary_out_of_reach_is_alive() -> Result<()> {
    on_sandbox(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let hangs = Effect::Delay { millis: 600_000 };
        for effect in [hangs, bad_gateway()] {
            cluster.break_the_way_to("primary-0", effect);
            let run = cluster.pgctl(&["status"]).await?.exits(4)?;
            let known = "from it; Kubernetes counts it as ready";
            ensure!(
                run.stdout.contains(known) && !run.stdout.contains("no primary"),
                "it says what it does not know: {run}"
            );
            let failover = ["failover", "--yes"];
            cluster
                .refuses(&failover, "is alive and out of pgctl's reach")
                .await?;
            let risk = [&failover[..], &["--accept-split-brain-risk"]].concat();
            cluster
                .refuses(&risk, "is alive and out of pgctl's reach")
                .await?;
            let variables = [("PGCTL_BLIND", "1"), ("PGCTL_ACCEPT_SPLIT_BRAIN_RISK", "1")];
            cluster.pgctl_with(&failover, &variables).await?.exits(3)?;
            cluster.mend().await?;
        }
        oracle.writes_flow().await?;
        cluster.break_the_way_to("primary-0", bad_gateway());
        let blind = ["failover", "--to", "replica-0", "--blind", "--yes"];
        let run = cluster.pgctl(&blind).await?.exits(0)?;
        cluster.mend().await?;
        let primary = oracle.content(cluster).await?;
        ensure!(primary == "replica-0", "{primary} is primary: {run}");
        ensure!(run.stdout.contains("0 bytes, proven"), "{run}");
        Ok(())
    })
}

/// A blind switchover whose candidate turns out to lack something starts the primary again.
#[test]
fn a_blind_switchover_that_would_lose_something_is_put_back() -> Result<()> {
    on_sandbox(1, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        cluster.break_the_way_to("primary-0", bad_gateway());
        let blind = ["failover", "--to", "replica-0", "--blind", "--yes"];
        // Between the fence and the stop the candidate stops receiving.
        let cutting = async || {
            let setting = cluster.sql("replica-0", "SHOW primary_conninfo").await?;
            cluster
                .sql("replica-0", "ALTER SYSTEM SET primary_conninfo = ''")
                .await?;
            cluster.sql("replica-0", "SELECT pg_reload_conf()").await?;
            Ok(setting[0][0].clone())
        };
        let meanwhile = cluster.pgctl_meanwhile(&blind, "stop-primary.before", cutting);
        let (run, conninfo) = meanwhile.await?;
        let run = run.exits(6)?;
        oracle.never_two()?;
        cluster.mend().await?;
        let back = format!(
            "ALTER SYSTEM SET primary_conninfo = '{}'",
            conninfo.replace('\'', "''")
        );
        cluster.sql("replica-0", &back).await?;
        cluster.sql("replica-0", "SELECT pg_reload_conf()").await?;
        let primary = oracle.content(cluster).await?;
        ensure!(primary == "primary-0", "{primary} is primary: {run}");
        Ok(())
    })
}

/// A frozen primary may go on at any moment: nothing is promoted while it is not proven stopped.
#[test]
fn a_frozen_primary_is_never_overtaken() -> Result<()> {
    on_sandbox(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        cluster.freeze("primary-0").await?;
        let run = cluster
            .pgctl(&[
                "failover",
                "--to",
                "replica-0",
                "--yes",
                "--timeout",
                "2s",
                "--stop-timeout",
                "3s",
            ])
            .await?;
        let code = run.status.code();
        ensure!(
            matches!(code, Some(3 | 5 | 6)),
            "nobody knows whether it has stopped: {run}"
        );
        oracle.never_two()?;
        cluster.mend().await?;
        if code == Some(5) {
            cluster.pgctl(&["failover", "--abort"]).await?.exits(6)?;
        }
        oracle.content(cluster).await?;
        Ok(())
    })
}

/// A switchover whose old primary freezes in the middle of it is put back.
#[test]
fn a_primary_that_does_not_stop_in_time_keeps_its_place() -> Result<()> {
    on_sandbox(1, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let arguments = [
            "failover",
            "--to",
            "replica-0",
            "--yes",
            "--stop-timeout",
            "3s",
        ];
        // Between the fence and the stop.
        let freezing = async || cluster.freeze("primary-0").await;
        let meanwhile = cluster.pgctl_meanwhile(&arguments, "stop-primary.before", freezing);
        let (run, ()) = meanwhile.await?;
        let code = run.status.code();
        oracle.never_two()?;
        cluster.mend().await?;
        match code {
            Some(5) => finish(cluster).await?,
            _ => ensure!(code == Some(6), "it did not stop in time: {run}"),
        }
        let primary = oracle.content(cluster).await?;
        ensure!(primary == "primary-0", "{primary} is primary: {run}");
        Ok(())
    })
}

/// The node is NotReady and the pod is stuck in Terminating: it goes on running and writing there,
/// so that is no proof, and the refusal says how to make sure.
#[test]
fn a_pod_stuck_in_terminating_on_a_lost_node_is_no_proof() -> Result<()> {
    on_sandbox(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let node = cluster.node("primary-0")?;
        let other = cluster.node("replica-0")?;
        ensure!(
            node != other,
            "both are on {node}: the test needs nodes of their own"
        );
        cluster.fault(&FaultKind::NodeNotReady { node }).await?;
        let options = DeleteOptions::default();
        cluster
            .store()
            .remove::<Pod>(cluster.namespace(), &full("primary-0"), &options)?;
        let run = cluster
            .pgctl(&[
                "failover",
                "--to",
                "replica-0",
                "--yes",
                "--timeout",
                "2s",
                "--stop-timeout",
                "3s",
            ])
            .await?;
        ensure!(
            matches!(run.status.code(), Some(3 | 6)),
            "nobody knows whether it has stopped: {run}"
        );
        oracle.never_two()?;
        cluster.mend().await?;
        oracle.content(cluster).await?;
        Ok(())
    })
}

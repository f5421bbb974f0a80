//! The API server is away for a while, and Leases of those who are dead or whose clock is wrong.

use std::time::Duration;

use anyhow::{Result, ensure};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::coordination::v1::Lease;
use pgctl_sandbox::api::{Effect, Fault};
use pgctl_sandbox::store::DeleteOptions;
use serde_json::json;

use super::test_cluster::{Oracle, TestCluster, eventually, full, on_sandbox};

/// Longer than a Lease lives without being renewed.
const AWAY: Duration = Duration::from_secs(30);

/// The old primary has been told to stop.
async fn told_to_stop(cluster: &TestCluster) -> Result<()> {
    let name = full("primary-0");
    let set = name.trim_end_matches("-0");
    eventually("the stop", async || {
        let set: StatefulSet = cluster.store().read(cluster.namespace(), set)?;
        let wanted = set.spec.and_then(|spec| spec.replicas);
        ensure!(wanted == Some(0), "it is at {wanted:?}");
        Ok(())
    })
    .await
}

#[test]
fn an_api_that_is_away_right_after_the_stop_does_not_end_a_switchover() -> Result<()> {
    on_sandbox(1, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let taking_away = async {
            told_to_stop(cluster).await?;
            cluster.sandbox.faults().api().add(Fault::new(Effect::Drop));
            tokio::time::sleep(AWAY).await;
            cluster.mend().await
        };
        let arguments = ["failover", "--to", "replica-0", "--yes"];
        let (run, away) = futures::join!(cluster.pgctl(&arguments), taking_away);
        away?;
        run?.exits(0)?;
        ensure!(cluster.primary().await? == "replica-0", "it went on");
        oracle.content(cluster).await?;
        Ok(())
    })
}

/// The Lease of somebody on another machine, whose clock is off by so much.
fn lease(cluster: &TestCluster, off: SignedDuration) -> Result<Lease> {
    let now = (Timestamp::now() + off).to_string();
    Ok(serde_json::from_value(json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": cluster.record()?, "namespace": cluster.namespace()},
        "spec": {"holderIdentity": "bob@elsewhere/1-1-another-1", "leaseDurationSeconds": 15,
            "acquireTime": now, "renewTime": now}}))?)
}

#[test]
fn the_lease_of_a_dead_holder_whose_clock_was_days_ahead_locks_nobody_out() -> Result<()> {
    on_sandbox(1, async |cluster| {
        let ahead = lease(cluster, SignedDuration::from_hours(72))?;
        cluster.store().add(&ahead)?;
        let oracle = Oracle::start(cluster).await?;
        cluster
            .pgctl(&["failover", "--to", "replica-0", "--yes"])
            .await?
            .exits(0)?;
        oracle.content(cluster).await?;
        Ok(())
    })
}

#[test]
fn a_holder_who_is_alive_keeps_everybody_out_whatever_his_clock_says() -> Result<()> {
    on_sandbox(1, async |cluster| {
        let name = cluster.record()?;
        for hours in [0, 72, -72] {
            let off = SignedDuration::from_hours(hours);
            cluster.store().add(&lease(cluster, off)?)?;
            let renewing = async {
                loop {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                    let spec = lease(cluster, off)?.spec;
                    cluster
                        .store()
                        .modify(cluster.namespace(), &name, |it: &mut Lease| {
                            it.spec = spec.clone();
                        })?;
                }
                #[expect(unreachable_code, reason = "it tells the type")]
                Ok::<(), anyhow::Error>(())
            };
            let arguments = ["failover", "--to", "replica-0", "--yes"];
            let run = tokio::select! {
                run = cluster.pgctl(&arguments) => run?,
                stopped = renewing => { stopped?; continue },
            };
            run.exits(3)?
                .says("bob@elsewhere")?
                .says(&format!("kubectl describe lease {name}"))?;
            cluster.store().remove::<Lease>(
                cluster.namespace(),
                &name,
                &DeleteOptions::default(),
            )?;
        }
        ensure!(
            cluster.primary().await? == "primary-0",
            "nothing was changed"
        );
        Ok(())
    })
}

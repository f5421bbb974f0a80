//! Synchronous replication: nothing acknowledged is lost, and the setting follows the cluster.

use anyhow::{Result, bail, ensure};

use super::test_cluster::{Oracle, TestCluster, eventually, full, on_cluster};

/// Waits until commits on a pod wait for `count` of exactly these.
async fn waits_for(cluster: &TestCluster, pod: &str, count: u32, standbys: &[&str]) -> Result<()> {
    let quoted: Vec<String> = standbys
        .iter()
        .map(|it| format!("\"{}\"", full(it)))
        .collect();
    let wanted = format!("ANY {count} ({})", quoted.join(", "));
    eventually("the setting", async || {
        let names = cluster.names(pod).await?;
        ensure!(names == wanted, "{pod} has {names:?} instead of {wanted:?}");
        Ok(())
    })
    .await
}

#[test]
fn a_primary_that_is_killed_under_load_loses_nothing_acknowledged() -> Result<()> {
    on_cluster(3, async |cluster| {
        cluster.delete_autoscaler()?;
        let oracle = Oracle::start(cluster).await?;
        cluster
            .pgctl(&["sync", "set", "--standbys", "1", "--yes"])
            .await?
            .exits(0)?;
        waits_for(
            cluster,
            "primary-0",
            1,
            &["replica-0", "replica-1", "replica-2"],
        )
        .await?;
        // The number of standbys changes, and the list with it.
        cluster.pgctl(&["scale", "2", "--yes"]).await?.exits(0)?;
        waits_for(cluster, "primary-0", 1, &["replica-0", "replica-1"]).await?;
        cluster
            .refuses(&["scale", "0", "--yes"], "every write would be blocked")
            .await?;
        oracle.writes_flow().await?;

        cluster.kill("primary-0").await?;
        cluster.scale("primary", 0)?;
        cluster.gone("primary-0").await?;
        cluster.pgctl(&["failover", "--yes"]).await?.exits(0)?;
        // Not one acknowledged commit is missing, although nobody could be asked for the rest.
        let primary = oracle.content(cluster).await?;
        let other = match primary.as_str() {
            "replica-0" => "replica-1",
            "replica-1" => "replica-0",
            _ => bail!("{primary} is primary"),
        };
        waits_for(cluster, &primary, 1, &[other]).await?;
        // The former primary confirms, too, once it is back.
        cluster
            .pgctl(&["rejoin", "primary-0", "--yes"])
            .await?
            .exits(0)?;
        waits_for(cluster, &primary, 1, &["primary-0", other]).await?;
        // A switchover takes it along, and the old primary stays a candidate.
        cluster
            .pgctl(&["failover", "--to", "primary-0", "--yes"])
            .await?
            .exits(0)?;
        waits_for(cluster, "primary-0", 1, &["replica-0", "replica-1"]).await?;
        oracle.content(cluster).await?;
        let shown = cluster.pgctl(&["sync", "show"]).await?.exits(0)?;
        ensure!(shown.stdout.contains("commits wait for 1 of 2"), "{shown}");

        // Off is off everywhere: a copy that still has the list does not bring it back.
        cluster
            .pgctl(&["sync", "set", "--standbys", "off", "--yes"])
            .await?
            .exits(0)?;
        cluster
            .pgctl(&["failover", "--to", "replica-0", "--rejoin", "--yes"])
            .await?
            .exits(0)?;
        let names = cluster.names("replica-0").await?;
        ensure!(names.is_empty(), "replica-0 has {names:?}");
        oracle.content(cluster).await?;
        Ok(())
    })
}

//! "Back to the old primary" of the runbook, by its own steps: the promoted pod is lost for good, no other standby
//! is left, and what was committed since the promotion is given up.

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Service};

use super::test_cluster::{Oracle, TestCluster, eventually, full, on_sandbox};

impl TestCluster {
    /// Why a pod does not start, in the start script's word.
    async fn waits(&self, tail: &str, word: &str) -> Result<()> {
        let found = format!("waiting: {word}");
        eventually(&format!("{tail} waits for {word}"), async || {
            let status = self.pgctl(&["status"]).await?;
            let mut lines = status.stdout.lines();
            let row = lines.find(|line| line.starts_with(&full(tail)));
            ensure!(row.is_some_and(|row| row.contains(&found)), "{status}");
            Ok(())
        })
        .await
    }
}

#[test]
fn the_old_primary_takes_over_again_and_a_lost_pod_that_comes_back_gets_a_new_volume() -> Result<()>
{
    on_sandbox(1, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let moved = ["failover", "--to", "replica-0", "--yes"];
        cluster.pgctl(&moved).await?.exits(0)?;
        oracle.writes_flow().await?;
        // 1. The lost pod: nothing of it runs, and there is no other.
        cluster.scale("replica", 0)?;
        cluster.gone("replica-0").await?;
        // 2. The fence.
        let namespace = cluster.namespace();
        cluster
            .store()
            .modify::<ConfigMap>(namespace, &full("topology"), |map| {
                let data = map.data.get_or_insert_default();
                let term: u64 = data["term"].trim().parse().unwrap_or(0);
                data.insert("primary".to_owned(), full("primary-0"));
                data.insert("term".to_owned(), (term + 1).to_string());
            })?;
        // 3. It starts as a primary. 4. Clients.
        cluster.scale("primary", 1)?;
        cluster
            .store()
            .modify::<Service>(namespace, &full("write"), |service| {
                let spec = service.spec.get_or_insert_default();
                let selector = spec.selector.get_or_insert_default();
                selector.remove("app.kubernetes.io/component");
                let key = "statefulset.kubernetes.io/pod-name".to_owned();
                selector.insert(key, full("primary-0"));
            })?;
        oracle.writes_flow().await?;
        oracle.never_two()?;
        // It comes back with its volume, and changes nothing.
        cluster.scale("replica", 1)?;
        cluster.waits("replica-0", "rival-primary").await?;
        // Its data is newer than the primary's: no copy is ever put over that. A new volume ends what that has begun.
        let clone = ["rejoin", "replica-0", "--clone", "--yes"];
        let run = cluster.pgctl(&clone).await?.exits(5)?;
        run.says("it may be the only copy")?;
        let anew = ["reinit", "replica-0", "--yes"];
        cluster.pgctl(&anew).await?.exits(0)?;
        let history = cluster.pgctl(&["history"]).await?.exits(0)?;
        history.says("replaced")?;
        let primary = oracle.content_but_for_losses(cluster).await?;
        ensure!(primary == "primary-0", "{primary} is primary");
        cluster.no_stale_slots().await?;
        cluster.pgctl(&["status"]).await?.exits(0)?;
        Ok(())
    })
}

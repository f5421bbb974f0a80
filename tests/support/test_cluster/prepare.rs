//! Brings a cluster that was given to the state that a sandbox has when it is new.

use anyhow::{Result, ensure};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::ConfigMap;
use pgctl_sandbox::store::{DeleteOptions, Selector};

use super::cluster::{TestCluster, eventually, full, tail_of};

impl TestCluster {
    /// So many standbys stream from `primary-0`, nothing is under way, and nothing of an earlier
    /// test is left. A new sandbox is like that by itself.
    pub(crate) async fn prepare(&self, standbys: u32) -> Result<()> {
        if self.sandbox.client().is_none() {
            return Ok(());
        }
        self.only_bounds_scale()?;
        let count = i32::try_from(standbys)?;
        let bounds = |autoscaler: &mut HorizontalPodAutoscaler| {
            if let Some(spec) = &mut autoscaler.spec {
                (spec.min_replicas, spec.max_replicas) = (Some(count.max(1)), 5);
                let behavior = spec.behavior.get_or_insert_default();
                let down = behavior.scale_down.get_or_insert_default();
                down.stabilization_window_seconds = Some(0);
            }
        };
        let name = full("replica-hpa");
        self.store().modify(self.namespace(), &name, bounds)?;
        // Each does something only where an earlier test has left something.
        self.pgctl(&["failover", "--resume"]).await?;
        self.one_way().await?;
        if self.primary().await? != "primary-0" {
            self.pgctl(&["rejoin", "primary-0", "--yes"]).await?;
            let back = ["failover", "--to", "primary-0", "--yes"];
            self.pgctl(&back).await?.exits(0)?;
        }
        self.scale("replica", count)?;
        let primary = self.all_stream().await?;
        ensure!(primary == "primary-0", "{primary} is primary");
        self.forget(&primary).await
    }

    /// Brings pods that went a way of their own back on the cluster's.
    async fn one_way(&self) -> Result<()> {
        let writable = self.writable().await?;
        let [_, _, ..] = writable.as_slice() else {
            return Ok(());
        };
        for tail in writable.iter().filter(|tail| *tail != "primary-0") {
            self.kill(tail).await?;
        }
        eventually("one primary", async || self.primary().await).await?;
        for tail in writable.iter().filter(|tail| *tail != "primary-0") {
            self.pgctl(&["reinit", tail, "--yes"]).await?.exits(0)?;
        }
        Ok(())
    }

    /// Takes away what earlier tests have left: their rows, their slots, the history.
    async fn forget(&self, primary: &str) -> Result<()> {
        let drop_table = "DROP TABLE IF EXISTS public.oracle_commits";
        self.sql(primary, drop_table).await?;
        for pod in self.pods()? {
            let tail = tail_of(&pod);
            let drop_slots = "SELECT pg_drop_replication_slot(slot_name) \
                FROM pg_replication_slots WHERE NOT active";
            eventually("idle slots are dropped", async || {
                self.sql(&tail, drop_slots).await.map(drop)
            })
            .await?;
        }
        let everything = Selector::everything();
        let maps = self
            .store()
            .read_all::<ConfigMap>(Some(self.namespace()), &everything)?;
        for map in maps.items {
            let labels = map.metadata.labels.unwrap_or_default();
            let is_journal = labels.contains_key("pgctl.io/cluster");
            if let Some(name) = map.metadata.name.filter(|_| is_journal) {
                let options = DeleteOptions::default();
                self.store()
                    .remove::<ConfigMap>(self.namespace(), &name, &options)?;
            }
        }
        Ok(())
    }
}

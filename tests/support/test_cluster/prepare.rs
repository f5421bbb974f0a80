//! Brings a cluster that was given to the state that a sandbox has when it is new, and back to its own.

use anyhow::{Result, ensure};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use pgctl_sandbox::store::{DeleteOptions, Selector};

use super::as_found::{AsFound, DATABASES, TABLES};
use super::cluster::{TestCluster, eventually, full, tail_of};

impl TestCluster {
    /// So many standbys stream from `primary-0`, nothing is under way, and nothing of an earlier
    /// test is left. A new sandbox is like that by itself.
    pub(crate) async fn prepare(&self, standbys: u32) -> Result<()> {
        if self.backend.client().is_none() {
            return Ok(());
        }
        // Each does something only where an earlier test has left something.
        self.end_operations().await?;
        self.one_way().await?;
        let found = self.look().await?;
        self.found.get_or_init(|| found);
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
        self.move_to("primary-0").await?;
        self.scale("replica", count)?;
        let primary = self.all_stream().await?;
        ensure!(primary == "primary-0", "{primary} is primary");
        self.all_ready().await?;
        self.forget(&primary).await
    }

    /// A cluster that was given is again as [`Self::prepare`] has found it.
    pub(crate) async fn put_back(&self) -> Result<()> {
        let Some(found) = self.found.get() else {
            return Ok(());
        };
        self.put_back_access(found)?;
        self.remove_strangers()?;
        self.end_operations().await?;
        self.one_way().await?;
        if !found.synchronous {
            let off = ["sync", "set", "--standbys", "off", "--yes"];
            self.pgctl(&off).await?;
        }
        self.move_to(&found.primary).await?;
        self.put_back_objects(found)?;
        let primary = self.all_stream().await?;
        self.all_ready().await?;
        self.drop_what_is_new(&primary, found).await?;
        self.put_back_roles(&primary, &found.servers).await?;
        self.put_back_settings(&found.servers).await?;
        self.remove_new_claims(found)?;
        self.all_stream().await?;
        self.all_ready().await?;
        self.forget(&primary).await
    }

    /// What is under way goes on to its end, or back.
    async fn end_operations(&self) -> Result<()> {
        for command in ["failover", "rejoin", "scale", "sync", "hpa", "restore"] {
            let run = self.pgctl(&[command, "--resume"]).await?;
            if !run.status.success() && run.stderr.contains("--abort") {
                self.pgctl(&[command, "--abort"]).await?;
            }
        }
        Ok(())
    }

    async fn move_to(&self, tail: &str) -> Result<()> {
        if self.primary().await? != tail {
            // It may be away, or follow already.
            self.pgctl(&["rejoin", tail, "--yes"]).await?;
            let there = ["failover", "--to", tail, "--yes"];
            self.pgctl(&there).await?.exits(0)?;
        }
        Ok(())
    }

    /// Every pod is ready.
    pub(crate) async fn all_ready(&self) -> Result<()> {
        eventually("every pod is ready", async || {
            for pod in self.pods()? {
                let conditions = pod
                    .status
                    .iter()
                    .flat_map(|it| it.conditions.iter().flatten());
                let mut ready = conditions.filter(|it| it.type_ == "Ready");
                ensure!(
                    ready.any(|it| it.status == "True"),
                    "{} is not",
                    tail_of(&pod)
                );
            }
            Ok(())
        })
        .await
    }

    /// Removes pods that belong to no StatefulSet.
    fn remove_strangers(&self) -> Result<()> {
        for pod in self.pods()? {
            if pod.metadata.owner_references.is_none() {
                let name = full(&tail_of(&pod));
                self.store()
                    .remove::<Pod>(self.namespace(), &name, &DeleteOptions::now())?;
            }
        }
        Ok(())
    }

    /// Drops the databases and tables that a test has made.
    async fn drop_what_is_new(&self, primary: &str, found: &AsFound) -> Result<()> {
        // A name that is no UTF-8 can't be said here.
        for (table, name) in [("pg_database", "datname"), ("pg_authid", "rolname")] {
            let all = self
                .sql(primary, &format!("SELECT oid, {name} FROM {table}"))
                .await?;
            for row in all.iter().filter(|row| row[1].contains('\u{fffd}')) {
                let rename = format!(
                    "SET allow_system_table_mods = on; \
                     UPDATE {table} SET {name} = 'unreadable_{0}' WHERE oid = {0}",
                    row[0]
                );
                self.sql(primary, &rename).await?;
            }
        }
        let roles = "SELECT rolname FROM pg_roles WHERE rolname LIKE 'unreadable%'";
        for role in self.sql(primary, roles).await?.into_iter().flatten() {
            self.sql(primary, &format!("DROP ROLE {role}")).await?;
        }
        for (all, known, kind) in [
            (DATABASES, &found.databases, "DATABASE"),
            (TABLES, &found.tables, "TABLE"),
        ] {
            let there = self.sql(primary, all).await?.into_iter().flatten();
            for name in there.filter(|name| !known.contains(name)) {
                let name = name.replace('"', "\"\"");
                self.sql(primary, &format!("DROP {kind} \"{name}\""))
                    .await?;
            }
        }
        Ok(())
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
        self.let_go_of_wal(primary).await
    }

    /// Each switchover leaves a segment of its timeline on every pod until the cluster has written more than what is kept:
    /// after dozens of them without much to write a small disk is full.
    async fn let_go_of_wal(&self, primary: &str) -> Result<()> {
        const MANY: usize = 25;
        const KEPT: &str = "SELECT pg_size_bytes(current_setting('wal_keep_size')) \
            / pg_size_bytes(current_setting('wal_segment_size')) + 2";
        let mut full = false;
        for pod in self.pods()? {
            let files = "SELECT count(*) FROM pg_ls_waldir()";
            full |= self
                .open(&tail_of(&pod))
                .await?
                .one(files)
                .await?
                .parse::<usize>()?
                > MANY;
        }
        if !full {
            return Ok(());
        }
        let segments: u32 = self.open(primary).await?.one(KEPT).await?.parse()?;
        for _ in 0..segments {
            self.sql(primary, "SELECT pg_logical_emit_message(true, '', '')")
                .await?;
            self.sql(primary, "SELECT pg_switch_wal()").await?;
        }
        self.sql(primary, "CHECKPOINT").await?;
        self.all_stream().await?;
        for pod in self.pods()? {
            self.sql(&tail_of(&pod), "CHECKPOINT").await?;
        }
        Ok(())
    }
}

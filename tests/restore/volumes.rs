//! Physical restores.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod};
use pgctl_sandbox::store::{DeleteOptions, Selector};

use super::test_cluster::{SandboxCluster, TestCluster, eventually, full, on_sandbox};

impl TestCluster {
    async fn restore_volume(
        &self,
        backup: &str,
        more: &[&str],
    ) -> Result<super::test_cluster::Run> {
        let store = self.backups();
        let mut arguments = vec!["restore", backup, "--store", &store, "--yes"];
        arguments.extend(more);
        self.pgctl(&arguments).await
    }

    /// Every pod streams from the primary, and it is this one.
    pub(crate) async fn healthy(&self, primary: &str) -> Result<()> {
        eventually("a healthy cluster", async || {
            self.pgctl(&["status"]).await?.exits(0)?;
            let found = self.primary().await?;
            ensure!(found == primary, "{found} is the primary");
            Ok(())
        })
        .await
    }

    async fn one(&self, tail: &str, sql: &str) -> Result<String> {
        self.open(tail).await?.one(sql).await
    }

    pub(crate) fn claims(&self) -> Result<Vec<String>> {
        let all = self
            .store()
            .read_all::<PersistentVolumeClaim>(Some(self.namespace()), &Selector::everything())?;
        let names = all.items.into_iter().filter_map(|it| it.metadata.name);
        Ok(names.collect())
    }

    /// Every volume is lost, and all that pgctl has written into the cluster; the manifests stay.
    async fn lose_everything(&self) -> Result<()> {
        self.scale("primary", 0)?;
        self.scale("replica", 0)?;
        eventually("every pod is gone", async || {
            let pods = self.pods()?;
            ensure!(pods.is_empty(), "{} pods are left", pods.len());
            Ok(())
        })
        .await?;
        let options = DeleteOptions::default();
        for claim in self.claims()? {
            self.store()
                .remove::<PersistentVolumeClaim>(self.namespace(), &claim, &options)?;
        }
        for map in [full("topology"), self.record()?] {
            // There is none before the first operation.
            self.store()
                .remove::<ConfigMap>(self.namespace(), &map, &options)
                .ok();
        }
        eventually("every claim is gone", async || {
            let claims = self.claims()?;
            ensure!(claims.is_empty(), "left: {}", claims.join(", "));
            Ok(())
        })
        .await
    }
}

impl SandboxCluster {
    /// No page and no index is damaged.
    fn amcheck(&self, tail: &str) -> Result<()> {
        let output = self
            .client("pg_amcheck", tail)?
            .args(["--all", "--install-missing", "--heapallindexed"])
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let found = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.success(), "pg_amcheck: {found}{said}");
        Ok(())
    }
}

#[test]
fn a_base_backup_taken_under_writes_goes_back_into_a_cluster_that_had_failed_over() -> Result<()> {
    on_sandbox(1, async |cluster| {
        cluster.psql(
            "primary-0",
            "postgres",
            "create table ticks (n bigserial primary key, t text); create index on ticks (t)",
        )?;
        let mut writer = cluster.client("psql", "primary-0")?;
        writer.args([
            "-qc",
            "do $$begin for i in 1..1000000 loop insert into ticks (t) values (repeat('x', 100)); commit; end loop; end$$",
        ]);
        let mut writer = writer.stderr(std::process::Stdio::null()).spawn()?;
        let backup = cluster
            .back_up(&["--physical", "--from", "replica-0"])
            .await;
        writer.kill()?;
        writer.wait()?;
        let backup = backup?;
        cluster
            .pgctl(&["failover", "--to", "replica-0", "--rejoin", "--yes"])
            .await?
            .exits(0)?;
        cluster.psql("replica-0", "postgres", "create table after_the_backup ()")?;

        // A failure at the last moment: everything is as it was.
        let fail = [("FAILPOINTS", "start-primary.middle=return(fail)")];
        let store = cluster.backups();
        let arguments = ["restore", &backup, "--store", &store, "--yes"];
        if cfg!(feature = "failpoints") {
            let run = cluster.pgctl_with(&arguments, &fail).await?.exits(6)?;
            eprintln!("{run}");
            cluster.healthy("replica-0").await?;
            let there = "select count(*) from pg_class where relname = 'after_the_backup'";
            ensure!(
                cluster.one("replica-0", there).await? == "1",
                "it is not as it was"
            );
        }

        // Killed in between, and finished from there.
        if cfg!(feature = "failpoints") {
            let kill = [("FAILPOINTS", "keep-old.middle=return(kill)")];
            cluster.pgctl_with(&arguments, &kill).await?;
            let run = cluster.pgctl(&["restore", "--resume"]).await?.exits(0)?;
            eprintln!("{run}");
        } else {
            let run = cluster.restore_volume(&backup, &[]).await?.exits(0)?;
            eprintln!("{run}");
        }
        cluster.healthy("primary-0").await?;
        let there = "select count(*) from pg_class where relname = 'after_the_backup'";
        ensure!(
            cluster.one("primary-0", there).await? == "0",
            "it is not the backup"
        );
        let rows: u64 = cluster
            .one("primary-0", "select count(*) from ticks")
            .await?
            .parse()
            .context("a number")?;
        ensure!(rows > 0, "the rows are there");
        cluster.amcheck("primary-0")?;

        // Later failovers work, and what was kept goes when somebody says so.
        cluster
            .pgctl(&["failover", "--to", "replica-0", "--rejoin", "--yes"])
            .await?
            .exits(0)?;
        cluster.healthy("replica-0").await?;
        let run = cluster
            .pgctl(&["restore", "--discard-old", "--yes"])
            .await?
            .exits(0)?;
        run.says("data-sandbox-postgres-primary-0")?;
        cluster
            .pgctl(&["restore", "--discard-old", "--yes"])
            .await?
            .exits(3)?
            .says("nothing was kept")?;
        Ok(())
    })
}

#[test]
fn a_cluster_that_has_lost_all_of_its_volumes_comes_back() -> Result<()> {
    on_sandbox(1, async |cluster| {
        cluster.psql(
            "primary-0",
            "postgres",
            "create table precious as select generate_series(1, 1000) n",
        )?;
        // Commits wait for a standby, and so does the primary that is in the backup.
        cluster
            .pgctl(&["sync", "set", "--standbys", "1", "--yes"])
            .await?
            .exits(0)?;
        let waits_for = "select current_setting('synchronous_standby_names')";
        let before = cluster.one("primary-0", waits_for).await?;
        let backup = cluster
            .back_up(&["--physical", "--from", "primary"])
            .await?;
        cluster.restore_volume(&backup, &[]).await?.exits(0)?;
        cluster.healthy("primary-0").await?;
        let after = cluster.one("primary-0", waits_for).await?;
        ensure!(after == before, "{after:?} instead of {before:?}");

        cluster.lose_everything().await?;
        // Somebody applies the manifests again, and with them pods that wait for a primary.
        cluster.scale("replica", 1)?;
        let operator = cluster.operator()?;
        let as_operator = ["--kubeconfig", operator.as_str()];
        let run = cluster
            .restore_volume(&backup, &as_operator)
            .await?
            .exits(0)?;
        eprintln!("{run}");
        cluster.healthy("primary-0").await?;
        let rows = cluster
            .one("replica-0", "select count(*) from precious")
            .await?;
        ensure!(rows == "1000", "{rows} rows");
        let after = cluster.one("primary-0", waits_for).await?;
        ensure!(after.is_empty(), "nobody has recorded {after:?} here");
        let name = format!("{}-restore", full("primary-0"));
        let left: Option<Pod> = cluster.store().read_opt(cluster.namespace(), &name)?;
        ensure!(left.is_none(), "the pod that worked on the volume is gone");
        Ok(())
    })
}

//! `pgctl` dies at every step of a physical restore, and it is finished or put back.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use pgctl_sandbox::store::DeleteOptions;

use super::test_cluster::{Run, TestCluster, eventually, full, on_sandbox};

/// Before a step's action, after it, and after its proof.
const MOMENTS: [&str; 3] = ["before", "middle", "after"];

/// A restore that is struck.
struct Patient<'a> {
    cluster: &'a TestCluster,
    backup: String,
    store: String,
}

impl Patient<'_> {
    async fn restore(&self, more: &[&str], failpoints: &str) -> Result<Run> {
        let mut arguments = vec!["restore", &self.backup, "--store", &self.store];
        arguments.extend(more);
        self.cluster
            .pgctl_with(&arguments, &[("FAILPOINTS", failpoints)])
            .await
    }

    /// The names of the plan's steps, and how many of them can be put back.
    async fn steps(&self) -> Result<(Vec<String>, usize)> {
        let plan = self.restore(&["--dry-run", "-o", "json"], "").await?;
        let plan = plan.exits(0)?.json()?;
        let steps = plan["steps"].as_array().context("no steps")?;
        let last = steps
            .iter()
            .position(|step| step["undo"]["undo"] == "point-of-no-return")
            .context("there is no point of no return")?;
        let names = steps
            .iter()
            .map(|step| step["name"].as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .context("a step without a name")?;
        Ok((names, last))
    }

    /// The restored row is there, and the later one is or is not.
    async fn has_later(&self, wanted: bool) -> Result<()> {
        self.cluster.healthy("primary-0").await?;
        let rows = "select string_agg(word, ' ' order by word) from words";
        let found = self.cluster.psql("primary-0", "postgres", rows)?;
        let words = if wanted { "kept later" } else { "kept" };
        ensure!(found == words, "{found:?} instead of {words:?}");
        Ok(())
    }

    async fn dies(&self, point: &str, ending: &str) -> Result<()> {
        let write = "insert into words select 'later' where not exists (select from words where word = 'later')";
        self.cluster.psql("primary-0", "postgres", write)?;
        let kill = format!("{point}=return(kill)");
        self.restore(&["--yes"], &kill).await?.was_killed()?;
        let back = ending == "--abort";
        let code = if back { 6 } else { 0 };
        // Once the write Service is open, going back takes away what clients may have written.
        let agreed = ["restore", ending, "--yes"];
        let given = if back { &agreed[..] } else { &agreed[..2] };
        self.cluster.pgctl(given).await?.exits(code)?;
        self.has_later(back).await?;
        let discard = ["restore", "--discard-old", "--yes"];
        let discarded = self.cluster.pgctl(&discard).await?;
        if !back {
            discarded.exits(0)?;
        }
        Ok(())
    }
}

/// Every cell, from the plan itself.
#[test]
#[ignore = "every step at every moment: a quarter of an hour"]
fn a_kill_at_every_step_of_a_physical_restore_is_finished_or_put_back() -> Result<()> {
    on_sandbox(1, async |cluster| {
        cluster.psql(
            "primary-0",
            "postgres",
            "create table words as select 'kept' as word",
        )?;
        let patient = Patient {
            cluster,
            backup: cluster.back_up(&["--physical"]).await?,
            store: cluster.backups(),
        };
        let (steps, last) = patient.steps().await?;
        let mut failed = Vec::new();
        for (number, step) in steps.iter().enumerate() {
            for moment in MOMENTS {
                // What has begun beyond the point of no return only goes forward.
                let endings: &[&str] = if number < last {
                    &["--abort", "--resume"]
                } else {
                    &["--resume"]
                };
                for ending in endings {
                    let point = format!("{step}.{moment}");
                    let result = patient.dies(&point, ending).await;
                    eprintln!("{point} {ending}: {result:?}");
                    if let Err(error) = result {
                        failed.push(format!("{point} {ending}: {error:#}"));
                        cluster.pgctl(&["restore", "--resume"]).await?;
                    }
                }
            }
        }
        ensure!(failed.is_empty(), "{}", failed.join("\n"));
        Ok(())
    })
}

impl TestCluster {
    /// The primary's volume is lost, and its pod comes up as a new and empty cluster; what there
    /// was is on the replica's volume alone.
    async fn come_up_empty(&self) -> Result<()> {
        self.scale("replica", 0)?;
        self.scale("primary", 0)?;
        eventually("every pod is gone", async || {
            let pods = self.pods()?;
            ensure!(pods.is_empty(), "{} pods are left", pods.len());
            Ok(())
        })
        .await?;
        let claim = format!("data-{}", full("primary-0"));
        self.store().remove::<PersistentVolumeClaim>(
            self.namespace(),
            &claim,
            &DeleteOptions::default(),
        )?;
        eventually("its claim is gone", async || {
            ensure!(!self.claims()?.contains(&claim), "{claim} is there");
            Ok(())
        })
        .await?;
        self.scale("primary", 1)?;
        eventually("an empty primary", async || {
            self.sql("primary-0", "select 1").await
        })
        .await?;
        self.scale("replica", 1)?;
        eventually("the replica waits", async || self.uid("replica-0")).await?;
        Ok(())
    }
}

#[test]
fn data_that_only_a_replica_has_is_kept_whatever_becomes_of_the_restore() -> Result<()> {
    on_sandbox(1, async |cluster| {
        let make = "create table words as select 'kept' as word";
        cluster.psql("primary-0", "postgres", make)?;
        let patient = Patient {
            cluster,
            backup: cluster.back_up(&["--physical"]).await?,
            store: cluster.backups(),
        };
        cluster.come_up_empty().await?;

        // The replicas run again when it is aborted.
        let kill = "start-replicas.middle=return(kill)";
        patient.restore(&["--yes"], kill).await?.was_killed()?;
        // The write Service was opened: what clients may have written goes with it, so it is asked.
        cluster.pgctl(&["restore", "--abort"]).await?.exits(3)?;
        cluster
            .pgctl(&["restore", "--abort", "--yes"])
            .await?
            .exits(6)?;
        let tables = "select count(*) from pg_class where relname = 'words'";
        eventually("the empty primary", async || {
            let found = cluster.psql("primary-0", "postgres", tables)?;
            ensure!(found == "0", "{found} tables");
            Ok(())
        })
        .await?;

        patient.restore(&["--yes"], "").await?.exits(0)?;
        patient.has_later(false).await?;
        let run = cluster
            .pgctl(&["restore", "--discard-old", "--yes"])
            .await?;
        run.exits(0)?
            .says("data-sandbox-postgres-primary-0")?
            .says("data-sandbox-postgres-replica-0")?;
        Ok(())
    })
}

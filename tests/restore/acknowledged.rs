//! What clients were told is committed is never dropped by a physical restore that goes wrong.

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Service;

use super::test_cluster::{Oracle, TestCluster, eventually, full, on_sandbox};

impl TestCluster {
    fn write_selector(&self) -> Result<String> {
        let service: Service = self.store().read(self.namespace(), &full("write"))?;
        let annotation = "pgctl.io/original-selector";
        let remembered = service
            .metadata
            .annotations
            .unwrap_or_default()
            .remove(annotation);
        let selector = service.spec.and_then(|it| it.selector);
        Ok(format!("{selector:?}, remembered: {remembered:?}"))
    }

    async fn struck(&self, backup: &str, failpoints: &str) -> Result<super::test_cluster::Run> {
        let store = self.backups();
        let arguments = ["restore", backup, "--store", &store, "--yes"];
        self.pgctl_with(&arguments, &[("FAILPOINTS", failpoints)])
            .await
    }
}

#[test]
fn a_proof_that_fails_drops_nothing_that_clients_were_told_is_committed() -> Result<()> {
    on_sandbox(1, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let before = cluster.write_selector()?;
        // The table is in the backup: the restored primary would take the writes.
        let backup = cluster.back_up(&["--physical"]).await?;
        // Time for the pod to be ready, and for clients to come back.
        let fail = "prove-restored.before=sleep(5000);prove-restored.middle=return(fail)";
        let run = cluster.struck(&backup, fail).await?.exits(6)?;
        run.says("it is kept as pgdata.before-restore-")?
            .says(".undone")?
            .says("restore --discard-old")?;
        let primary = oracle.content(cluster).await?;
        ensure!(primary == "primary-0", "{primary}");
        let after = cluster.write_selector()?;
        ensure!(after == before, "{after} instead of {before}");
        cluster
            .pgctl(&["restore", "--discard-old", "--yes"])
            .await?
            .exits(0)?
            .says(".undone")?;
        Ok(())
    })
}

#[test]
fn status_says_who_has_closed_the_write_service_and_what_opens_it() -> Result<()> {
    on_sandbox(1, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let before = cluster.write_selector()?;
        let backup = cluster.back_up(&["--physical"]).await?;
        // Dead before anything was stopped, and put back.
        cluster
            .struck(&backup, "close-service.middle=return(kill)")
            .await?
            .was_killed()?;
        let said = cluster.pgctl(&["status"]).await?.exits(4)?;
        let run = said.says("the write Service is closed by restore-")?;
        run.says("pgctl restore --resume")?
            .says("restore --abort")?;
        cluster.pgctl(&["restore", "--abort"]).await?.exits(6)?;
        let after = cluster.write_selector()?;
        ensure!(after == before, "{after} instead of {before}");
        oracle.content(cluster).await?;

        // Dead when it was proven, and not open yet.
        cluster
            .struck(&backup, "prove-restored.after=return(kill)")
            .await?
            .was_killed()?;
        cluster
            .pgctl(&["status"])
            .await?
            .exits(4)?
            .says("the write Service is closed by restore-")?;
        cluster.pgctl(&["restore", "--resume"]).await?.exits(0)?;
        let after = cluster.write_selector()?;
        ensure!(after == before, "{after} instead of {before}");
        // Readers have somebody to ask when it says that it is done.
        cluster.pgctl(&["status"]).await?.exits(0)?;
        oracle.writes_flow().await?;
        oracle.never_two()?;
        Ok(())
    })
}

#[test]
fn once_the_write_service_is_open_nothing_goes_back_by_itself() -> Result<()> {
    on_sandbox(1, async |cluster| {
        let before = cluster.write_selector()?;
        let backup = cluster.back_up(&["--physical"]).await?;
        cluster
            .struck(&backup, "point-service.middle=return(fail)")
            .await?
            .exits(5)?
            .says("restore --resume")?;
        // The endpoints follow the selector a moment later.
        let oracle = eventually("writes", async || Oracle::start(cluster).await).await?;
        cluster
            .pgctl(&["restore", "--abort"])
            .await?
            .exits(3)?
            .says("what clients have written to the restored data since")?;
        oracle.writes_flow().await?;
        // Somebody who knows what that costs: it is kept, and used by nobody.
        cluster
            .pgctl(&["restore", "--abort", "--yes"])
            .await?
            .exits(6)?
            .says(".undone")?;
        let after = cluster.write_selector()?;
        ensure!(after == before, "{after} instead of {before}");
        cluster.healthy("primary-0").await?;
        let kept = cluster
            .pgctl(&["restore", "--discard-old", "--dry-run"])
            .await?;
        kept.exits(0)?.says(".undone")?;
        Ok(())
    })
}

//! The disaster drill of docs/runbooks/disaster-drill.md, with a real S3 server; it prints the screens of that page.

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim};
use pgctl_sandbox::store::{DeleteOptions, Selector};

use crate::support::S3Server;
use crate::test_cluster::{Run, TestCluster, eventually, full, on_sandbox};

const STORE: &str = "s3://backups/postgres";

#[test]
#[ignore = "prints screens for a page; tests/restore has the same loss with a directory"]
fn every_volume_is_lost_and_the_cluster_comes_back_from_a_bucket() -> Result<()> {
    on_sandbox(2, async |cluster| {
        let s3 = S3Server::start().await;
        let filled = "create table precious as select generate_series(1, 1000) n";
        cluster.sql("primary-0", filled).await?;
        shown(
            cluster,
            &s3,
            &["backup", "--physical", "--label", "nightly"],
        )
        .await?;
        shown(cluster, &s3, &["backup", "verify", "--restore-test"]).await?;
        lose_every_volume(cluster).await?;
        // Somebody applies the manifests again: a new and empty cluster.
        cluster.scale("primary", 1)?;
        cluster.scale("replica", 2)?;
        shown(cluster, &s3, &["backup", "list"]).await?;
        shown(cluster, &s3, &["restore", "physical", "--yes"]).await?;
        eventually("a healthy cluster", async || {
            cluster.pgctl(&["status"]).await?.exits(0).map(drop)
        })
        .await?;
        shown(cluster, &s3, &["status"]).await?;
        for pod in ["primary-0", "replica-0", "replica-1"] {
            let rows = cluster.sql(pod, "select count(*) from precious").await?;
            ensure!(rows[0][0] == "1000", "{pod} has {} rows", rows[0][0]);
        }
        Ok(())
    })
}

/// Runs it as the page shows it.
async fn shown(cluster: &TestCluster, s3: &S3Server, arguments: &[&str]) -> Result<Run> {
    let environment = s3.environment();
    let mut all: Vec<(&str, &str)> = environment
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    all.push(("PGCTL_STORE", STORE));
    let run = cluster.pgctl_with(arguments, &all).await?.exits(0)?;
    println!(
        "$ pgctl {}\n{}{}",
        arguments.join(" "),
        run.stderr,
        run.stdout
    );
    Ok(run)
}

/// The volumes, and all that pgctl has written into the cluster; the manifests stay.
async fn lose_every_volume(cluster: &TestCluster) -> Result<()> {
    cluster.scale("primary", 0)?;
    cluster.scale("replica", 0)?;
    eventually("every pod is gone", async || {
        let pods = cluster.pods()?;
        ensure!(pods.is_empty(), "{} pods are left", pods.len());
        Ok(())
    })
    .await?;
    let claims = || -> Result<Vec<PersistentVolumeClaim>> {
        let everything = Selector::everything();
        let namespace = Some(cluster.namespace());
        Ok(cluster.store().read_all(namespace, &everything)?.items)
    };
    let options = DeleteOptions::default();
    for claim in claims()? {
        let name = claim.metadata.name.unwrap_or_default();
        cluster
            .store()
            .remove::<PersistentVolumeClaim>(cluster.namespace(), &name, &options)?;
    }
    // There is none before the first operation.
    cluster
        .store()
        .remove::<ConfigMap>(cluster.namespace(), &full("topology"), &options)
        .ok();
    eventually("every claim is gone", async || {
        ensure!(claims()?.is_empty(), "some are left");
        Ok(())
    })
    .await
}

//! The disaster drill of docs/runbooks/disaster-drill.md, with a real S3 server; it prints the screens of that page.

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim};
use pgctl_sandbox::store::{DeleteOptions, Selector};

use crate::lab::{Lab, Run, eventually, full, on_sandbox};
use crate::support::S3Server;

const STORE: &str = "s3://backups/postgres";

#[test]
#[ignore = "prints screens for a page; tests/restore has the same loss with a directory"]
fn every_volume_is_lost_and_the_cluster_comes_back_from_a_bucket() -> Result<()> {
    on_sandbox(2, async |lab| {
        let s3 = S3Server::start().await;
        let filled = "create table precious as select generate_series(1, 1000) n";
        lab.sql("primary-0", filled).await?;
        shown(lab, &s3, &["backup", "--physical", "--label", "nightly"]).await?;
        shown(lab, &s3, &["backup", "verify", "--restore-test"]).await?;
        lose_every_volume(lab).await?;
        // Somebody applies the manifests again: a new and empty cluster.
        lab.scale("primary", 1)?;
        lab.scale("replica", 2)?;
        shown(lab, &s3, &["backup", "list"]).await?;
        shown(lab, &s3, &["restore", "physical", "--yes"]).await?;
        eventually("a healthy cluster", async || {
            lab.pgctl(&["status"]).await?.exits(0).map(drop)
        })
        .await?;
        shown(lab, &s3, &["status"]).await?;
        for pod in ["primary-0", "replica-0", "replica-1"] {
            let rows = lab.sql(pod, "select count(*) from precious").await?;
            ensure!(rows[0][0] == "1000", "{pod} has {} rows", rows[0][0]);
        }
        Ok(())
    })
}

/// Runs it as the page shows it.
async fn shown(lab: &Lab, s3: &S3Server, arguments: &[&str]) -> Result<Run> {
    let environment = s3.environment();
    let mut all: Vec<(&str, &str)> = environment
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    all.push(("PGCTL_STORE", STORE));
    let run = lab.pgctl_with(arguments, &all).await?.exits(0)?;
    println!(
        "$ pgctl {}\n{}{}",
        arguments.join(" "),
        run.stderr,
        run.stdout
    );
    Ok(run)
}

/// The volumes, and all that pgctl has written into the cluster; the manifests stay.
async fn lose_every_volume(lab: &Lab) -> Result<()> {
    lab.scale("primary", 0)?;
    lab.scale("replica", 0)?;
    eventually("every pod is gone", async || {
        let pods = lab.pods()?;
        ensure!(pods.is_empty(), "{} pods are left", pods.len());
        Ok(())
    })
    .await?;
    let claims = || -> Result<Vec<PersistentVolumeClaim>> {
        let everything = Selector::everything();
        let namespace = Some(lab.namespace());
        Ok(lab.store().read_all(namespace, &everything)?.items)
    };
    let options = DeleteOptions::default();
    for claim in claims()? {
        let name = claim.metadata.name.unwrap_or_default();
        lab.store()
            .remove::<PersistentVolumeClaim>(lab.namespace(), &name, &options)?;
    }
    // There is none before the first operation.
    lab.store()
        .remove::<ConfigMap>(lab.namespace(), &full("topology"), &options)
        .ok();
    eventually("every claim is gone", async || {
        ensure!(claims()?.is_empty(), "some are left");
        Ok(())
    })
    .await
}

//! `pgctl version`.

use anyhow::{Context as _, Result, ensure};

use super::test_cluster::{SandboxCluster, full, on_sandbox};

const PRIMARY: &str = "primary-0";
const REPLICA: &str = "replica-0";

#[test]
fn versions_are_told_as_far_as_somebody_answers() -> Result<()> {
    on_sandbox(1, async |cluster| {
        everybody_answers(cluster).await?;
        the_client_asks_nobody(cluster).await?;
        without_a_cluster(cluster).await?;
        without_rights(cluster).await?;
        a_server_that_hangs_costs_its_row(cluster).await
    })
}

async fn everybody_answers(cluster: &SandboxCluster) -> Result<()> {
    let run = cluster.pgctl(&["version", "-o", "json"]).await?.exits(0)?;
    let document = run.json()?;
    assert_eq!(document["client"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(document["kubernetes"]["version"], "v1.33.0+pgctl-sandbox");
    let servers = &document["clusters"][0]["servers"];
    let said = cluster.sql(PRIMARY, "show server_version").await?;
    let said = format!("{said:?}");
    for (number, (pod, role)) in [(PRIMARY, "primary"), (REPLICA, "standby")]
        .iter()
        .enumerate()
    {
        let server = &servers[number];
        assert_eq!(server["pod"], full(pod));
        assert_eq!(server["role"], *role);
        let version = server["version"].as_str().context("a version")?;
        ensure!(said.contains(version), "{version} is not in {said}");
        ensure!(server["image"].is_string(), "an image: {server}");
    }
    let run = cluster.pgctl(&["version"]).await?.exits(0)?;
    run.says("Kubernetes  v1.33.0+pgctl-sandbox at https://")?
        .says(" on 2 of 2 servers of ")?;
    Ok(())
}

/// The kubeconfig is none: whoever reads it fails.
async fn the_client_asks_nobody(cluster: &SandboxCluster) -> Result<()> {
    let none = ["--kubeconfig", "/nonexistent"];
    let line = [&["version", "--client", "-q"], none.as_slice()].concat();
    let run = cluster.pgctl(&line).await?.exits(0)?;
    assert_eq!(run.stdout, format!("{}\n", env!("CARGO_PKG_VERSION")));
    let line = [&["version", "--client", "-o", "json"], none.as_slice()].concat();
    let document = cluster.pgctl(&line).await?.exits(0)?.json()?;
    ensure!(document["kubernetes"].is_null() && document["clusters"].is_null());
    Ok(())
}

async fn without_a_cluster(cluster: &SandboxCluster) -> Result<()> {
    let line = ["version", "--kubeconfig", "/nonexistent"];
    let run = cluster.pgctl(&line).await?.exits(0)?;
    run.says(env!("CARGO_PKG_VERSION"))?
        .says("Kubernetes  not known: ")?
        .says("next: ")?;
    let line = ["version", "-n", "nowhere"];
    let run = cluster.pgctl(&line).await?.exits(0)?;
    run.says("Kubernetes  v1.33.0")?
        .says("PostgreSQL  not known: ")?;
    Ok(())
}

/// Everybody may know which Kubernetes it is.
async fn without_rights(cluster: &SandboxCluster) -> Result<()> {
    let nobody = cluster.kubeconfig_of("nobody")?;
    let line = ["version", "--kubeconfig", &nobody];
    let run = cluster.pgctl(&line).await?.exits(0)?;
    run.says("Kubernetes  v1.33.0")?.says("statefulsets")?;
    Ok(())
}

async fn a_server_that_hangs_costs_its_row(cluster: &SandboxCluster) -> Result<()> {
    cluster.freeze(REPLICA).await?;
    let line = ["version", "--timeout", "3s", "-o", "json"];
    let document = cluster.pgctl(&line).await?.exits(0)?.json()?;
    let servers = &document["clusters"][0]["servers"];
    ensure!(servers[0]["version"].is_string(), "{servers}");
    ensure!(servers[1]["version"].is_null(), "{servers}");
    ensure!(servers[1]["error"].is_string(), "{servers}");
    ensure!(servers[1]["image"].is_string(), "{servers}");
    cluster.mend().await?;
    Ok(())
}

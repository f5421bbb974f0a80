//! `-o value=FIELD`: what a script gets of it.

use anyhow::{Result, ensure};

use super::test_cluster::{SandboxCluster, eventually, full, on_sandbox};

const PRIMARY: &str = "primary-0";
const REPLICA: &str = "replica-0";

#[test]
fn a_script_gets_the_one_field_that_it_asks_for() -> Result<()> {
    on_sandbox(1, async |cluster| {
        values_are_lines(cluster).await?;
        a_wrong_field_is_told_before_anything_is_begun(cluster).await?;
        a_failure_leaves_stdout_empty(cluster).await
    })
}

async fn value(cluster: &SandboxCluster, arguments: &[&str], field: &str) -> Result<String> {
    let field = format!("value={field}");
    let line = [arguments, &["-o", &field]].concat();
    Ok(cluster.pgctl(&line).await?.exits(0)?.stdout)
}

async fn values_are_lines(cluster: &SandboxCluster) -> Result<()> {
    let (primary, replica) = (full(PRIMARY), full(REPLICA));
    let said = value(cluster, &["status"], "summary.primary").await?;
    assert_eq!(said, format!("{primary}\n"));
    let said = value(cluster, &["version"], "clusters[0].servers[].pod").await?;
    assert_eq!(said, format!("{primary}\n{replica}\n"));
    let said = value(cluster, &["status", "-A"], "items[-1].summary.primary").await?;
    assert_eq!(said, format!("{primary}\n"));
    // Nothing is wrong, and nothing is said; on a busy machine the autoscaler takes a while to see its pods.
    eventually("nothing is wrong", async || {
        let said = value(cluster, &["status"], "findings[].code").await?;
        ensure!(said.is_empty(), "{said}");
        Ok(())
    })
    .await?;
    let plan = ["failover", "--to", REPLICA, "--dry-run"];
    let said = value(cluster, &plan, "steps[0].name").await?;
    ensure!(said.lines().count() == 1 && !said.contains('"'), "{said}");
    let rows = value(cluster, &["query", "select 1 as a, 'x y' as b"], "kind").await?;
    assert_eq!(rows, "QueryResult\n");
    // Each entry is a document of its own.
    let said = value(cluster, &["logs", "--tail", "5"], "pod").await?;
    ensure!(said.lines().count() > 1, "{said}");
    ensure!(
        said.lines().all(|it| it == primary || it == replica),
        "{said}"
    );
    Ok(())
}

/// The operation would have changed something, and the kubeconfig is none.
async fn a_wrong_field_is_told_before_anything_is_begun(cluster: &SandboxCluster) -> Result<()> {
    let line = [
        "failover",
        "--to",
        REPLICA,
        "--yes",
        "-o",
        "value=steps[].nam",
    ];
    let run = cluster.pgctl(&line).await?.exits(2)?;
    run.says("steps[] has no field nam")?
        .says("next: -o value=steps[].name")?;
    let primary = value(cluster, &["status"], "summary.primary").await?;
    assert_eq!(primary.trim_end(), full(PRIMARY), "nothing was changed");
    let line = [
        "status",
        "--kubeconfig",
        "/nonexistent",
        "-o",
        "value=summary.primry",
    ];
    let run = cluster.pgctl(&line).await?.exits(2)?;
    ensure!(run.stdout.is_empty(), "{run}");
    run.says("summary has no field primry")?
        .says("standbysStreaming")?
        .says("next: -o value=summary.primary")?;
    let run = cluster
        .pgctl(&["top", "-o", "value=kind"])
        .await?
        .exits(2)?;
    run.says("no document")?;
    let run = cluster
        .pgctl(&["status", "-o", "value=a[x]"])
        .await?
        .exits(2)?;
    run.says("names no field")?;
    let run = cluster.pgctl(&["status", "-o", "xml"]).await?.exits(2)?;
    run.says("value=FIELD")?;
    Ok(())
}

async fn a_failure_leaves_stdout_empty(cluster: &SandboxCluster) -> Result<()> {
    let line = ["status", "-n", "nowhere", "-o", "value=kind"];
    let run = cluster.pgctl(&line).await?.exits(2)?;
    ensure!(run.stdout.is_empty(), "{run}");
    run.says("error: ")?;
    Ok(())
}

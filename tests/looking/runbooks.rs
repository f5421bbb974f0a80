//! `examples/runbooks`: what somebody lets run by itself works, and tells when it did not.

use std::ffi::OsString;
use std::path::Path;
use std::process::Output;

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

use super::needs::{Need, does_without};
use super::test_cluster::{SandboxCluster, full, on_sandbox};

#[test]
fn the_runbooks_work_and_tell_when_they_did_not() -> Result<()> {
    if does_without(Need::Kubectl) {
        return Ok(());
    }
    on_sandbox(1, async |cluster| {
        without_a_backup_the_drill_tells(cluster).await?;
        every_night(cluster).await?;
        every_week(cluster).await?;
        before_a_drain(cluster).await
    })
}

/// Runs one, with a program for alerts that writes them into a file.
async fn run(
    cluster: &SandboxCluster,
    script: &str,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> Result<Output> {
    let folder = cluster.folder().join("runbooks");
    std::fs::create_dir_all(&folder)?;
    let alert = folder.join("alert");
    std::fs::write(&alert, "#!/bin/sh\necho \"$1: $2\" >> \"$0.log\"\n")?;
    executable(&alert)?;
    // The pgctl that is tested, under its name.
    let program = cluster.command(&[])?.as_std().get_program().to_owned();
    let link = folder.join("pgctl");
    if !link.exists() {
        std::os::unix::fs::symlink(program, link)?;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path: OsString =
        std::env::join_paths([folder].into_iter().chain(std::env::split_paths(&path)))?;
    let (variable, value) = cluster.environment();
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/runbooks")
        .join(script);
    let output = Command::new(script)
        .args(arguments)
        .env("PATH", path)
        .env(variable, value)
        .env("ALERT", alert)
        .env("PGCTL_STORE", cluster.folder().join("runbook-store"))
        .env("PGCTL_NAMESPACE", cluster.namespace())
        .env("RETRY_SECONDS", "0")
        .envs(environment.iter().copied())
        .kill_on_drop(true)
        .output();
    output.await.context("starting a runbook")
}

fn executable(file: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// The alerts since the last time.
fn alerts(cluster: &SandboxCluster) -> String {
    let log = cluster.folder().join("runbooks/alert.log");
    let text = std::fs::read_to_string(&log).unwrap_or_default();
    drop(std::fs::remove_file(log));
    text
}

fn says(output: &Output, words: &str) -> Result<()> {
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(text.contains(words), "does not say {words:?}: {output:?}");
    Ok(())
}

async fn without_a_backup_the_drill_tells(cluster: &SandboxCluster) -> Result<()> {
    let output = run(cluster, "restore-drill.sh", &[], &[]).await?;
    ensure!(!output.status.success(), "{output:?}");
    let told = alerts(cluster);
    ensure!(told.starts_with("critical: there is no backup"), "{told:?}");
    Ok(())
}

async fn every_night(cluster: &SandboxCluster) -> Result<()> {
    let output = run(cluster, "nightly-backup.sh", &[], &[]).await?;
    ensure!(output.status.success(), "{output:?}");
    says(&output, "taken and verified: ")?;
    assert_eq!(alerts(cluster), "");
    // Where no cluster is, somebody is told, with what the exit code means.
    let output = run(
        cluster,
        "nightly-backup.sh",
        &[],
        &[("PGCTL_NAMESPACE", "nowhere")],
    )
    .await?;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let told = alerts(cluster);
    ensure!(
        told.contains("no backup was taken tonight: the command line"),
        "{told:?}"
    );
    Ok(())
}

async fn every_week(cluster: &SandboxCluster) -> Result<()> {
    let output = run(cluster, "restore-drill.sh", &[], &[]).await?;
    ensure!(output.status.success(), "{output:?}");
    says(&output, "restored for a trial: ")?;
    assert_eq!(alerts(cluster), "");
    Ok(())
}

async fn before_a_drain(cluster: &SandboxCluster) -> Result<()> {
    let value = async |field: &str| -> Result<String> {
        let field = format!("value={field}");
        let run = cluster.pgctl(&["status", "-o", &field]).await?;
        Ok(run.stdout.trim_end().to_owned())
    };
    let (pods, nodes) = (
        value("instances[].pod").await?,
        value("instances[].node").await?,
    );
    let node_of = |tail: &str| {
        let mut both = pods.lines().zip(nodes.lines());
        both.find_map(|(pod, node)| (pod == full(tail)).then(|| node.to_owned()))
    };
    let (of_primary, of_standby) = (node_of("primary-0"), node_of("replica-0"));
    let (of_primary, of_standby) = of_primary.zip(of_standby).context("their nodes")?;
    ensure!(of_primary != of_standby, "both run on {of_primary}");
    // Nothing to do on the standby's node.
    let output = run(cluster, "before-a-drain.sh", &[&of_standby], &[]).await?;
    ensure!(output.status.success(), "{output:?}");
    says(&output, "does not run on")?;
    assert_eq!(value("summary.primary").await?, full("primary-0"));
    let output = run(cluster, "before-a-drain.sh", &[&of_primary], &[]).await?;
    ensure!(output.status.success(), "{output:?}");
    says(&output, "is the primary; writes were away for ")?;
    assert_eq!(value("summary.primary").await?, full("replica-0"));
    assert_eq!(alerts(cluster), "");
    // That another pod is the primary now is recorded, and is no finding in a look at all clusters either.
    let all = cluster
        .pgctl(&["status", "-A", "-o", "json"])
        .await?
        .json()?;
    let found = all["items"][0]["findings"].as_array().context("findings")?;
    let differs = found.iter().find(|it| it["code"] == "topology-differs");
    ensure!(differs.is_none(), "{differs:?}");
    Ok(())
}

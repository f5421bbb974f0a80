//! "Back to the old primary" of the runbook, by its own commands: the promoted pod is lost for good, no other standby
//! is left, and what was committed since the promotion is given up.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::needs::{Need, does_without};
use super::test_cluster::{Oracle, SandboxCluster, TestCluster, eventually, full, on_sandbox};

const RUNBOOK: &str = include_str!("../../docs/runbooks/failover.md");

/// The section's commands, of this cluster.
fn commands(cluster: &SandboxCluster) -> Result<String> {
    let (_, section) = RUNBOOK
        .split_once("## Back to the old primary")
        .context("the section")?;
    let (_, block) = section.split_once("```sh\n").context("its commands")?;
    let (block, _) = block.split_once("```").context("their end")?;
    let namespace = format!("NS={}", cluster.namespace());
    let named = block.replace("NS=staging", &namespace);
    Ok(named.replace("staging", "sandbox"))
}

/// As somebody types them.
fn type_them(cluster: &SandboxCluster, commands: &str) -> Result<()> {
    let (_, kubeconfig) = cluster.environment();
    let output = Command::new("sh")
        .args(["-euc", commands])
        .env("KUBECONFIG", kubeconfig)
        .output()
        .context("running sh")?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    ensure!(output.status.success(), "{said}");
    Ok(())
}

impl TestCluster {
    /// Why a pod does not start, in the start script's word.
    async fn waits(&self, tail: &str, word: &str) -> Result<()> {
        let found = format!("waiting: {word}");
        eventually(&format!("{tail} waits for {word}"), async || {
            let status = self.pgctl(&["status"]).await?;
            let mut lines = status.stdout.lines();
            let row = lines.find(|line| line.starts_with(&full(tail)));
            ensure!(row.is_some_and(|row| row.contains(&found)), "{status}");
            Ok(())
        })
        .await
    }
}

#[test]
fn the_old_primary_takes_over_again_and_a_lost_pod_that_comes_back_gets_a_new_volume() -> Result<()>
{
    if does_without(Need::Kubectl) {
        return Ok(());
    }
    on_sandbox(1, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let moved = ["failover", "--to", "replica-0", "--yes"];
        cluster.pgctl(&moved).await?.exits(0)?;
        oracle.writes_flow().await?;
        type_them(cluster, &commands(cluster)?)?;
        oracle.writes_flow().await?;
        oracle.never_two()?;
        // The lost pod's successor has its volume, and changes nothing.
        cluster.waits("replica-0", "rival-primary").await?;
        // Its data is newer than the primary's: no copy is ever put over that. A new volume ends what that has begun.
        let clone = ["rejoin", "replica-0", "--clone", "--yes"];
        let run = cluster.pgctl(&clone).await?.exits(5)?;
        run.says("it may be the only copy")?;
        let anew = ["reinit", "replica-0", "--yes"];
        cluster.pgctl(&anew).await?.exits(0)?;
        let history = cluster.pgctl(&["history"]).await?.exits(0)?;
        history.says("replaced")?;
        let primary = oracle.content_but_for_losses(cluster).await?;
        ensure!(primary == "primary-0", "{primary} is primary");
        cluster.no_stale_slots().await?;
        cluster.pgctl(&["status"]).await?.exits(0)?;
        Ok(())
    })
}

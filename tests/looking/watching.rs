//! `-w`: a pod that dies while it is looked at costs its own row, for as long as it is away.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use super::test_cluster::{PATIENCE, SandboxCluster, document, full, on_sandbox};

/// A command with `-w` while it runs: a document a line.
struct Watched {
    child: Child,
    documents: Lines<BufReader<ChildStdout>>,
    /// Where a server's answer stands.
    answer: &'static str,
}

impl Watched {
    fn begin(cluster: &SandboxCluster, command: &[&str], answer: &'static str) -> Result<Self> {
        let more = ["-w", "--interval", "300ms", "-o", "json"];
        let mut child = cluster.command(&[command, &more].concat())?.spawn()?;
        let stdout = child.stdout.take().context("stdout")?;
        Ok(Self {
            child,
            documents: BufReader::new(stdout).lines(),
            answer,
        })
    }

    /// Waits for a look in which just these pods do not answer, and say why.
    async fn misses(&mut self, missing: &[String]) -> Result<()> {
        let mut last = Value::Null;
        let looking = async {
            while let Some(line) = self.documents.next_line().await? {
                last = document(&line)?;
                if silent(&last, self.answer)? == missing {
                    return Ok(());
                }
            }
            anyhow::bail!("it ended")
        };
        let seen = tokio::time::timeout(PATIENCE, looking).await;
        let seen = seen.unwrap_or_else(|_| Err(anyhow::anyhow!("in vain")));
        seen.with_context(|| format!("waiting for {missing:?} alone to be silent: {last:#}"))
    }

    async fn ends_with_ctrl_c(mut self) -> Result<()> {
        let id = self.child.id().context("it runs")?.to_string();
        let kill = tokio::process::Command::new("kill")
            .args(["-INT", &id])
            .status();
        ensure!(kill.await?.success());
        // To the end: whoever has no room to write can't end.
        let reading = async {
            while self.documents.next_line().await?.is_some() {}
            Ok::<_, std::io::Error>(())
        };
        tokio::time::timeout(PATIENCE, reading).await??;
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await??;
        ensure!(status.code() == Some(130), "{status}");
        Ok(())
    }
}

/// Who does not answer; who does has no error, and who does not has one.
fn silent(look: &Value, answer: &str) -> Result<Vec<String>> {
    let servers = look["servers"].as_array().context("servers")?;
    ensure!(servers.len() == 3, "whose row is missing? {look:#}");
    let mut silent = Vec::new();
    for server in servers {
        let error = &server["error"];
        ensure!(
            server[answer].is_null() != error.is_null(),
            "an answer, or why there is none: {server:#}"
        );
        if let Some(error) = error.as_str() {
            ensure!(!error.is_empty(), "why? {server:#}");
            silent.push(server["pod"].as_str().context("a pod")?.to_owned());
        }
    }
    Ok(silent)
}

#[test]
fn who_dies_under_a_watch_costs_a_row_and_comes_back() -> Result<()> {
    on_sandbox(2, async |cluster| {
        let disk = ["disk", "--sample", "0s", "--timeout", "6s"];
        let mut connections =
            Watched::begin(cluster, &["connections", "--timeout", "6s"], "answer")?;
        let mut disk = Watched::begin(cluster, &disk, "usage")?;
        let everybody = async |connections: &mut Watched, disk: &mut Watched| {
            connections.misses(&[]).await?;
            disk.misses(&[]).await
        };
        everybody(&mut connections, &mut disk).await?;
        cluster.scale("primary", 0)?;
        cluster.gone("primary-0").await?;
        let away = [full("primary-0")];
        connections.misses(&away).await?;
        disk.misses(&away).await?;
        cluster.scale("primary", 1)?;
        everybody(&mut connections, &mut disk).await?;
        connections.ends_with_ctrl_c().await?;
        disk.ends_with_ctrl_c().await
    })
}

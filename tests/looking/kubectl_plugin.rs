//! `kubectl pgctl`: the real kubectl calls it, and it calls itself so.

use std::os::unix::fs::symlink;
use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};

use super::needs::{Need, does_without};
use super::test_cluster::{SandboxCluster, full, on_sandbox};

#[test]
fn kubectl_calls_it_and_it_suggests_itself() -> Result<()> {
    if does_without(Need::Kubectl) {
        return Ok(());
    }
    on_sandbox(1, async |cluster| {
        let folder = cluster.folder().join("plugins");
        std::fs::create_dir(&folder)?;
        let program = cluster.command(&[])?.as_std().get_program().to_owned();
        symlink(program, folder.join("kubectl-pgctl"))?;
        let kubectl = |arguments: &[&str]| kubectl(cluster, arguments);

        let run = kubectl(&["pgctl", "status", "-o", "value=summary.primary"])?;
        ensure!(run.status.success(), "{run:?}");
        assert_eq!(text(&run.stdout), format!("{}\n", full("primary-0")));

        // What was given for one is kept, and it can be typed as it stands.
        let run = kubectl(&["pgctl", "status", "-n", "nowhere"])?;
        assert_eq!(run.status.code(), Some(2), "{run:?}");
        let said = text(&run.stderr);
        let mut next = said.lines().filter(|it| it.contains("pgctl "));
        ensure!(next.all(|it| it.contains("kubectl pgctl ")), "{said}");

        let run = kubectl(&["pgctl", "lag", "--help"])?;
        let said = text(&run.stdout);
        ensure!(said.contains("Usage: kubectl pgctl lag"), "{said}");
        ensure!(said.contains("\n  kubectl pgctl lag"), "{said}");
        let run = kubectl(&["pgctl", "nonsense"])?;
        assert_eq!(run.status.code(), Some(2), "{run:?}");
        ensure!(
            text(&run.stderr).contains("Usage: kubectl pgctl"),
            "{run:?}"
        );
        Ok(())
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn kubectl(cluster: &SandboxCluster, arguments: &[&str]) -> Result<Output> {
    let (variable, value) = cluster.environment();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let plugins = cluster.folder().join("plugins");
    let path = std::env::join_paths([plugins].into_iter().chain(std::env::split_paths(&path)))?;
    let output = Command::new("kubectl")
        .args(arguments)
        .env("PATH", path)
        .env(variable, value)
        .output();
    output.context("running kubectl")
}

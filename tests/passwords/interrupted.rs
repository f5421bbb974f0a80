//! Killed at each step: the same command goes on, and `--abort` goes back.

use anyhow::{Context as _, Result, ensure};

use crate::secrets::{REPLICATION, SUPERUSER, is_settled, secret};
use crate::test_cluster::{SandboxCluster, on_sandbox};

const ROTATE: [&str; 4] = ["passwords", "rotate", "--all", "--yes"];

/// Each of the steps, before and after it, and how it is ended.
const KILLS: [(&str, &str); 12] = [
    ("write-next.before", "on"),
    ("write-next.after", "back"),
    ("write-next.after", "on"),
    ("alter.before", "back"),
    ("alter.before", "on"),
    ("alter.after", "back"),
    ("alter.after", "on"),
    ("make-current.before", "on"),
    ("make-current.after", "back"),
    ("make-current.after", "on"),
    ("forget-previous.before", "back"),
    ("forget-previous.after", "on"),
];

#[test]
fn killed_at_any_step_it_goes_on_or_back() -> Result<()> {
    on_sandbox(1, async |cluster| {
        for (point, way) in KILLS {
            strike(cluster, point, way)
                .await
                .with_context(|| format!("{point}, {way}"))?;
        }
        killed_on_the_way_back(cluster).await
    })
}

async fn strike(cluster: &SandboxCluster, point: &str, way: &str) -> Result<()> {
    let before = secret(cluster)?;
    let points = format!("passwords.{point}=return");
    cluster
        .pgctl_with(&ROTATE, &[("FAILPOINTS", &points)])
        .await?
        .was_killed()?;
    // Whoever looks now finds a way in.
    cluster.pgctl(&["status"]).await?.exits(0)?;
    let ask = ["psql", "--", "-XAtc", "values (4711)"];
    let run = cluster.pgctl(&ask).await?.exits(0)?;
    ensure!(run.stdout == "4711\n", "{run}");
    let begun = secret(cluster)?.len() > before.len();
    let back = [&ROTATE[..], &["--abort"]].concat();
    let line = if way == "back" {
        &back[..]
    } else {
        &ROTATE[..]
    };
    cluster.pgctl(line).await?.exits(0)?;
    is_settled(cluster)?;
    let after = secret(cluster)?;
    for key in [SUPERUSER, REPLICATION] {
        let same = after[key] == before[key];
        ensure!(
            same == (way == "back"),
            "{key}: the same: {same} (begun: {begun})"
        );
    }
    cluster.pgctl(&["status"]).await?.exits(0)?;
    Ok(())
}

async fn killed_on_the_way_back(cluster: &SandboxCluster) -> Result<()> {
    let before = secret(cluster)?;
    let points = |point: &str| format!("passwords.{point}=return");
    cluster
        .pgctl_with(&ROTATE, &[("FAILPOINTS", &points("make-current.after"))])
        .await?
        .was_killed()?;
    let back = [&ROTATE[..], &["--abort"]].concat();
    for point in ["alter.after", "restore-previous.before"] {
        cluster
            .pgctl_with(&back, &[("FAILPOINTS", &points(point))])
            .await?
            .was_killed()?;
        cluster.pgctl(&["status"]).await?.exits(0)?;
    }
    cluster.pgctl(&back).await?.exits(0)?;
    is_settled(cluster)?;
    ensure!(secret(cluster)? == before, "it is not as it was");
    cluster.pgctl(&["status"]).await?.exits(0)?;
    Ok(())
}

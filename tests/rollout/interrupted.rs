//! Killed at each step of a restart, and in the switchover: what is interrupted is finished or put back, and the rest is done.

use anyhow::{Context as _, Result, ensure};

use super::test_cluster::{Oracle, SandboxCluster, on_sandbox};
use super::world::BOTH;

async fn killed(cluster: &SandboxCluster, points: &str) -> Result<()> {
    cluster
        .pgctl_with(&["rollout", "--yes"], &[("FAILPOINTS", points)])
        .await?
        .was_killed()
        .map(drop)
}

/// A new template, a kill at this point, and its end.
async fn strike(
    cluster: &SandboxCluster,
    oracle: &Oracle,
    point: &str,
    ending: &str,
    image: &str,
) -> Result<()> {
    cluster.apply_image(&BOTH, image).await?;
    killed(cluster, &format!("{point}=return(kill)")).await?;
    oracle.writes_flow().await?;
    let another = cluster.pgctl(&["rollout", "--yes"]).await?.exits(3)?;
    another.says("nothing unfinished")?;
    let code = if ending == "--abort" { 6 } else { 0 };
    cluster
        .pgctl(&["rollout", ending, "--yes"])
        .await?
        .exits(code)?;
    if ending == "--abort" {
        oracle.content(cluster).await?;
        // What is left of it is an ordinary rollout.
        cluster.rolls_out(&[], 0).await?;
    }
    cluster.all_have(image)?;
    oracle.content(cluster).await?;
    Ok(())
}

#[test]
fn a_kill_at_any_moment_of_a_restart_is_finished_or_put_back() -> Result<()> {
    on_sandbox(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let cells = [
            ("restart-pod.before", "--abort"),
            ("restart-pod.middle", "--resume"),
            ("restart-pod.after", "--abort"),
            ("await-restarted.before", "--resume"),
            ("await-restarted.after", "--resume"),
        ];
        for (number, (point, ending)) in cells.into_iter().enumerate() {
            strike(
                cluster,
                &oracle,
                point,
                ending,
                &format!("postgres:17.{number}"),
            )
            .await
            .with_context(|| format!("{point} {ending}"))?;
        }
        Ok(())
    })
}

#[test]
fn a_kill_in_the_switchover_is_finished_as_such_and_leaves_nothing_to_do() -> Result<()> {
    on_sandbox(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        cluster.apply_image(&BOTH, "postgres:17.6").await?;
        killed(cluster, "promote.after=return(kill)").await?;
        let run = cluster.pgctl(&["rollout", "--resume"]).await?.exits(3)?;
        run.says("failover --resume")?;
        cluster.pgctl(&["failover", "--resume"]).await?.exits(0)?;
        oracle.content(cluster).await?;
        cluster.all_have("postgres:17.6")?;
        let rest = cluster.rolls_out(&[], 0).await?;
        ensure!(rest.contains("Nothing to do"), "{rest}");
        Ok(())
    })
}

//! Killed, or cut off, at each step: `--resume` finishes it, and `--abort` puts it back.

use anyhow::{Context as _, Result, ensure};

use super::test_cluster::{Oracle, TestCluster, eventually, full, on_cluster};

/// One interruption of a change and how it is ended.
async fn strike(
    cluster: &TestCluster,
    oracle: &Oracle,
    arguments: &[&str],
    point: &str,
    ending: &str,
) -> Result<()> {
    let points = format!("{point}=return(kill)");
    cluster
        .pgctl_with(arguments, &[("FAILPOINTS", &points)])
        .await?
        .was_killed()?;
    oracle.writes_flow().await?;
    let kind = arguments[0];
    let another = cluster.pgctl(arguments).await?;
    another.exits(3)?.says("nothing unfinished")?;
    let code = if ending == "--abort" { 6 } else { 0 };
    cluster.pgctl(&[kind, ending]).await?.exits(code)?;
    oracle.content(cluster).await?;
    Ok(())
}

async fn at(
    cluster: &TestCluster,
    oracle: &Oracle,
    number: &str,
    point: &str,
    ending: &str,
) -> Result<()> {
    let before = cluster.wanted_pods()?;
    let arguments = ["scale", number, "--pin", "--yes"];
    strike(cluster, oracle, &arguments, point, ending)
        .await
        .with_context(|| format!("scale {number}: {point} {ending}"))?;
    let wanted = match ending {
        "--abort" => before,
        _ => number.parse::<usize>()? + 1,
    };
    ensure!(
        cluster.wanted_pods()? == wanted,
        "{} pods are wanted after {point} {ending}",
        cluster.wanted_pods()?
    );
    Ok(())
}

/// Some of the cells, on every run.
#[test]
fn a_kill_at_a_step_is_finished_or_put_back() -> Result<()> {
    on_cluster(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        at(cluster, &oracle, "3", "patch-autoscaler.middle", "--abort").await?;
        cluster.bounds_are(2, 5)?;
        at(cluster, &oracle, "3", "await-standbys.before", "--resume").await?;
        at(cluster, &oracle, "2", "scale.after", "--resume").await?;
        cluster.is_forgotten("replica-2").await?;
        a_pod_that_comes_back_keeps_its_volume(cluster).await?;
        let set = ["sync", "set", "--standbys", "1", "--yes"];
        strike(cluster, &oracle, &set, "set-synchronous.before", "--resume").await
    })
}

/// While pgctl is about to delete a volume, the autoscaler gives it to a pod again.
async fn a_pod_that_comes_back_keeps_its_volume(cluster: &TestCluster) -> Result<()> {
    let point = "delete-volumes.before=return(kill)";
    let arguments = ["scale", "2", "--delete-volumes", "--yes"];
    cluster
        .pgctl_with(&arguments, &[("FAILPOINTS", point)])
        .await?
        .was_killed()?;
    cluster.set_bounds(3, 3)?;
    eventually("the pod is back", async || cluster.uid("replica-2")).await?;
    cluster
        .pgctl(&["scale", "--resume"])
        .await?
        .exits(5)?
        .says(&format!("data-{} belongs to", full("replica-2")))?
        .says(" scale 2 --delete-volumes")?;
    ensure!(
        cluster.has_volume("replica-2")?,
        "the volume in use is deleted"
    );
    Ok(())
}

/// Every cell.
#[test]
#[ignore = "every step at every moment: minutes"]
fn a_kill_at_every_step_and_moment_is_finished_or_put_back() -> Result<()> {
    on_cluster(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        cluster
            .pgctl(&["sync", "set", "--standbys", "1", "--yes"])
            .await?
            .exits(0)?;
        for moment in ["before", "middle", "after"] {
            for step in [
                "patch-autoscaler",
                "scale",
                "await-standbys",
                "set-synchronous",
            ] {
                let point = format!("{step}.{moment}");
                // Volumes that are left over make the wait one that only goes forward.
                if !matches!(step, "await-standbys" | "set-synchronous") {
                    at(cluster, &oracle, "3", &point, "--abort").await?;
                }
                at(cluster, &oracle, "3", &point, "--resume").await?;
                cluster
                    .pgctl(&["scale", "2", "--pin", "--yes"])
                    .await?
                    .exits(0)?;
            }
            let down = [
                "shrink-synchronous",
                "patch-autoscaler",
                "scale",
                "await-gone",
                "forget-standbys",
            ];
            for step in down {
                let point = format!("{step}.{moment}");
                for ending in ["--abort", "--resume"] {
                    cluster
                        .pgctl(&["scale", "3", "--pin", "--yes"])
                        .await?
                        .exits(0)?;
                    at(cluster, &oracle, "2", &point, ending).await?;
                }
                cluster.is_forgotten("replica-2").await?;
            }
        }
        oracle.content(cluster).await?;
        Ok(())
    })
}

//! With an autoscaler: the three ways, its bounds, and the primary among its pods.

use anyhow::{Result, ensure};

use super::test_cluster::{Oracle, eventually, on_cluster, on_sandbox};

#[test]
fn the_three_ways_a_pause_and_a_promoted_primary() -> Result<()> {
    on_sandbox(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let undecided = cluster.pgctl(&["scale", "3", "--yes"]).await?.exits(3)?;
        for way in ["--pin", "--permanent", "--temporary"] {
            ensure!(undecided.stderr.contains(way), "{way}: {undecided}");
        }
        cluster.bounds_are(2, 5)?;

        // On a terminal it asks, and goes on with what was chosen.
        let mut terminal = cluster.on_a_terminal(&["scale", "3"])?;
        terminal.shows("What is to become of it?").await?;
        // One down from the first: permanent.
        terminal.types("\u{1b}[B").await?;
        terminal.shows("Type yes to go on").await?;
        terminal.types("no").await?;
        let (code, screen) = terminal.ends().await?;
        ensure!(
            code == Some(3) && screen.contains("(permanent)"),
            "{code:?}: {screen}"
        );
        cluster.bounds_are(2, 5)?;

        // Temporary: within the bounds only, and the autoscaler stays as it is.
        cluster
            .refuses(&["scale", "6", "--temporary", "--yes"], "--pin")
            .await?;
        let temporary = cluster
            .pgctl(&["scale", "3", "--temporary", "--yes"])
            .await?;
        // That the autoscaler takes it back is what temporary means; on a slow machine it does so
        // before the pod has come.
        match temporary.status.code() {
            Some(8) => drop(temporary.says("was set to 2 meanwhile")?),
            _ => drop(temporary.exits(0)?),
        }
        cluster.bounds_are(2, 5)?;
        // Pinned: the bounds are remembered until the end of it.
        cluster
            .pgctl(&["scale", "2", "--pin", "--yes"])
            .await?
            .exits(0)?;
        let seen = cluster.autoscaler()?;
        ensure!(seen.bounds == (2, 2) && seen.notes.len() == 1, "{seen:?}");
        cluster
            .refuses(&["hpa", "set", "--max", "7", "--yes"], "paused")
            .await?;
        let shown = cluster.pgctl(&["hpa"]).await?.exits(0)?;
        ensure!(shown.stdout.starts_with("PAUSED"), "{shown}");
        cluster.pgctl(&["hpa", "resume", "--yes"]).await?.exits(0)?;
        cluster.bounds_are(2, 5)?;
        // Permanent: it is the new minimum, and the autoscaler itself adds what is missing.
        cluster
            .pgctl(&["scale", "3", "--permanent", "--yes"])
            .await?
            .exits(0)?;
        cluster.bounds_are(3, 5)?;
        oracle.content(cluster).await?;

        // What Kubernetes would refuse is not sent, and the dry run prints what would be.
        for wrong in [
            ["--min", "6"],
            ["--min", "0"],
            ["--max", "0"],
            ["--cpu", "0"],
        ] {
            let arguments = ["hpa", "set", wrong[0], wrong[1], "--yes"];
            cluster.refuses(&arguments, "refuse").await?;
        }
        let dry = cluster
            .pgctl(&["hpa", "set", "--max", "8", "--cpu", "60", "--dry-run"])
            .await?
            .exits(0)?;
        ensure!(dry.stdout.contains("\"maxReplicas\":8"), "{dry}");
        ensure!(dry.stdout.contains("\"averageUtilization\":60"), "{dry}");
        cluster.bounds_are(3, 5)?;
        cluster
            .pgctl(&["hpa", "set", "--min", "2", "--max", "6", "--yes"])
            .await?
            .exits(0)?;
        cluster.bounds_are(2, 6)?;

        // The primary moves to the last of them: no number and no bound takes it away.
        cluster
            .pgctl(&["scale", "3", "--pin", "--yes"])
            .await?
            .exits(0)?;
        cluster
            .pgctl(&["failover", "--to", "replica-2", "--rejoin", "--yes"])
            .await?
            .exits(0)?;
        let uid = cluster.uid("replica-2")?;
        for arguments in [
            &["scale", "2", "--pin", "--yes"][..],
            &["scale", "2", "--permanent", "--yes"],
            &["scale", "1", "--temporary", "--yes"],
            &["hpa", "set", "--min", "2", "--yes"],
        ] {
            cluster
                .refuses(arguments, "replica-2 is the primary")
                .await?;
        }
        // Nor does the end of the pause: the bounds of before would.
        cluster.pgctl(&["hpa", "resume", "--yes"]).await?.exits(0)?;
        let seen = cluster.autoscaler()?;
        ensure!(
            seen.bounds == (3, 6) && seen.notes.len() == 1,
            "the primary could be deleted: {seen:?}"
        );
        let primary = oracle.content(cluster).await?;
        ensure!(
            primary == "replica-2" && cluster.uid("replica-2")? == uid,
            "{primary} is primary"
        );
        // Back home the minimum of before comes back, through the pause.
        cluster.pgctl(&["hpa", "pause", "--yes"]).await?.exits(0)?;
        cluster
            .pgctl(&["failover", "--to", "primary-0", "--yes"])
            .await?
            .exits(0)?;
        let seen = cluster.autoscaler()?;
        ensure!(
            seen.bounds == (3, 3),
            "the failback has ended the pause: {seen:?}"
        );
        cluster.pgctl(&["hpa", "resume", "--yes"]).await?.exits(0)?;
        cluster.bounds_are(2, 6)?;
        oracle.content(cluster).await?;

        // A request that the pods do not have, and no autoscaler at all.
        cluster.request_no_cpu()?;
        cluster
            .refuses(&["hpa", "set", "--cpu", "50", "--yes"], "request no cpu")
            .await?;
        cluster.delete_autoscaler()?;
        let none = "no HorizontalPodAutoscaler";
        cluster
            .refuses(&["hpa", "set", "--min", "2", "--yes"], none)
            .await?;
        cluster.pgctl(&["hpa"]).await?.exits(3)?;
        Ok(())
    })
}

#[test]
fn a_minimum_that_is_raised_adds_pods() -> Result<()> {
    on_cluster(1, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        cluster
            .pgctl(&["hpa", "set", "--min", "2", "--max", "5", "--yes"])
            .await?
            .exits(0)?;
        eventually("the autoscaler adds a pod", async || {
            cluster.uid("replica-1")
        })
        .await?;
        oracle.content(cluster).await?;
        Ok(())
    })
}

//! More standbys and fewer, without an autoscaler.

use anyhow::{Result, ensure};

use super::test_cluster::{Oracle, TestCluster, eventually, on_cluster, on_sandbox};

#[test]
fn two_to_five_and_back_while_writes_go_on() -> Result<()> {
    on_cluster(2, async |cluster| {
        cluster.delete_autoscaler()?;
        let oracle = Oracle::start(cluster).await?;
        let up = cluster.pgctl(&["scale", "5", "--yes"]).await?.exits(0)?;
        // Every one of them serves when the command ends: nothing is waited for here.
        let standbys = cluster.sql(&cluster.primary().await?, STREAMING).await?;
        ensure!(standbys.len() == 5, "{standbys:?} stream: {up}");
        // Which of its stages are seen on the way depends on when it is looked.
        let on_the_way = [
            "does not exist yet",
            "starting",
            "copying the data",
            "streaming",
        ];
        ensure!(
            on_the_way.iter().any(|word| up.stderr.contains(word)),
            "no word of the way: {up}"
        );
        ensure!(
            up.stderr.contains("serves reads"),
            "no word of the end: {up}"
        );
        oracle.content(cluster).await?;

        let down = cluster.pgctl(&["scale", "2", "--yes"]).await?.exits(0)?;
        ensure!(cluster.pods()?.len() == 3, "pods are left: {down}");
        for tail in ["replica-2", "replica-3", "replica-4"] {
            cluster.is_forgotten(tail).await?;
            ensure!(
                cluster.has_volume(tail)?,
                "the volume of {tail} is gone: {down}"
            );
            down_names(&down.stdout, tail)?;
        }
        oracle.content(cluster).await?;

        // What they left behind is used again; then it is deleted.
        cluster.pgctl(&["scale", "3", "--yes"]).await?.exits(0)?;
        oracle.content(cluster).await?;
        cluster
            .pgctl(&["scale", "2", "--delete-volumes", "--yes"])
            .await?
            .exits(0)?;
        for tail in ["replica-2", "replica-3", "replica-4"] {
            ensure!(!cluster.has_volume(tail)?, "the volume of {tail} is left");
            cluster.is_forgotten(tail).await?;
        }
        ensure!(
            cluster.has_volume("replica-1")?,
            "a volume in use was deleted"
        );
        oracle.content(cluster).await?;
        every_change_is_in_the_history(cluster, 4).await
    })
}

const STREAMING: &str =
    "SELECT application_name FROM pg_stat_replication WHERE state = 'streaming'";

fn down_names(text: &str, tail: &str) -> Result<()> {
    ensure!(
        text.contains(&format!("data-{}", super::test_cluster::full(tail))),
        "the volume of {tail} is not named: {text}"
    );
    Ok(())
}

async fn every_change_is_in_the_history(cluster: &TestCluster, changes: usize) -> Result<()> {
    let history = cluster.pgctl(&["history", "-o", "json"]).await?.exits(0)?;
    let document = history.json()?;
    let operations = document["operations"].as_array().map_or(0, Vec::len);
    ensure!(operations == changes, "{operations} operations: {history}");
    Ok(())
}

/// A pod that finds no place: it is said where it hangs, the others are there, and the code says
/// that not everybody was there in time.
#[test]
fn a_pod_that_does_not_come_in_time_is_named() -> Result<()> {
    on_sandbox(1, async |cluster| {
        cluster.delete_autoscaler()?;
        cluster.change_replicas(|set| {
            let spec = set.spec.get_or_insert_default();
            let pod = spec.template.spec.get_or_insert_default();
            pod.node_selector = Some([("nowhere".to_owned(), "x".to_owned())].into());
        })?;
        let run = cluster
            .pgctl(&["scale", "2", "--yes", "--wait-timeout", "2s"])
            .await?
            .exits(8)?;
        ensure!(run.stdout.contains("replica-1"), "{run}");
        ensure!(run.stdout.contains("can't be scheduled"), "{run}");
        // Its number is taken back while it is waited for: then nobody waits for it any more.
        let taken_back = async {
            eventually("the pod is waited for", async || {
                let history = cluster.pgctl(&["history", "-o", "json"]).await?.json()?;
                let entries = history["unfinished"]["entries"].as_array();
                let begun = entries.is_some_and(|entries| {
                    entries
                        .iter()
                        .any(|it| it["event"] == "began" && it["step"] == "await-standbys")
                });
                ensure!(begun, "it is not: {history}");
                Ok(())
            })
            .await?;
            cluster.scale("replica", 1)
        };
        cluster.scale("replica", 1)?;
        cluster.gone("replica-1").await?;
        let waiting = cluster.pgctl(&["scale", "2", "--yes", "--wait-timeout", "5m"]);
        let (run, taken) = futures::join!(waiting, taken_back);
        taken?;
        run?.exits(8)?.says("was set to 1 meanwhile")?;
        // It is over: nothing is left to resume, and nothing stands in another's way.
        cluster.pgctl(&["scale", "1", "--yes"]).await?.exits(0)?;
        Ok(())
    })
}

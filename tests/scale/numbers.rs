//! More standbys and fewer, without an autoscaler.

use anyhow::{Result, ensure};

use super::lab::{Lab, Oracle, eventually, on_sandbox};

#[test]
fn two_to_five_and_back_while_writes_go_on() -> Result<()> {
    on_sandbox(2, async |lab| {
        lab.delete_autoscaler()?;
        let oracle = Oracle::start(lab).await?;
        let up = lab.pgctl(&["scale", "5", "--yes"]).await?.exits(0)?;
        // Every one of them serves when the command ends: nothing is waited for here.
        let standbys = lab.sql(&lab.primary().await?, STREAMING).await?;
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
        oracle.content(lab).await?;

        let down = lab.pgctl(&["scale", "2", "--yes"]).await?.exits(0)?;
        ensure!(lab.pods()?.len() == 3, "pods are left: {down}");
        for tail in ["replica-2", "replica-3", "replica-4"] {
            lab.is_forgotten(tail).await?;
            ensure!(
                lab.has_volume(tail)?,
                "the volume of {tail} is gone: {down}"
            );
            down_names(&down.stdout, tail)?;
        }
        oracle.content(lab).await?;

        // What they left behind is used again; then it is deleted.
        lab.pgctl(&["scale", "3", "--yes"]).await?.exits(0)?;
        oracle.content(lab).await?;
        lab.pgctl(&["scale", "2", "--delete-volumes", "--yes"])
            .await?
            .exits(0)?;
        for tail in ["replica-2", "replica-3", "replica-4"] {
            ensure!(!lab.has_volume(tail)?, "the volume of {tail} is left");
            lab.is_forgotten(tail).await?;
        }
        ensure!(lab.has_volume("replica-1")?, "a volume in use was deleted");
        oracle.content(lab).await?;
        every_change_is_in_the_history(lab, 4).await
    })
}

const STREAMING: &str =
    "SELECT application_name FROM pg_stat_replication WHERE state = 'streaming'";

fn down_names(text: &str, tail: &str) -> Result<()> {
    ensure!(
        text.contains(&format!("data-{}", super::lab::full(tail))),
        "the volume of {tail} is not named: {text}"
    );
    Ok(())
}

async fn every_change_is_in_the_history(lab: &Lab, changes: usize) -> Result<()> {
    let history = lab.pgctl(&["history", "-o", "json"]).await?.exits(0)?;
    let document = history.json()?;
    let operations = document["operations"].as_array().map_or(0, Vec::len);
    ensure!(operations == changes, "{operations} operations: {history}");
    Ok(())
}

/// A pod that finds no place: it is said where it hangs, the others are there, and the code says
/// that not everybody was there in time.
#[test]
fn a_pod_that_does_not_come_in_time_is_named() -> Result<()> {
    on_sandbox(1, async |lab| {
        lab.delete_autoscaler()?;
        lab.change_replicas(|set| {
            let spec = set.spec.get_or_insert_default();
            let pod = spec.template.spec.get_or_insert_default();
            pod.node_selector = Some([("nowhere".to_owned(), "x".to_owned())].into());
        })?;
        let run = lab
            .pgctl(&["scale", "2", "--yes", "--wait-timeout", "2s"])
            .await?
            .exits(8)?;
        ensure!(run.stdout.contains("replica-1"), "{run}");
        ensure!(run.stdout.contains("can't be scheduled"), "{run}");
        // Its number is taken back while it is waited for: then nobody waits for it any more.
        let taken_back = async {
            eventually("the pod is waited for", async || {
                let history = lab.pgctl(&["history", "-o", "json"]).await?.json()?;
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
            lab.scale("replica", 1)
        };
        lab.scale("replica", 1)?;
        eventually("the pod is gone", async || {
            ensure!(lab.uid("replica-1").is_err(), "it is there");
            Ok(())
        })
        .await?;
        let waiting = lab.pgctl(&["scale", "2", "--yes", "--wait-timeout", "5m"]);
        let (run, taken) = futures::join!(waiting, taken_back);
        taken?;
        run?.exits(8)?.says("was set to 1 meanwhile")?;
        // It is over: nothing is left to resume, and nothing stands in another's way.
        lab.pgctl(&["scale", "1", "--yes"]).await?.exits(0)?;
        Ok(())
    })
}

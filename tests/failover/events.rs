//! `--events`: what a runbook script reads while a switchover runs.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::test_cluster::{document, on_cluster};

/// Every line of a stream, each of which is valid by the published schema.
fn lines(stderr: &str) -> Result<Vec<Value>> {
    stderr.lines().map(document).collect()
}

fn named<'a>(events: &'a [Value], name: &str) -> Vec<&'a Value> {
    events.iter().filter(|it| it["event"] == name).collect()
}

#[test]
fn a_script_can_follow_a_switchover_line_by_line() -> Result<()> {
    on_cluster(1, async |cluster| {
        let arguments = ["failover", "--to", "replica-0", "--yes", "--events"];
        let run = cluster.pgctl(&arguments).await?.exits(0)?;
        let events = lines(&run.stderr)?;
        let planned = named(&events, "planned");
        ensure!(planned.len() == 1, "{events:?}");
        let steps = &planned[0]["steps"];
        let by = &named(&events, "started")
            .first()
            .context("who has started it")?["by"];
        ensure!(by.is_string(), "{by}");
        let began: Vec<Value> = named(&events, "step-began")
            .iter()
            .map(|it| it["step"].clone())
            .collect();
        let completed: Vec<Value> = named(&events, "step-completed")
            .iter()
            .map(|it| it["step"].clone())
            .collect();
        ensure!(Value::Array(began.clone()) == *steps, "{began:?}: {steps}");
        ensure!(Value::Array(completed) == *steps, "{events:?}");
        let id = &planned[0]["operation"];
        ensure!(
            id.is_string() && events.iter().all(|it| it["operation"] == *id),
            "{events:?}"
        );
        let ended = named(&events, "ended");
        ensure!(
            ended.len() == 1 && ended[0]["outcome"] == "done",
            "{ended:?}"
        );
        let last = events.last().context("a last line")?;
        ensure!(
            last["event"] == "exited" && last["exitCode"] == 0 && last["error"].is_null(),
            "{last}"
        );

        // What fails is told in the same stream, and nobody is asked.
        let asked = ["rejoin", "primary-0", "--events"];
        let run = cluster.pgctl(&asked).await?.exits(3)?;
        let events = lines(&run.stderr)?;
        let last = events.last().context("a last line")?;
        ensure!(
            last["event"] == "exited" && last["exitCode"] == 3 && last["error"]["what"].is_string(),
            "{last}"
        );
        let run = cluster
            .pgctl(&["failover", "--to", "nobody", "--yes", "--events"])
            .await?
            .exits(3)?;
        let events = lines(&run.stderr)?;
        ensure!(named(&events, "refused").len() == 1, "{events:?}");
        Ok(())
    })
}

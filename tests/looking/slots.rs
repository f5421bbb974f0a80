//! `pgctl slots drop`.

use anyhow::{Context as _, Result, ensure};

use crate::test_cluster::{SandboxCluster, VIEWER, eventually, full, on_sandbox, slot};

const PRIMARY: &str = "primary-0";
const REPLICA: &str = "replica-0";

#[test]
fn a_slot_is_dropped_when_nobody_uses_it_and_somebody_agrees() -> Result<()> {
    on_sandbox(1, async |cluster| {
        make(cluster, "left_over").await?;
        a_dry_run_changes_nothing(cluster).await?;
        nobody_is_asked_without_a_terminal(cluster).await?;
        one_in_use_is_never_dropped(cluster).await?;
        a_wrong_name_lists_what_there_is(cluster).await?;
        who_may_not_write_it_down_may_not_do_it(cluster).await?;
        one_that_came_into_use_meanwhile_stays(cluster).await?;
        while_the_primary_is_silent_nothing_is_guessed(cluster).await?;
        it_is_dropped_and_the_history_has_a_line(cluster).await
    })
}

async fn make(cluster: &SandboxCluster, name: &str) -> Result<()> {
    let sql = format!("select pg_create_physical_replication_slot('{name}', true)");
    cluster.sql(PRIMARY, &sql).await.map(drop)
}

async fn is_there(cluster: &SandboxCluster, name: &str) -> Result<bool> {
    let sql = format!("select from pg_replication_slots where slot_name = '{name}'");
    Ok(!cluster.sql(PRIMARY, &sql).await?.is_empty())
}

async fn a_dry_run_changes_nothing(cluster: &SandboxCluster) -> Result<()> {
    let line = ["slots", "drop", "left_over", "--dry-run", "-o", "json"];
    let document = cluster.pgctl(&line).await?.exits(0)?.json()?;
    assert_eq!(document["kind"], "Change");
    assert_eq!(document["outcome"], "proposed");
    assert_eq!(
        document["change"],
        format!("drop of physical slot left_over on {}", full(PRIMARY))
    );
    ensure!(is_there(cluster, "left_over").await?);
    Ok(())
}

async fn nobody_is_asked_without_a_terminal(cluster: &SandboxCluster) -> Result<()> {
    let run = cluster.pgctl(&["slots", "drop", "left_over"]).await?;
    run.exits(3)?.says("no terminal to confirm on")?;
    ensure!(is_there(cluster, "left_over").await?);
    Ok(())
}

async fn one_in_use_is_never_dropped(cluster: &SandboxCluster) -> Result<()> {
    let name = slot(REPLICA);
    let line = ["slots", "drop", &name, "--allow-slot-loss", "--yes"];
    let run = cluster.pgctl(&line).await?.exits(3)?;
    run.says(&format!(
        "refused: in use: {} streams through it",
        full(REPLICA)
    ))?;
    ensure!(is_there(cluster, &name).await?);
    Ok(())
}

async fn a_wrong_name_lists_what_there_is(cluster: &SandboxCluster) -> Result<()> {
    let run = cluster
        .pgctl(&["slots", "drop", "left_ove", "--yes"])
        .await?;
    run.exits(2)?
        .says(&slot(REPLICA))?
        .says("next: pgctl slots drop left_over")?;
    let hostile = "x'; select pg_drop_replication_slot('left_over'); --\u{1b}[2J";
    let run = cluster.pgctl(&["slots", "drop", hostile, "--yes"]).await?;
    let run = run.exits(2)?;
    ensure!(!run.stderr.contains('\u{1b}'), "{run}");
    let run = cluster
        .pgctl(&["slots", "drop", "left_over", "--pod", "replica-7"])
        .await?;
    run.exits(2)?.says(&full(REPLICA))?;
    ensure!(is_there(cluster, "left_over").await?);
    Ok(())
}

async fn who_may_not_write_it_down_may_not_do_it(cluster: &SandboxCluster) -> Result<()> {
    cluster.grant(VIEWER, "vera")?;
    let kubeconfig = cluster.kubeconfig_of("vera")?;
    let line = [
        "--kubeconfig",
        &kubeconfig,
        "slots",
        "drop",
        "left_over",
        "--yes",
    ];
    let run = cluster.pgctl(&line).await?;
    run.exits(3)?.says("create configmaps, update configmaps")?;
    ensure!(is_there(cluster, "left_over").await?);
    Ok(())
}

/// While somebody thinks about it a standby begins to stream through it.
async fn one_that_came_into_use_meanwhile_stays(cluster: &SandboxCluster) -> Result<()> {
    let mut terminal = cluster.on_a_terminal(&["slots", "drop", "left_over"])?;
    terminal.shows("to go on: ").await?;
    // Not allowed within a transaction, which several statements would be.
    for sql in [
        "alter system set primary_slot_name = 'left_over'",
        "select pg_reload_conf()",
    ] {
        cluster.sql(REPLICA, sql).await?;
    }
    eventually("a standby that streams through it", async || {
        let active = "select from pg_replication_slots where slot_name = 'left_over' and active";
        ensure!(!cluster.sql(PRIMARY, active).await?.is_empty(), "idle");
        Ok(())
    })
    .await?;
    terminal.types(&cluster.name()?).await?;
    let (exit, screen) = terminal.ends().await?;
    assert_eq!(exit, Some(3), "{screen}");
    ensure!(screen.contains("refused: in use: "), "{screen}");
    ensure!(is_there(cluster, "left_over").await?);
    let own = format!("alter system set primary_slot_name = '{}'", slot(REPLICA));
    for sql in [own.as_str(), "select pg_reload_conf()"] {
        cluster.sql(REPLICA, sql).await?;
    }
    eventually("a slot that is idle again", async || {
        let idle = "select from pg_replication_slots where slot_name = 'left_over' and not active";
        ensure!(!cluster.sql(PRIMARY, idle).await?.is_empty(), "in use");
        Ok(())
    })
    .await
}

/// The standby has one of the same name: which of them is meant is not known.
async fn while_the_primary_is_silent_nothing_is_guessed(cluster: &SandboxCluster) -> Result<()> {
    let make = "select pg_create_physical_replication_slot('left_over', true)";
    cluster.sql(REPLICA, make).await?;
    cluster.freeze(PRIMARY).await?;
    let mut runs = Vec::new();
    for slot in ["left_over", "nosuch"] {
        let line = ["slots", "drop", slot, "--yes", "--timeout", "3s"];
        runs.push(cluster.pgctl(&line).await?);
    }
    cluster.mend().await?;
    for run in &mut runs {
        ensure!(run.status.code() == Some(7), "{run}");
        ensure!(run.stderr.contains(&full(PRIMARY)), "{run}");
    }
    let next = format!("next: pgctl slots drop left_over --pod {}", full(REPLICA));
    ensure!(runs[0].stderr.contains(&next), "{}", runs[0]);
    let there = "select from pg_replication_slots where slot_name = 'left_over'";
    ensure!(!cluster.sql(REPLICA, there).await?.is_empty(), "it is gone");
    let line = ["slots", "drop", "left_over", "--pod", REPLICA, "--dry-run"];
    let run = cluster.pgctl(&line).await?.exits(0)?;
    ensure!(run.to_string().contains(&full(REPLICA)), "{run}");
    let end = "select pg_drop_replication_slot('left_over')";
    cluster.sql(REPLICA, end).await?;
    ensure!(
        is_there(cluster, "left_over").await?,
        "the primary's is gone"
    );
    cluster.all_stream().await.map(drop)
}

async fn it_is_dropped_and_the_history_has_a_line(cluster: &SandboxCluster) -> Result<()> {
    let run = cluster
        .pgctl(&["slots", "drop", "left_over", "--yes"])
        .await?;
    run.exits(0)?.says("done, and looked at")?;
    ensure!(!is_there(cluster, "left_over").await?);
    let history = cluster.pgctl(&["history", "-o", "json"]).await?.exits(0)?;
    let history = history.json()?;
    let changes = history["changes"].as_array().context("a list")?;
    let [change] = changes.as_slice() else {
        anyhow::bail!("one was made: {changes:?}");
    };
    assert_eq!(change["outcome"], "done");
    let words = format!("drop of physical slot left_over on {}", full(PRIMARY));
    assert_eq!(change["change"], words);
    let run = cluster.pgctl(&["history"]).await?.exits(0)?;
    run.says(&words)?;
    Ok(())
}

//! Whatever changes something can be looked at first, is done when somebody has agreed, and is written down.

use anyhow::{Context as _, Result, ensure};

use super::test_cluster::{Database, SandboxCluster, VIEWER, on_sandbox};

const PRIMARY: &str = "primary-0";

/// A session whose process has the number that stands for `PID` in [`CHANGES`].
async fn victim(cluster: &SandboxCluster) -> Result<(Database, String)> {
    let session = cluster.open(PRIMARY).await?;
    let pid = session.one("select pg_backend_pid()").await?;
    Ok((session, pid))
}

/// One after the other: each finds what the ones before have left. With what tells in the history that it was done.
const CHANGES: [(&[&str], &str); 8] = [
    (
        &["users", "create", "app", "--database", "shop"],
        "user app",
    ),
    (&["users", "drop", "app"], "user app"),
    (&["config", "set", "temp_buffers=9MB"], "temp_buffers"),
    (&["config", "unset", "temp_buffers"], "temp_buffers"),
    (&["config", "reload"], "reload"),
    (&["slots", "drop", "left_over"], "left_over"),
    (&["queries", "terminate", "PID", "--pod", PRIMARY], "PID"),
    (
        &["query", "--write", "create table agreed ()"],
        "CREATE TABLE",
    ),
];

#[test]
fn whatever_changes_something_is_agreed_to_and_written_down() -> Result<()> {
    on_sandbox(1, async |cluster| {
        for sql in [
            "create database shop",
            "select pg_create_physical_replication_slot('left_over', true)",
        ] {
            cluster.sql(PRIMARY, sql).await?;
        }
        cluster.grant(VIEWER, "vera")?;
        let vera = cluster.kubeconfig_of("vera")?;
        let (_session, pid) = victim(cluster).await?;
        for (line, words) in CHANGES {
            let line = line.iter().map(|it| if *it == "PID" { &pid } else { *it });
            let line: Vec<&str> = line.collect();
            let words = words.replace("PID", &format!("PID {pid}"));
            nobody_has_agreed(cluster, &line, &vera)
                .await
                .with_context(|| line.join(" "))?;
            let before = lines(cluster, &words).await?;
            let line = [&line[..], &["--yes"]].concat();
            cluster.pgctl(&line).await?.exits(0)?;
            let after = lines(cluster, &words).await?;
            ensure!(
                after == before + 1,
                "{}: {before} lines of {words:?} before, and {after}",
                line.join(" ")
            );
        }
        Ok(())
    })
}

/// A dry run, no terminal, the wrong word, Ctrl-C, and somebody who may only look: nothing is changed, or noted.
async fn nobody_has_agreed(cluster: &SandboxCluster, line: &[&str], vera: &str) -> Result<()> {
    let before = lines(cluster, "").await?;
    let dry = [line, &["--dry-run"]].concat();
    cluster.pgctl(&dry).await?.exits(0)?;
    let run = cluster.pgctl(line).await?.exits(3)?;
    run.says("no terminal to confirm on")?;
    let viewer = [&["--kubeconfig", vera], line, &["--yes"]].concat();
    cluster.pgctl(&viewer).await?.exits(3)?;
    for (keys, code, words) in [(&b"no\n"[..], 3, "nothing was changed"), (b"\x03", 130, "")] {
        let mut terminal = cluster.on_a_terminal(line)?;
        terminal.shows("to go on").await?.presses(keys).await?;
        let (exit, screen) = terminal.ends().await?;
        ensure!(exit == Some(code), "{exit:?}: {screen}");
        ensure!(screen.contains(words), "{screen}");
    }
    let after = lines(cluster, "").await?;
    ensure!(after == before, "the history has a line of it");
    Ok(())
}

/// How many lines of the history have these words.
async fn lines(cluster: &SandboxCluster, words: &str) -> Result<usize> {
    let history = cluster.pgctl(&["history", "-o", "json"]).await?;
    let history = history.exits(0)?.json()?;
    let changes = history["changes"].as_array().cloned().unwrap_or_default();
    let told = changes.iter().filter_map(|it| it["change"].as_str());
    Ok(told.filter(|it| it.contains(words)).count())
}

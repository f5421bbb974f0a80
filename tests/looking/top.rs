//! `pgctl top`.

use std::process::Stdio;

use anyhow::{Result, ensure};

use crate::test_cluster::{PATIENCE, SandboxCluster, Terminal, VIEWER, eventually, on_sandbox};

const PRIMARY: &str = "primary-0";
const REPLICA: &str = "replica-0";

/// Leaves the alternate screen (`rmcup` of an xterm).
const LEFT: &str = "\u{1b}[?1049l";

#[test]
fn what_every_server_does_is_shown_live_and_in_lines() -> Result<()> {
    on_sandbox(1, async |cluster| {
        a_pipe_gets_lines(cluster).await?;
        a_document_is_refused(cluster).await?;
        a_screen_shows_all_servers_and_ends_with_q(cluster).await?;
        ctrl_c_gives_the_terminal_back(cluster).await?;
        a_statement_is_cancelled_from_the_screen(cluster).await?;
        ctrl_c_is_heard_while_a_cancel_hangs(cluster).await?;
        a_dumb_terminal_gets_lines(cluster).await?;
        a_server_that_hangs_costs_its_row(cluster).await?;
        no_answer_at_all_is_no_success(cluster).await?;
        a_password_that_changes_is_no_end_of_it(cluster).await
    })
}

async fn a_pipe_gets_lines(cluster: &SandboxCluster) -> Result<()> {
    let line = ["top", "--count", "4", "--interval", "1s"];
    let run = cluster.pgctl(&line).await?.exits(0)?;
    ensure!(run.stdout.starts_with("TIME "), "{run}");
    // The first look has nothing to compare with; the last has rates.
    let last = |pod: &str| run.stdout.lines().rfind(|line| line.contains(pod));
    let primary = last("primary-0").unwrap_or_default();
    let words: Vec<_> = primary.split_whitespace().collect();
    ensure!(words.get(2) == Some(&"primary"), "{run}");
    ensure!(
        words.get(3).is_some_and(|tps| tps.parse::<f64>().is_ok()),
        "{run}"
    );
    let standby = last(REPLICA).unwrap_or_default();
    ensure!(standby.contains("standby"), "{run}");
    Ok(())
}

async fn a_document_is_refused(cluster: &SandboxCluster) -> Result<()> {
    let run = cluster.pgctl(&["top", "-o", "json"]).await?;
    run.exits(2)?.says("pgctl status -w -o json")?;
    Ok(())
}

async fn a_screen_shows_all_servers_and_ends_with_q(cluster: &SandboxCluster) -> Result<()> {
    let mut terminal = cluster.on_a_terminal(&["top"])?;
    terminal.shows("primary-0").await?.shows(REPLICA).await?;
    terminal.presses(b"sq").await?;
    let (exit, screen) = terminal.ends().await?;
    assert_eq!(exit, Some(0), "{screen:?}");
    ensure!(screen.contains(LEFT), "{screen:?}");
    Ok(())
}

async fn ctrl_c_gives_the_terminal_back(cluster: &SandboxCluster) -> Result<()> {
    let mut terminal = cluster.on_a_terminal(&["top"])?;
    terminal.shows("primary-0").await?.presses(b"\x03").await?;
    let (exit, screen) = terminal.ends().await?;
    assert_eq!(exit, Some(130), "{screen:?}");
    ensure!(screen.contains(LEFT), "{screen:?}");
    Ok(())
}

async fn a_statement_is_cancelled_from_the_screen(cluster: &SandboxCluster) -> Result<()> {
    let sleeper = cluster.open(PRIMARY).await?;
    let sleeping =
        tokio::spawn(async move { sleeper.client().simple_query("select pg_sleep(600)").await });
    let mut terminal = cluster.on_a_terminal(&["top"])?;
    terminal.shows("pg_sleep").await?;
    // The cursor goes to it. A screen is drawn by what has changed, so that sentences come in pieces: what
    // has happened is asked of the server.
    terminal.presses(b"\x1b[B").await?.presses(b"cy").await?;
    let error = sleeping.await?.expect_err("it was cancelled");
    let state = error.code().map(|it| it.code().to_owned());
    assert_eq!(state.as_deref(), Some("57014"), "{error}");
    eventually("a line in the history", async || {
        let history = cluster.pgctl(&["history"]).await?.exits(0)?;
        history.says("done").map(drop)
    })
    .await?;
    terminal.presses(b"q").await?;
    let (exit, screen) = terminal.ends().await?;
    assert_eq!(exit, Some(0), "{screen:?}");
    let history = cluster.pgctl(&["history"]).await?.exits(0)?;
    history.says("cancel")?;
    Ok(())
}

async fn ctrl_c_is_heard_while_a_cancel_hangs(cluster: &SandboxCluster) -> Result<()> {
    let sleeper = cluster.open(PRIMARY).await?;
    let sleeping =
        tokio::spawn(async move { sleeper.client().simple_query("select pg_sleep(600)").await });
    let mut terminal = cluster.on_a_terminal(&["top", "--timeout", "10m"])?;
    terminal.shows("pg_sleep").await?.presses(b"\x1b[B").await?;
    cluster.freeze(PRIMARY).await?;
    terminal.presses(b"cy").await?.presses(b"\x03").await?;
    let (exit, screen) = terminal.ends().await?;
    assert_eq!(exit, Some(130), "{screen:?}");
    ensure!(screen.contains(LEFT), "{screen:?}");
    ensure!(screen.contains("is not known"), "{screen:?}");
    cluster.mend().await?;
    sleeping.abort();
    Ok(())
}

async fn a_password_that_changes_is_no_end_of_it(cluster: &SandboxCluster) -> Result<()> {
    let line = ["top", "--count", "3600", "--interval", "1s"];
    let mut top = cluster.command(&line)?.stdout(Stdio::null()).spawn()?;
    // This one stays: it knows the old password only.
    let session = cluster.open(REPLICA).await?;
    let since = async |moment: &str| {
        let sessions = format!(
            "select count(*) from pg_stat_activity where application_name = 'pgctl' \
             and backend_start > '{moment}'"
        );
        eventually("it is logged in", async || {
            ensure!(session.one(&sessions).await? != "0", "it is not");
            Ok(())
        })
        .await
    };
    since("-infinity").await?;
    let rotate = ["passwords", "rotate", "superuser", "--yes"];
    cluster.pgctl(&rotate).await?.exits(0)?;
    let end = "select max(clock_timestamp()), count(pg_terminate_backend(pid)) from pg_stat_activity \
         where application_name = 'pgctl'";
    let moment = session.one(end).await?;
    since(&moment).await?;
    top.kill().await?;
    Ok(())
}

async fn a_server_that_hangs_costs_its_row(cluster: &SandboxCluster) -> Result<()> {
    cluster.freeze(REPLICA).await?;
    let line = ["top", "--count", "8", "--interval", "1s", "--timeout", "2s"];
    let run = cluster.pgctl(&line).await?.exits(0)?;
    cluster.mend().await?;
    let last = |pod: &str| run.stdout.lines().rfind(|line| line.contains(pod));
    ensure!(
        last(REPLICA).is_some_and(|it| it.contains("no answer within 2 s")),
        "{run}"
    );
    ensure!(
        last(PRIMARY).is_some_and(|it| it.contains(" primary ")),
        "{run}"
    );
    Ok(())
}

async fn no_answer_at_all_is_no_success(cluster: &SandboxCluster) -> Result<()> {
    cluster.grant(
        &VIEWER
            .replace("pods/portforward", "pods/status")
            .replace("name: pgctl-viewer", "name: no-forward"),
        "finn",
    )?;
    let finn = cluster.kubeconfig_of("finn")?;
    let line = ["--kubeconfig", &finn, "top", "--count", "2"];
    let run = tokio::time::timeout(PATIENCE, cluster.pgctl(&line)).await??;
    run.exits(7)?.says("no database answers")?;
    for pod in [PRIMARY, REPLICA] {
        cluster.freeze(pod).await?;
    }
    let line = ["top", "--count", "3", "--timeout", "2s"];
    let run = tokio::time::timeout(PATIENCE, cluster.pgctl(&line)).await??;
    cluster.mend().await?;
    run.exits(7)?.says("no database answers")?;
    Ok(())
}

/// A terminal that can only write lines gets lines.
async fn a_dumb_terminal_gets_lines(cluster: &SandboxCluster) -> Result<()> {
    let (line, environment) = cluster.terminal_line(&["top", "--count", "2"])?;
    let terminal = Terminal::runs(&format!("env TERM=dumb {line}"), &environment)?;
    let (exit, screen) = terminal.ends().await?;
    assert_eq!(exit, Some(0), "{screen:?}");
    ensure!(
        screen.contains("TIME ") && screen.contains(REPLICA),
        "{screen:?}"
    );
    ensure!(!screen.contains('\u{1b}'), "{screen:?}");
    Ok(())
}

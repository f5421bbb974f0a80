//! What every command that looks has to stand: nobody accepts writes, a server hangs, nobody may look, nobody reads
//! what is printed, names are hostile, the terminal is narrow.

use std::process::Stdio;

use anyhow::{Context as _, Result, bail, ensure};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use pgctl::cli::command;

use super::test_cluster::{Run, SandboxCluster, document, eventually, full, on_sandbox};

/// Each of them with its arguments, as somebody types it who wants to know.
pub(super) const LOOKS: [&[&str]; 26] = [
    &["status"],
    &["status", "-A"],
    &["doctor", "-A"],
    &["query", "--all", "select pg_is_in_recovery()"],
    &["query", "-A", "--all", "select pg_is_in_recovery()"],
    &["lag"],
    &["slots"],
    &["hpa"],
    &["sync"],
    &["history"],
    &["logs", "--tail", "50"],
    &["doctor"],
    &["queries"],
    &["queries", "--top"],
    &["locks"],
    &["connections"],
    &["databases"],
    &["users"],
    &["config"],
    &["config", "diff"],
    &["tune"],
    &["disk", "--sample", "0s"],
    &["metrics"],
    &["metrics", "-A"],
    &["backup", "list"],
    &["backup", "list", "-A"],
];

/// What changes something, goes on until it is ended, or has nothing to do with a cluster's state. Each has
/// tests of its own.
const OTHERS: [&str; 20] = [
    "completion",
    "drain",
    "explain",
    "failover",
    "passwords",
    "pooler",
    "port-forward",
    "psql",
    "rejoin",
    "reinit",
    "report",
    "restore",
    "rollout",
    "scale",
    "shell",
    "top",
    "upgrade",
    "version",
    "wal",
    "help",
];

const PRIMARY: &str = "primary-0";
const REPLICA: &str = "replica-1";

/// A terminal escape, and a line of its own.
pub(super) const HOSTILE: &str = "shop\u{1b}]0;owned\u{7}\nHEALTHY \"';--";

#[test]
fn every_command_stands_a_bad_night() -> Result<()> {
    nobody_is_forgotten()?;
    on_sandbox(2, async |cluster| {
        strange_names(cluster).await?;
        backups(cluster).await?;
        in_good_times(cluster).await?;
        those_of_their_own_kind(cluster, &[0]).await?;
        nobody_reads(cluster).await?;
        a_narrow_terminal(cluster).await?;
        nobody_may_look(cluster).await?;
        a_server_hangs(cluster).await?;
        nobody_accepts_writes(cluster).await
    })
}

fn nobody_is_forgotten() -> Result<()> {
    let command = command();
    let visible = command.get_subcommands().filter(|it| !it.is_hide_set());
    let names: Vec<&str> = visible.map(clap::Command::get_name).collect();
    let known = |name: &str| OTHERS.contains(&name) || LOOKS.iter().any(|line| line[0] == name);
    let forgotten: Vec<&&str> = names.iter().filter(|name| !known(name)).collect();
    ensure!(
        forgotten.is_empty(),
        "neither in LOOKS nor in OTHERS: {forgotten:?}"
    );
    Ok(())
}

/// Runs each of them, with more arguments; `holds` is to be true of each.
async fn each(
    cluster: &SandboxCluster,
    more: &[&str],
    holds: impl Fn(&[&str], Run) -> Result<()>,
) -> Result<()> {
    let store = cluster.folder().join("backups");
    let store = store.to_string_lossy().into_owned();
    let runs = LOOKS.map(|line| {
        let mut arguments = [line, more].concat();
        if line[0] == "backup" {
            arguments.extend(["--store", &store]);
        }
        async move { (line, cluster.pgctl(&arguments).await) }
    });
    let mut runs = futures::stream::iter(runs).buffered(3);
    let secret = cluster.login.password();
    let mut wrong = Vec::new();
    while let Some((line, run)) = runs.next().await {
        let run = run?;
        let text = run.to_string();
        let begin: Vec<&str> = text.lines().take(40).collect();
        let begin = begin.join("\n");
        let held = decent(&run, secret).and_then(|()| holds(line, run));
        if let Err(why) = held {
            wrong.push(format!("{why:#}\n{begin}"));
        }
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n\n"));
    }
    Ok(())
}

/// Whatever happens.
pub(super) fn decent(run: &Run, secret: &str) -> Result<()> {
    for text in [&run.stdout, &run.stderr] {
        ensure!(!text.contains("panicked"), "it panicked");
        ensure!(!text.contains(secret), "it shows a password");
        let control = text.chars().find(|c| c.is_control() && *c != '\n');
        ensure!(control.is_none(), "{control:?} goes to the terminal");
        let forged = text.lines().any(|line| line.starts_with("HEALTHY \""));
        ensure!(!forged, "a name makes a line of its own");
    }
    Ok(())
}

/// One of these exit codes.
fn exits(run: &Run, codes: &[i32]) -> Result<()> {
    let code = run.status.code().context("it was killed")?;
    ensure!(codes.contains(&code), "{code} is none of {codes:?}");
    Ok(())
}

/// An error says what to type next.
fn tells_what_next(run: &Run) -> Result<()> {
    let next = run
        .stderr
        .lines()
        .any(|line| line.trim_start().starts_with("next: "));
    ensure!(next, "no next");
    Ok(())
}

async fn strange_names(cluster: &SandboxCluster) -> Result<()> {
    let identifier = format!("\"{}\"", HOSTILE.replace('"', "\"\""));
    for sql in [
        format!("CREATE ROLE {identifier} LOGIN SUPERUSER"),
        format!("CREATE DATABASE {identifier} OWNER {identifier}"),
        format!("ALTER ROLE {identifier} SET work_mem = '5MB'"),
    ] {
        cluster.sql(PRIMARY, &sql).await?;
    }
    Ok(())
}

async fn backups(cluster: &SandboxCluster) -> Result<()> {
    let store = cluster.folder().join("backups");
    let store = store.to_string_lossy().into_owned();
    for backup in [&["backup"][..], &["backup", "--physical"]] {
        let taken = [backup, &["--store", &store]].concat();
        cluster.pgctl(&taken).await?.exits(0)?;
    }
    Ok(())
}

async fn in_good_times(cluster: &SandboxCluster) -> Result<()> {
    each(cluster, &[], |_, run| exits(&run, &[0])).await?;
    each(cluster, &["-o", "json"], |line, run| {
        // Its format is OpenMetrics.
        if line[0] == "metrics" {
            exits(&run, &[2])?;
            return tells_what_next(&run);
        }
        exits(&run, &[0])?;
        match line[0] {
            // JSON Lines.
            "logs" => run.stdout.lines().try_for_each(|it| document(it).map(drop)),
            _ => run.json().map(drop),
        }
    })
    .await
}

/// What would go on, writes a file or starts a program: with `codes` where somebody has to accept writes.
async fn those_of_their_own_kind(cluster: &SandboxCluster, codes: &[i32]) -> Result<()> {
    let file = cluster.folder().join("night.tar.gz");
    let file = file.to_string_lossy().into_owned();
    let secret = cluster.login.password();
    let any = [0, 4];
    for (line, codes) in [
        (&["top", "--count", "1", "--timeout", "6s"][..], &any[..]),
        (&["version", "--timeout", "6s"], &any),
        (&["report", "--timeout", "6s", "--file", &file], &any),
        (
            &["psql", "--", "-XAtc", "select datname from pg_database"],
            codes,
        ),
        (&["psql", "--replica", "--", "-XAtc", "values (1)"], &[0]),
        (&["shell", "primary", "--", "true"], codes),
        (&["shell", REPLICA, "--", "true"], &[0]),
    ] {
        let run = cluster.pgctl(line).await?;
        exits(&run, codes).with_context(|| run.to_string())?;
        // What psql prints is its own.
        if line[0] != "psql" || run.status.code() != Some(0) {
            decent(&run, secret).with_context(|| run.to_string())?;
        }
        if run.status.code() != Some(0) {
            tells_what_next(&run).with_context(|| run.to_string())?;
        } else if ["top", "version"].contains(&line[0]) {
            ensure!(run.stdout.contains(PRIMARY), "who is missing? {run}");
        }
    }
    std::fs::remove_file(file)?;
    Ok(())
}

/// `pgctl status | true`.
async fn nobody_reads(cluster: &SandboxCluster) -> Result<()> {
    for line in LOOKS {
        let mut arguments = line.to_vec();
        let store = cluster.folder().join("backups");
        let store = store.to_string_lossy().into_owned();
        if line[0] == "backup" {
            arguments.extend(["--store", &store]);
        }
        let (reader, writer) = std::io::pipe()?;
        drop(reader);
        let child = cluster
            .command(&arguments)?
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()?;
        let output = child.wait_with_output().await?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.code() == Some(0) && !said.contains("error"),
            "pgctl {}: {}: {said}",
            line.join(" "),
            output.status
        );
    }
    Ok(())
}

/// Nothing is wider than the terminal, which would break it in the middle of a word.
async fn a_narrow_terminal(cluster: &SandboxCluster) -> Result<()> {
    let mut wide = Vec::new();
    let store = cluster.folder().join("backups");
    let store = store.to_string_lossy().into_owned();
    for line in LOOKS {
        // A text for machines, or one that belongs to the servers.
        if ["metrics", "logs"].contains(&line[0]) {
            continue;
        }
        let mut arguments = line.to_vec();
        if line[0] == "backup" {
            arguments.extend(["--store", &store]);
        }
        let (code, shown) = cluster.on_a_terminal(&arguments)?.ends().await?;
        ensure!(code == Some(0), "{}: {code:?}: {shown}", line.join(" "));
        // A command stays in one piece, to be copied.
        let text = shown.lines().filter(|it| !it.starts_with("  type: "));
        let wider = text.filter(|it| it.chars().count() > 80);
        wide.extend(wider.map(|it| format!("{}: {it}", line.join(" "))));
    }
    ensure!(wide.is_empty(), "wider than 80:\n{}", wide.join("\n"));
    Ok(())
}

/// Somebody whom nothing was granted to: what is missing is named, as the API server has it.
async fn nobody_may_look(cluster: &SandboxCluster) -> Result<()> {
    let nobody = cluster.kubeconfig_of("nobody")?;
    each(cluster, &["--kubeconfig", &nobody], |line, run| {
        // The store is no part of the cluster.
        if line == ["backup", "list"] {
            return exits(&run, &[0]);
        }
        exits(&run, &[3])?;
        ensure!(run.stderr.contains("statefulsets"), "what is missing?");
        tells_what_next(&run)
    })
    .await
}

/// It costs its own rows, and it is said that it does.
async fn a_server_hangs(cluster: &SandboxCluster) -> Result<()> {
    cluster.freeze(REPLICA).await?;
    each(cluster, &["--timeout", "6s"], |line, run| {
        match line[0] {
            "query" => exits(&run, &[7])?,
            // Whether the one that hangs differs is not known.
            "config" if line == ["config", "diff"] => exits(&run, &[4, 7])?,
            _ => exits(&run, &[0, 4])?,
        }
        // A line of a cluster names none of its servers.
        let overview = line.contains(&"-A") && line[0] != "query";
        let goes_by_the_servers =
            !overview && !["hpa", "history", "logs", "backup"].contains(&line[0]);
        if goes_by_the_servers {
            let text = format!("{}{}", run.stdout, run.stderr);
            ensure!(text.contains(&full(REPLICA)), "who hangs?");
            // Where nothing differs nobody is named.
            let others = line == ["config", "diff"] || text.contains(&full(PRIMARY));
            ensure!(others, "and the others?");
        }
        Ok(())
    })
    .await?;
    cluster.mend().await?;
    cluster.all_stream().await.map(drop)
}

async fn nobody_accepts_writes(cluster: &SandboxCluster) -> Result<()> {
    cluster.scale("primary", 0)?;
    eventually("the primary's pod is gone", async || {
        let pod: Option<Pod> = cluster
            .store()
            .read_opt(cluster.namespace(), &full(PRIMARY))?;
        ensure!(pod.is_none(), "it is there");
        Ok(())
    })
    .await?;
    each(cluster, &["--timeout", "6s"], |line, run| {
        match line[0] {
            "status" => exits(&run, &[4])?,
            "query" => exits(&run, &[0, 7])?,
            _ => exits(&run, &[0, 4])?,
        }
        // It has settings, slots and a version of its own, for all that is known.
        let overview = line.contains(&"-A");
        let others = ["hpa", "history", "lag", "logs", "backup", "metrics", "sync"];
        if !overview && !others.contains(&line[0]) {
            let text = format!("{}{}", run.stdout, run.stderr);
            ensure!(text.contains(&full(PRIMARY)), "who is missing?");
        }
        Ok(())
    })
    .await?;
    those_of_their_own_kind(cluster, &[7]).await?;
    cluster.scale("primary", 1)?;
    eventually("the primary is back", async || {
        cluster.pgctl(&["status"]).await?.exits(0).map(drop)
    })
    .await
}

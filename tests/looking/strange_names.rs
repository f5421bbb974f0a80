//! A database without an encoding takes names of any bytes, also of what the whole cluster has: they fail no command, and none of
//! them gets to a terminal as it is.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::process::Child;

use super::every_command::{HOSTILE, LOOKS, decent};
use super::test_cluster::{SandboxCluster, document, eventually, on_sandbox, unpacked};

/// What names begin with, so that they can be found: the two bytes are no UTF-8.
const BYTES: &[u8] = b"caf\xe9 \xff";
/// All that a slot's name may have, and a number for whoever does not quote it.
const SLOT: &str = "1e9";

#[test]
fn names_that_are_no_text_fail_nothing_and_drive_no_terminal() -> Result<()> {
    on_sandbox(1, async |cluster| {
        let _running = strange_things(cluster).await?;
        for line in LOOKS {
            // A store is no part of the cluster.
            if line[0] != "backup" {
                stands(cluster, line).await?;
            }
        }
        let in_it = "select relname, relname as \"r\", nspname from pg_class c \
            join pg_namespace n on n.oid = relnamespace where relname like 'tcaf%'";
        for line in [
            &["query", "-d", "bytes", in_it][..],
            &["disk", "--sample", "0s", "--tables", "50"],
            &["databases", "-o", "wide"],
            &["users", "-o", "wide"],
            &["queries", "-o", "wide"],
        ] {
            stands(cluster, line).await?;
        }
        they_are_told(cluster).await?;
        a_report_is_fit_to_be_printed(cluster).await
    })
}

/// A name of these bytes, of an escape, and of a line of its own; as SQL has it.
fn name(first: char) -> Vec<u8> {
    let hostile = HOSTILE.replace('"', "\"\"");
    let first = first.to_string();
    let quote = &b"\""[..];
    [quote, first.as_bytes(), BYTES, hostile.as_bytes(), quote].concat()
}

/// SQL with such names in place of `{x}`, as a file.
fn script(cluster: &SandboxCluster, file: &str, sql: &str) -> Result<PathBuf> {
    let mut text = Vec::<u8>::new();
    for (number, part) in sql.split('{').enumerate() {
        let part = match part.split_once('}') {
            Some((first, rest)) if number > 0 => {
                text.extend(name(first.chars().next().context("a letter")?));
                rest
            }
            _ => part,
        };
        text.extend(part.as_bytes());
    }
    let file = cluster.folder().join(file);
    std::fs::write(&file, text)?;
    Ok(file)
}

/// A role, a database, and in another one a schema, tables, an index, and a session that runs.
async fn strange_things(cluster: &SandboxCluster) -> Result<Child> {
    for sql in [
        "create database bytes template template0 encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C'",
        &format!("select pg_create_physical_replication_slot('{SLOT}')"),
    ] {
        cluster.sql("primary-0", sql).await?;
    }
    let sql = "create role {r} login;
        create database {d} template template0 encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' owner {r};
        alter role {r} set work_mem = '5MB';
        create schema {s} authorization {r};
        create table {s}.{t} ({c} int);
        insert into {s}.{t} select generate_series(1, 20000);
        create index {i} on {s}.{t} ({c});
        create unlogged table {s}.{u} ({c} int);";
    let file = script(cluster, "names.sql", sql)?;
    let file = file.to_string_lossy();
    let psql = ["psql", "-d", "bytes", "--", "-X", "-v", "ON_ERROR_STOP=1"];
    let encoding = [("PGCLIENTENCODING", "SQL_ASCII")];
    let makes = [&psql[..], &["-f", &file]].concat();
    cluster.pgctl_with(&makes, &encoding).await?.exits(0)?;
    let sql = "set session authorization {r};\nselect pg_sleep(3600) as {c};";
    let file = script(cluster, "runs.sql", sql)?;
    let file = file.to_string_lossy();
    let runs = [&psql[..], &["-f", &file]].concat();
    let running = cluster.command(&runs)?.envs(encoding).spawn()?;
    eventually("its session runs", async || {
        let sql = "select count(*) from pg_stat_activity where datname = 'bytes' and wait_event = 'PgSleep'";
        let count = cluster.sql("primary-0", sql).await?;
        ensure!(count == [["1"]], "{count:?}");
        Ok(())
    })
    .await?;
    Ok(running)
}

/// A command prints what can be printed, for people and as a document.
async fn stands(cluster: &SandboxCluster, line: &[&str]) -> Result<()> {
    let for_programs = [line, &["-o", "json"]].concat();
    // It has one format.
    let both = match line[0] == "metrics" || line.contains(&"wide") {
        true => vec![line],
        false => vec![line, for_programs.as_slice()],
    };
    for line in both {
        let run = cluster.pgctl(line).await?;
        decent(&run, cluster.login.password()).with_context(|| run.to_string())?;
        let code = run.status.code();
        // Somebody has forgotten a slot.
        ensure!(code == Some(0) || code == Some(4), "{code:?}: {run}");
        if line.contains(&"json") {
            let told = match line[0] == "logs" {
                true => run.stdout.lines().try_for_each(|it| document(it).map(drop)),
                false => run.json().map(drop),
            };
            told.with_context(|| run.to_string())?;
        }
    }
    Ok(())
}

/// They are not left out, which would be as bad.
async fn they_are_told(cluster: &SandboxCluster) -> Result<()> {
    for (command, what) in [
        (&["databases"][..], "dcaf"),
        (&["users"], "rcaf"),
        (&["disk", "--sample", "0s"], "tcaf"),
        (&["queries"], "ccaf"),
        (&["slots"], SLOT),
    ] {
        for format in ["table", "json", "yaml"] {
            let line = [command, &["-o", format]].concat();
            let run = cluster.pgctl(&line).await?;
            decent(&run, cluster.login.password()).with_context(|| run.to_string())?;
            ensure!(run.stdout.contains(what), "{what}: {run}");
            // It stays a name.
            let as_number = format!("name: {SLOT}\n");
            ensure!(!run.stdout.contains(&as_number), "{run}");
        }
    }
    Ok(())
}

/// Whoever unpacks it has it on a terminal next, with what the servers have logged.
async fn a_report_is_fit_to_be_printed(cluster: &SandboxCluster) -> Result<()> {
    let session = cluster.open("primary-0").await?;
    session.rows("SET log_min_messages = 'warning'").await?;
    let hostile = "DO $$BEGIN RAISE WARNING '%', E'checkpoint \\x1b]0;owned\\x07\\x1b[2J'; END$$";
    session.rows(hostile).await?;
    let file = cluster.folder().join("names.tar.gz");
    let path = file.to_string_lossy();
    let report = ["report", "--with-queries", "--file", &path];
    let run = cluster.pgctl(&report).await?.exits(0)?;
    decent(&run, cluster.login.password())?;
    let files = unpacked(&file)?;
    let mut texts = files.values();
    let logged = texts.any(|it| it.contains("WARNING:  checkpoint"));
    ensure!(logged, "where is its log? {:?}", files.keys());
    let drives = |it: &char| it.is_control() && !"\n\t".contains(*it);
    for (name, text) in &files {
        if let Some(control) = text.chars().find(drives) {
            bail!("{control:?} in {name}");
        }
    }
    Ok(())
}

//! `pgctl query`: one answer or several, nothing is written unless somebody has agreed.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::test_cluster::{SandboxCluster, VIEWER, eventually, full, on_sandbox};

const PRIMARY: &str = "primary-0";
const REPLICA: &str = "replica-0";

#[test]
fn questions_are_answered_and_nothing_is_written_unless_somebody_agrees() -> Result<()> {
    on_sandbox(2, async |cluster| {
        one_answer_or_several(cluster).await?;
        what_is_no_text_is_shown_all_the_same(cluster).await?;
        numbers_keep_their_digits(cluster).await?;
        an_answer_has_an_end(cluster).await?;
        nothing_is_written(cluster).await?;
        errors_name_the_place(cluster).await?;
        ctrl_c_cancels_on_the_server(cluster).await?;
        what_is_agreed_to_is_written(cluster).await?;
        a_password_that_is_not_taken_stays_out_of_the_log(cluster).await?;
        who_may_not_write_it_down_may_not_do_it(cluster).await?;
        a_pod_that_hangs_costs_its_row(cluster).await?;
        many_clusters_are_asked_at_once(cluster).await
    })
}

async fn rows(cluster: &SandboxCluster, sql: &str) -> Result<Value> {
    let run = cluster.pgctl(&["query", sql, "-o", "json"]).await?;
    let document = run.exits(0)?.json()?;
    Ok(document["servers"][0]["answer"]["rows"].clone())
}

async fn one_answer_or_several(cluster: &SandboxCluster) -> Result<()> {
    let sql = "select 1 as one, null as nothing, '' as empty, true as yes, 0.5::numeric as half";
    let document = cluster
        .pgctl(&["query", sql, "-o", "json"])
        .await?
        .exits(0)?;
    let document = document.json()?;
    let servers = document["servers"].as_array().context("servers")?;
    assert_eq!(servers.len(), 1, "{document}");
    assert_eq!(servers[0]["role"], "primary");
    let answer = &servers[0]["answer"];
    assert_eq!(answer["rows"], json!([[1, null, "", true, 0.5]]));
    assert_eq!(answer["columns"][0], json!({"name": "one", "type": "int4"}));
    let screen = cluster
        .pgctl(&["query", "select null as a, 'NULL' as b"])
        .await?;
    let screen = screen.exits(0)?;
    assert_eq!(screen.stdout, "a     b\nNULL  \"NULL\"\n");

    let all = ["query", "--all", "select pg_is_in_recovery() as standby"];
    let all = cluster.pgctl(&all).await?.exits(0)?;
    ensure!(all.stdout.lines().count() == 4, "{all}");
    let line = format!("{}  primary  f", full(PRIMARY));
    ensure!(all.stdout.contains(&line), "{all}");
    let line = ["query", "--replica", "--csv", "select 'a,\"b', null, ''"];
    let csv = cluster.pgctl(&line).await?.exits(0)?;
    csv.says(&format!(
        "{},standby,\"a,\"\"b\",,\"\"\n",
        full("replica-1")
    ))?;

    let line = ["query", "--pod", REPLICA, "-d", "template1", "--csv", "-"];
    let mut child = cluster.command(&line)?.stdin(Stdio::piped()).spawn()?;
    let mut stdin = child.stdin.take().context("stdin")?;
    stdin
        .write_all(b"select current_database() as d;\n")
        .await?;
    drop(stdin);
    let output = child.wait_with_output().await?;
    ensure!(output.stdout == b"d\ntemplate1\n", "{output:?}");
    Ok(())
}

/// A database whose text is any bytes.
async fn what_is_no_text_is_shown_all_the_same(cluster: &SandboxCluster) -> Result<()> {
    let database =
        "create database old encoding 'SQL_ASCII' template template0 lc_collate 'C' lc_ctype 'C'";
    cluster.sql(PRIMARY, database).await?;
    let sql = "select 'caf' || convert_from('\\xe9', 'SQL_ASCII') as word, null as n; -- one";
    let line = ["query", "-d", "old", sql, "-o", "json"];
    let document = cluster.pgctl(&line).await?.exits(0)?.json()?;
    let answer = &document["servers"][0]["answer"];
    assert_eq!(answer["rows"], json!([["caf\u{fffd}", null]]));
    // It is run once; and what is no text is as it would be in another database.
    let sql = "create sequence public.runs";
    let line = ["query", "--write", "-d", "old", sql, "--yes"];
    cluster.pgctl(&line).await?.exits(0)?;
    let sql = "select nextval('public.runs') as run, true as yes, convert_from('\\xe9', 'SQL_ASCII') as word";
    let line = ["query", "--write", "-d", "old", sql, "--yes", "-o", "json"];
    let run = cluster.pgctl(&line).await?.exits(0)?.json()?;
    assert_eq!(run["answer"]["rows"], json!([[1, true, "\u{fffd}"]]));
    for sql in ["show server_encoding", "explain select 1"] {
        cluster
            .pgctl(&["query", "-d", "old", sql])
            .await?
            .exits(0)?;
    }
    let sql = "select 1 /\n (n - n) from generate_series(1, 1) n where nosuch = 1";
    let wrong = cluster.pgctl(&["query", "-d", "old", sql]).await?;
    wrong.exits(1)?.says("line 2, column 45")?;
    let hostile = rows(cluster, "select E'a\\x1b[2Jb' as x").await?;
    assert_eq!(hostile, json!([["a\u{1b}[2Jb"]]));
    let line = ["query", "select E'a\\x1b[2Jb' as \"c\u{9b}31m\""];
    let run = cluster.pgctl(&line).await?.exits(0)?;
    ensure!(!run.stdout.contains(['\u{1b}', '\u{9b}']), "{run}");
    Ok(())
}

async fn numbers_keep_their_digits(cluster: &SandboxCluster) -> Result<()> {
    let sql = "select 9007199254740993::numeric, 9007199254740993.5::numeric, 4711::numeric, 0.1::float8 + 0.2::float8, \
         '{\"a\": [12345678901234567890123, 0.1]}'::jsonb";
    let kept = json!([[
        9_007_199_254_740_993_i64,
        "9007199254740993.5",
        4711,
        0.1 + 0.2,
        {"a": ["12345678901234567890123", 0.1]}
    ]]);
    assert_eq!(rows(cluster, sql).await?, kept);
    Ok(())
}

async fn an_answer_has_an_end(cluster: &SandboxCluster) -> Result<()> {
    let sql = "select generate_series(1, 20000)";
    let many = cluster.pgctl(&["query", sql, "--csv"]).await?.exits(0)?;
    assert_eq!(many.stdout.lines().count(), 10_001);
    many.says("there are more rows than these 10000")?;
    let line = ["query", sql, "--csv", "--max-rows", "0"];
    let all = cluster.pgctl(&line).await?.exits(0)?;
    assert_eq!(all.stdout.lines().count(), 20_001);
    // A field of its own size, and one after the other.
    for sql in [
        "select repeat('x', 200000000)",
        "select repeat('x', 1000000) from generate_series(1, 1000)",
    ] {
        let line = ["query", sql, "-o", "json"];
        let big = cluster.pgctl(&line).await?.exits(0)?;
        assert_eq!(big.json()?["servers"][0]["answer"]["cut"], "bytes");
        big.says("32 MiB are taken at most")?;
    }
    Ok(())
}

async fn nothing_is_written(cluster: &SandboxCluster) -> Result<()> {
    let table = "create table kept (n int); insert into kept values (1)";
    cluster.sql(PRIMARY, table).await?;
    let sly = "create function sly() returns int language plpgsql as \
         $$begin perform set_config('transaction_read_only', 'off', false); delete from public.kept; return 1; end$$";
    cluster.sql(PRIMARY, sly).await?;
    for statement in [
        "delete from public.kept",
        "commit; delete from public.kept",
        "commit; begin read write; delete from public.kept; commit",
        "set transaction read write",
        "do $$begin set transaction read write; delete from public.kept; end$$",
        "call public.none()",
        "copy public.kept to program 'true'",
        "create table public.made (n int)",
        "/* select */ truncate public.kept",
    ] {
        let run = cluster.pgctl(&["query", statement]).await?.exits(3)?;
        run.says("may change something; nothing was sent")?;
    }
    for statement in [
        "select 1; delete from public.kept",
        "select 1; commit; delete from public.kept",
        "with gone as (delete from public.kept returning n) select * from gone",
        "select set_config('transaction_read_only', 'off', false)",
        "select public.sly()",
        "explain analyze delete from public.kept",
        "select * into public.made from public.kept",
        "select nextval('public.made')",
    ] {
        let run = cluster.pgctl(&["query", statement]).await?.exits(1)?;
        run.says("SQLSTATE")?;
    }
    let wanted = ["query", "select * into public.made from public.kept"];
    let wanted = cluster.pgctl(&wanted).await?.exits(1)?;
    wanted.says("query --write -d postgres SQL")?;
    // A typing error is not led to the writing way.
    let typed = cluster.pgctl(&["query", "selct 1"]).await?.exits(2)?;
    let typed = typed.says("nothing was sent")?.says("query 'select ...'")?;
    ensure!(!typed.stderr.contains("--write"), "{typed}");
    let rows = cluster.sql(PRIMARY, "select count(*) from kept").await?;
    ensure!(rows == [["1"]], "{rows:?}");
    Ok(())
}

async fn errors_name_the_place(cluster: &SandboxCluster) -> Result<()> {
    let wrong = cluster.pgctl(&["query", "select 1,\n  nosuch"]).await?;
    wrong.exits(1)?.says("42703")?.says("line 2, column 3")?;
    let nowhere = ["query", "--pod", "replica-7", "select 1"];
    let nowhere = cluster.pgctl(&nowhere).await?.exits(2)?;
    nowhere.says(&full("replica-1"))?;
    let slow = ["query", "--statement-timeout", "1s", "select pg_sleep(60)"];
    let slow = cluster.pgctl(&slow).await?.exits(1)?;
    slow.says("it may take 1 s (--statement-timeout)")?;
    let nosuch = cluster
        .pgctl(&["query", "-d", "nosuch", "select 1"])
        .await?;
    let nosuch = nosuch.exits(1)?;
    nosuch
        .says("there are: ")?
        .says("template1")?
        .says(" databases")?;
    let zero = cluster.pgctl(&["query", "select 1 / 0"]).await?.exits(1)?;
    zero.says("psql -d postgres")?;
    for nothing in [" ", "-- only this", ";"] {
        cluster.pgctl(&["query", nothing]).await?.exits(2)?;
    }
    let both = ["query", "--csv", "-o", "json", "select 1"];
    cluster.pgctl(&both).await?.exits(2)?;
    Ok(())
}

async fn sleeps(cluster: &SandboxCluster, mark: &str) -> Result<bool> {
    let sql = format!(
        "select count(*) from pg_stat_activity where pid <> pg_backend_pid() and state = 'active' \
         and query like '%{mark}%'"
    );
    Ok(cluster.sql(PRIMARY, &sql).await? != [["0"]])
}

async fn ctrl_c_cancels_on_the_server(cluster: &SandboxCluster) -> Result<()> {
    let place = format!("cancelled on {}", full(PRIMARY));
    is_cancelled(cluster, &["query"], "mark_of_ctrl_c", &place).await?;
    let many = ["query", "-A"];
    is_cancelled(cluster, &many, "mark_of_many", "cancelled on 1 server").await
}

async fn is_cancelled(
    cluster: &SandboxCluster,
    command: &[&str],
    mark: &str,
    words: &str,
) -> Result<()> {
    let sql = format!("select pg_sleep(590) as {mark}");
    let arguments = [command, &[&sql]].concat();
    let child = cluster.command(&arguments)?.spawn()?;
    eventually("a statement that runs", async || {
        ensure!(sleeps(cluster, mark).await?, "not yet");
        Ok(())
    })
    .await?;
    let id = child.id().and_then(|it| i32::try_from(it).ok());
    let id = id
        .and_then(rustix::process::Pid::from_raw)
        .context("a process")?;
    rustix::process::kill_process(id, rustix::process::Signal::INT)?;
    let output = child.wait_with_output().await?;
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(told.contains(words), "{told}");
    eventually("a statement that was cancelled", async || {
        ensure!(!sleeps(cluster, mark).await?, "it runs");
        Ok(())
    })
    .await
}

async fn what_is_agreed_to_is_written(cluster: &SandboxCluster) -> Result<()> {
    let secret = "insert into public.kept values (2), (3) returning n, 'hunter2' as word";
    let line = ["query", "--write", secret, "--dry-run"];
    let proposed = cluster.pgctl(&line).await?.exits(0)?;
    ensure!(!proposed.stdout.contains("hunter2"), "{proposed}");
    proposed.says("insert into public.kept values")?;
    let unasked = cluster.pgctl(&["query", "--write", secret]).await?;
    unasked.exits(3)?.says("no terminal to confirm on")?;
    let count = "select count(*) from kept";
    ensure!(cluster.sql(PRIMARY, count).await? == [["1"]], "written");

    let line = ["query", "--write", secret, "--yes", "-o", "json"];
    let done = cluster.pgctl(&line).await?.exits(0)?.json()?;
    assert_eq!(done["outcome"], "done");
    assert_eq!(
        done["answer"]["rows"],
        json!([[2, "hunter2"], [3, "hunter2"]])
    );
    assert_eq!(done["answer"]["count"], 2);
    ensure!(cluster.sql(PRIMARY, count).await? == [["3"]], "not written");
    let history = cluster.pgctl(&["history"]).await?.exits(0)?;
    ensure!(!history.stdout.contains("hunter2"), "{history}");
    history.says(&format!("INSERT in database postgres on {}", full(PRIMARY)))?;

    // What runs in no transaction.
    let vacuum = ["query", "--write", "vacuum public.kept", "--yes"];
    cluster.pgctl(&vacuum).await?.exits(0)?.says("done")?;
    // One statement, and no transaction of its own.
    for sql in [
        "delete from public.kept; select 1",
        "commit",
        "delete frm public.kept",
    ] {
        let refused = cluster.pgctl(&["query", "--write", sql, "--yes"]).await?;
        refused.exits(3)?.says("nothing was changed")?;
    }
    // Each with a remedy of its own.
    for (sql, remedy) in [
        ("delete from public.kept; select 1", "several statements"),
        ("delete frm public.kept", "try it in a session"),
        ("delete from public.nosuch", "another database (-d NAME)"),
        ("set work_mem = '1MB'", "config set NAME=VALUE"),
        ("listen x", "psql -d postgres"),
    ] {
        let refused = cluster.pgctl(&["query", "--write", sql, "--yes"]).await?;
        refused.exits(3)?.says(remedy)?;
    }
    // What fails leaves nothing behind.
    let half = "with one as (delete from public.kept returning n) select 1 / (n - n) from one";
    let half = cluster.pgctl(&["query", "--write", half, "--yes"]).await?;
    half.exits(1)?.says("division by zero")?;
    ensure!(cluster.sql(PRIMARY, count).await? == [["3"]], "deleted");
    let all = ["query", "--write", "--all", "select 1", "--yes"];
    cluster.pgctl(&all).await?.exits(2)?;
    Ok(())
}

async fn a_password_that_is_not_taken_stays_out_of_the_log(cluster: &SandboxCluster) -> Result<()> {
    let twice = "create role postgres password 'p4ss-4711'";
    let run = cluster.pgctl(&["query", "--write", twice, "--yes"]).await?;
    run.exits(1)?.says("already exists")?;
    // Neither does one that can't even be parsed.
    let wrong = "alter role postgres passwort 'p4ss-4711'";
    let run = cluster.pgctl(&["query", "--write", wrong, "--yes"]).await?;
    run.exits(3)?.says("unrecognized role option")?;
    let logs = cluster.pgctl(&["logs", "primary", "--tail", "all"]).await?;
    let logs = logs.exits(0)?.says("already exists")?;
    ensure!(!logs.stdout.contains("p4ss-4711"), "it is in the log");
    Ok(())
}

async fn who_may_not_write_it_down_may_not_do_it(cluster: &SandboxCluster) -> Result<()> {
    cluster.grant(VIEWER, "vera")?;
    let kubeconfig = cluster.kubeconfig_of("vera")?;
    let sql = "delete from public.kept";
    let line = [
        "--kubeconfig",
        &kubeconfig,
        "query",
        "--write",
        sql,
        "--yes",
    ];
    let run = cluster.pgctl(&line).await?;
    run.exits(3)?.says("create configmaps, update configmaps")?;
    let line = ["--kubeconfig", &kubeconfig, "query", "select 1"];
    cluster.pgctl(&line).await?.exits(0)?;
    Ok(())
}

async fn a_pod_that_hangs_costs_its_row(cluster: &SandboxCluster) -> Result<()> {
    cluster.freeze(REPLICA).await?;
    let line = ["query", "--all", "--timeout", "2s", "select 1 as one"];
    let all = cluster.pgctl(&line).await?.exits(7)?;
    for pod in [PRIMARY, "replica-1"] {
        ensure!(all.stdout.contains(&full(pod)), "{all}");
    }
    all.says(&format!("no answer of {}: ", full(REPLICA)))?;
    let one = ["query", "--timeout", "2s", "select 1 as one"];
    cluster.pgctl(&one).await?.exits(0)?;
    cluster.mend().await?;
    cluster.freeze(PRIMARY).await?;
    let none = cluster.pgctl(&one).await?.exits(7)?;
    none.says("no pod answers as the primary")?;
    let write = [
        "query",
        "--timeout",
        "2s",
        "--write",
        "--yes",
        "delete from public.kept",
    ];
    let write = cluster.pgctl(&write).await?.exits(7)?;
    write.says("nothing was sent")?;
    cluster.mend().await
}

/// Every cluster of all namespaces, and those of two contexts, one of which takes connections and says nothing.
async fn many_clusters_are_asked_at_once(cluster: &SandboxCluster) -> Result<()> {
    let (namespace, sql) = (cluster.namespace(), "select pg_is_in_recovery() as standby");
    let of = |document: &Value| document["items"][0]["cluster"]["namespace"].clone();
    let run = cluster.pgctl(&["query", "-A", sql, "-o", "json"]).await?;
    let document = run.exits(0)?.json()?;
    assert_eq!(document["kind"], "QueryResultList");
    assert_eq!(of(&document), namespace);
    let servers = &document["items"][0]["servers"];
    assert_eq!(servers.as_array().map(Vec::len), Some(1), "{document}");
    assert_eq!(servers[0]["answer"]["rows"], json!([[false]]));
    let run = cluster
        .pgctl(&["query", "-A", "--all", sql])
        .await?
        .exits(0)?;
    let row = run.stdout.lines().find(|it| it.ends_with("standby  t"));
    let row = row.context("a standby")?;
    ensure!(
        row.starts_with(namespace) && row.contains(&full("replica-")),
        "{run}"
    );

    // One statement to many must not change anything, and one pod is of one cluster.
    let write = ["query", "-A", "--write", "--yes", "delete from public.kept"];
    let write = cluster.pgctl(&write).await?.exits(3)?;
    write.says("for one cluster")?.says("next: ")?;
    let sly = ["query", "-A", "select public.sly()"];
    let sly = cluster.pgctl(&sly).await?.exits(1)?;
    sly.says("SQLSTATE")?;
    let pod = ["query", "-A", "--pod", PRIMARY, "select 1"];
    cluster.pgctl(&pod).await?.exits(2)?;

    // A server that hangs costs its row.
    cluster.freeze(REPLICA).await?;
    let line = ["query", "-A", "--all", "--csv", "--timeout", "2s", sql];
    let run = cluster.pgctl(&line).await?.exits(7)?;
    assert_eq!(run.stdout.lines().count(), 3, "{run}");
    ensure!(
        run.stdout
            .starts_with("namespace,cluster,pod,role,standby\n"),
        "{run}"
    );
    run.says(&format!("no answer of {namespace}/"))?;
    cluster.mend().await
}

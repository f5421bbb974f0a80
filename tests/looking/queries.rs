//! `pgctl queries`, `pgctl locks` and `pgctl connections`.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::test_cluster::{Database, SandboxCluster, eventually, full, on_sandbox};

const PRIMARY: &str = "primary-0";
const REPLICA: &str = "replica-0";

#[test]
fn what_runs_is_shown_with_whom_it_waits_for_and_can_be_ended() -> Result<()> {
    on_sandbox(1, async |cluster| {
        cluster
            .sql(PRIMARY, "create table held as select 1 as id")
            .await?;
        who_waits_stands_below_the_one_it_waits_for(cluster).await?;
        a_query_is_cancelled_and_a_session_ended(cluster).await?;
        while_a_server_is_silent_nobody_is_ended(cluster).await?;
        the_servers_own_processes_are_left_alone(cluster).await?;
        hostile_names_do_no_harm(cluster).await?;
        statements_are_counted_only_where_that_is_set_up(cluster).await?;
        connections_are_counted_and_checked(cluster).await?;
        statements_are_counted_where_it_is(cluster).await?;
        a_pod_that_hangs_costs_its_row(cluster).await
    })
}

/// A session that has a row locked, and does nothing.
async fn holder(cluster: &SandboxCluster) -> Result<(Database, String)> {
    let session = cluster.open(PRIMARY).await?;
    let pid = session.one("select pg_backend_pid()").await?;
    session.rows("begin").await?;
    session.rows("update held set id = 2").await?;
    Ok((session, pid))
}

async fn ask(cluster: &SandboxCluster, line: &[&str]) -> Result<Value> {
    let line = [line, &["-o", "json"]].concat();
    cluster.pgctl(&line).await?.exits(0)?.json()
}

/// The processes of a server.
fn processes<'a>(document: &'a Value, pod: &str) -> Result<&'a Vec<Value>> {
    let servers = document["servers"].as_array().context("servers")?;
    let server = servers.iter().find(|it| it["pod"] == full(pod));
    let server = server.with_context(|| format!("{pod} is not there: {document}"))?;
    server["answer"]["processes"]
        .as_array()
        .with_context(|| format!("no answer: {server}"))
}

async fn who_waits_stands_below_the_one_it_waits_for(cluster: &SandboxCluster) -> Result<()> {
    let (holds, pid) = holder(cluster).await?;
    let waits = cluster.open(PRIMARY).await?;
    let waiting = waits.rows("update held set id = 3");
    let look = async {
        let document = eventually("somebody who waits", async || {
            let document = ask(cluster, &["locks"]).await?;
            ensure!(processes(&document, PRIMARY)?.len() == 2, "{document}");
            Ok(document)
        })
        .await?;
        let found = processes(&document, PRIMARY)?;
        assert_eq!(found[0]["pid"].to_string(), pid);
        assert_eq!(found[0]["waiting"], 1);
        assert_eq!(found[0]["state"], "idle in transaction");
        assert_eq!(found[1]["depth"], 1);
        assert_eq!(found[1]["blockedBy"][0].to_string(), pid);
        assert_eq!(found[1]["query"], "update held set id = 3");
        let run = cluster.pgctl(&["locks"]).await?.exits(0)?;
        run.says("idle in tx, holds up 1")?.says("blocked")?;
        holds.rows("commit").await
    };
    let (waited, looked) = futures::join!(waiting, look);
    waited?;
    looked.map(drop)
}

async fn a_query_is_cancelled_and_a_session_ended(cluster: &SandboxCluster) -> Result<()> {
    let sleeps = cluster.open(PRIMARY).await?;
    let pid = sleeps.one("select pg_backend_pid()").await?;
    let nothing = cluster
        .pgctl(&["queries", "cancel", &pid, "--pod", PRIMARY, "--yes"])
        .await?;
    nothing.exits(3)?.says("it runs no query")?;
    let sleeping = sleeps.rows("select pg_sleep(600)");
    let end = async {
        eventually("a query that runs", async || {
            let document = ask(cluster, &["queries"]).await?;
            let found = processes(&document, PRIMARY)?;
            let number: i64 = pid.parse()?;
            let runs = found.iter().any(|it| it["pid"] == number);
            ensure!(runs, "{document}");
            Ok(())
        })
        .await?;
        let dry = cluster
            .pgctl(&["queries", "cancel", &pid, "--pod", PRIMARY, "--dry-run"])
            .await?;
        dry.exits(0)?.says("query: select pg_sleep(600)")?;
        let run = cluster
            .pgctl(&["queries", "cancel", &pid, "--pod", PRIMARY, "--yes"])
            .await?;
        run.exits(0)?.says("done, and looked at")
    };
    let (slept, ended) = futures::join!(sleeping, end);
    ended?;
    ensure!(slept.is_err(), "it was to be cancelled");
    ensure!(sleeps.one("select 1").await? == "1", "its session stays");
    let run = cluster
        .pgctl(&["queries", "terminate", &pid, "--pod", PRIMARY, "--yes"])
        .await?;
    run.exits(0)?.says("end of the session")?;
    ensure!(
        sleeps.one("select 1").await.is_err(),
        "its session has ended"
    );
    let gone = cluster
        .pgctl(&["queries", "terminate", &pid, "--pod", PRIMARY, "--yes"])
        .await?;
    gone.exits(2)?.says("no process has the number")?;
    let history = cluster.pgctl(&["history"]).await?.exits(0)?;
    history.says(&format!("cancel of the query of PID {pid}"))?;
    Ok(())
}

/// Numbers of processes are the same on several servers: whose is meant is not known while one is silent.
async fn while_a_server_is_silent_nobody_is_ended(cluster: &SandboxCluster) -> Result<()> {
    let session = cluster.open(REPLICA).await?;
    let pid = session.one("select pg_backend_pid()").await?;
    cluster.freeze(PRIMARY).await?;
    let mut runs = Vec::new();
    for pid in [pid.as_str(), "999999999"] {
        let line = ["queries", "terminate", pid, "--yes", "--timeout", "3s"];
        runs.push(cluster.pgctl(&line).await?);
    }
    cluster.mend().await?;
    for run in &runs {
        ensure!(run.status.code() == Some(7), "{run}");
        let silent = format!("{} does not answer", full(PRIMARY));
        ensure!(run.stderr.contains(&silent), "{run}");
    }
    let next = format!(
        "next: pgctl queries terminate {pid} --pod {}",
        full(REPLICA)
    );
    ensure!(runs[0].stderr.contains(&next), "{}", runs[0]);
    ensure!(session.one("select 1").await? == "1", "it was ended");
    cluster.all_stream().await.map(drop)
}

async fn the_servers_own_processes_are_left_alone(cluster: &SandboxCluster) -> Result<()> {
    for (kind, words) in [
        ("walsender", "it is a walsender"),
        ("checkpointer", "PostgreSQL does not let it be ended"),
        ("autovacuum launcher", "one of the server's own"),
    ] {
        let sql = format!("select pid from pg_stat_activity where backend_type = '{kind}'");
        let pid = cluster.open(PRIMARY).await?.one(&sql).await?;
        let line = ["queries", "terminate", &pid, "--pod", PRIMARY, "--yes"];
        cluster.pgctl(&line).await?.exits(3)?.says(words)?;
    }
    Ok(())
}

async fn hostile_names_do_no_harm(cluster: &SandboxCluster) -> Result<()> {
    cluster
        .sql(PRIMARY, "create database ascii encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0")
        .await?;
    bytes_that_are_no_text(cluster).await?;
    let hostile = cluster.open(PRIMARY).await?;
    hostile
        .rows("set application_name = E'\\x1b[2J\"''; --'")
        .await?;
    hostile.rows("begin").await?;
    hostile.rows("select E'\\x1b]0;x\\x07' -- \u{202e}").await?;
    let run = cluster.pgctl(&["queries", "-o", "wide"]).await?.exits(0)?;
    ensure!(
        !run.stdout.contains(['\u{1b}', '\u{7}', '\u{202e}']),
        "{run}"
    );
    let document = ask(cluster, &["queries", "--all"]).await?;
    ensure!(processes(&document, REPLICA)?.len() > 2, "{document}");
    let wrong = cluster.pgctl(&["queries", "--pod", "replica-9"]).await?;
    wrong.exits(2)?.says(&full(REPLICA))?;
    // Nothing is near.
    let wrong = cluster.pgctl(&["queries", "--pod", "x"]).await?.exits(2)?;
    ensure!(!wrong.stderr.contains("nearest"), "{wrong}");
    wrong.says(" status")?;
    // Who asks servers, and who changes them.
    for command in [
        &["queries", "--pod", "repilca-0"][..],
        &[
            "config",
            "set",
            "work_mem=8MB",
            "--pod",
            "repilca-0",
            "--dry-run",
        ],
        &["queries", "cancel", "1", "--pod", "repilca-0", "--dry-run"],
    ] {
        let wrong = cluster.pgctl(command).await?.exits(2)?;
        wrong.says(&format!("the nearest name: --pod {}", full(REPLICA)))?;
    }
    Ok(())
}

/// A session in a database without an encoding, whose query ends in a byte that begins a character.
async fn bytes_that_are_no_text(cluster: &SandboxCluster) -> Result<()> {
    let script = "e=$(printf '\\351'); exec psql -XAtq -h /var/run/postgresql -U postgres -d ascii \
         -c \"select pg_sleep(3600) -- ends in $e\"";
    let line = ["shell", PRIMARY, "--", "sh", "-c", script];
    let mut sleeping = cluster.command(&line)?.spawn()?;
    eventually("its query is told", async || {
        let run = cluster.pgctl(&["queries"]).await?.exits(0)?;
        ensure!(run.stdout.contains(r"ends in \xe9"), "{run}");
        Ok(())
    })
    .await?;
    let top = ["top", "--count", "2"];
    let run = cluster.pgctl(&top).await?.exits(0)?;
    for pod in [PRIMARY, REPLICA] {
        let line = run.stdout.lines().rfind(|it| it.contains(pod));
        let answers = line.is_some_and(|it| it.contains(" primary ") || it.contains(" standby "));
        ensure!(answers, "{run}");
    }
    let end = "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'ascii'";
    cluster.sql(PRIMARY, end).await?;
    ensure!(!sleeping.wait().await?.success(), "it was to end");
    Ok(())
}

/// The view is in another database than the one that is asked first.
async fn statements_are_counted_where_it_is(cluster: &SandboxCluster) -> Result<()> {
    let preload = async |libraries: &str| {
        let set = format!("alter system set shared_preload_libraries = {libraries}");
        cluster.sql(PRIMARY, &set).await?;
        cluster.kill(PRIMARY).await?;
        eventually("it has started anew", async || {
            let now = cluster
                .sql(PRIMARY, "show shared_preload_libraries")
                .await?;
            let wanted = libraries.trim_matches('\'').replace("default", "");
            ensure!(now == [[wanted]], "{now:?}");
            Ok(())
        })
        .await
    };
    preload("'pg_stat_statements'").await?;
    let none = cluster.pgctl(&["queries", "--top"]).await?.exits(0)?;
    none.says("CREATE EXTENSION")?;
    cluster.sql(PRIMARY, "create database counted").await?;
    let create = "create extension pg_stat_statements";
    let line = ["query", "--write", "-d", "counted", create, "--yes"];
    cluster.pgctl(&line).await?.exits(0)?;
    let session = cluster.open(PRIMARY).await?;
    for number in 0..3 {
        let sql = format!("select pg_sleep(0.2) as counted_here, {number}");
        session.rows(&sql).await?;
    }
    let document = ask(cluster, &["queries", "--top"]).await?;
    assert_eq!(document["kind"], "Statements", "{document}");
    let servers = document["servers"].as_array().context("servers")?;
    let server = servers.iter().find(|it| it["pod"] == full(PRIMARY));
    let answer = &server.context("the primary")?["answer"];
    let statements = answer["statements"].as_array().context("statements")?;
    let found = statements.iter().find(|it| {
        it["query"]
            .as_str()
            .is_some_and(|it| it.contains("counted_here"))
    });
    let found = found.with_context(|| format!("{document:#}"))?;
    assert_eq!(found["calls"], 3, "{found}");
    assert_eq!(found["database"], "postgres", "{found}");
    let total = found["totalSeconds"].as_f64().context("totalSeconds")?;
    ensure!((0.6..60.0).contains(&total), "{found}");
    ensure!(answer["allSeconds"].as_f64() >= Some(total), "{answer}");
    let screen = cluster.pgctl(&["queries", "--top"]).await?.exits(0)?;
    ensure!(screen.stdout.contains("counted_here"), "{screen}");
    preload("default").await
}

async fn statements_are_counted_only_where_that_is_set_up(cluster: &SandboxCluster) -> Result<()> {
    let run = cluster.pgctl(&["queries", "--top"]).await?.exits(0)?;
    run.says("shared_preload_libraries")?
        .says("CREATE EXTENSION")?;
    Ok(())
}

async fn connections_are_counted_and_checked(cluster: &SandboxCluster) -> Result<()> {
    let idle = cluster.open(PRIMARY).await?;
    idle.rows("begin").await?;
    idle.rows("create temporary table mine ()").await?;
    let document = ask(cluster, &["connections"]).await?;
    assert_eq!(document["kind"], "Connections");
    let answer = &document["servers"][0]["answer"];
    let number = async |setting: &str| -> Result<u64> {
        let shown = idle.one(&format!("show {setting}")).await?;
        Ok(shown.parse()?)
    };
    let max = number("max_connections").await?;
    let reserved = number("superuser_reserved_connections").await?;
    assert_eq!(answer["maxConnections"], max);
    assert_eq!(answer["superuserReserved"], reserved);
    // Since PostgreSQL 16 some may be kept for other roles, too.
    let kept = answer["reserved"].as_u64().context("reserved")?;
    assert_eq!(answer["usable"], max - reserved - kept);
    let sessions = "select count(*) from pg_stat_activity \
        where backend_type = 'client backend' and pid <> pg_backend_pid()";
    eventually("each is counted", async || {
        // A session of its own, because what a transaction has seen of them stays; it is one of them.
        let looks = cluster.open(PRIMARY).await?;
        let there: u64 = looks.one(sessions).await?.parse()?;
        let document = ask(cluster, &["connections"]).await?;
        let used = &document["servers"][0]["answer"]["used"];
        ensure!(*used == there + 1, "{used} instead of {}", there + 1);
        Ok(())
    })
    .await?;
    let pid: u64 = idle.one("select pg_backend_pid()").await?.parse()?;
    assert_eq!(answer["oldestIdleInTransaction"]["pid"], pid);
    let holders = answer["xminHolders"].as_array().context("holders")?;
    let name = pid.to_string();
    let session = |it: &Value| it["kind"] == "session" && it["name"] == name.as_str();
    ensure!(holders.iter().any(session), "{pid}: {document}");
    let enough = cluster.pgctl(&["connections", "--max-used", "100"]).await?;
    enough.exits(0)?;
    // Two are there by now, which is more than one in a hundred of those of a sandbox.
    let _more = cluster.open(PRIMARY).await?;
    let again = cluster
        .pgctl(&["connections", "--max-used", "1", "--by", "client"])
        .await?;
    again.exits(4)?.says("for superusers")?;
    Ok(())
}

async fn a_pod_that_hangs_costs_its_row(cluster: &SandboxCluster) -> Result<()> {
    cluster.freeze(REPLICA).await?;
    for command in ["queries", "locks", "connections"] {
        let run = cluster
            .pgctl(&[command, "--timeout", "3s"])
            .await?
            .exits(0)?;
        run.says(&format!("no answer of {}", full(REPLICA)))?
            .says(&format!("primary {}", full(PRIMARY)))?;
    }
    let run = cluster
        .pgctl(&["queries", "--pod", REPLICA, "--timeout", "3s"])
        .await?;
    run.exits(7)?;
    cluster.mend().await
}

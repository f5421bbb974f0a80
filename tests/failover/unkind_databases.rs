//! Databases that nobody may connect to, and names, texts and settings that are not UTF-8, leave every command
//! as it is.

use anyhow::{Result, ensure};

use super::test_cluster::{Oracle, eventually, on_cluster};

/// `\351` is é in Latin 1. What runs and what waits stays after the script.
const UNKIND: &str = r#"
q() { psql -XAtq -v ON_ERROR_STOP=1 -h /var/run/postgresql -U postgres "$@" || exit 1; }
e=$(printf '\351')
q -c 'create database closed'
q -d closed -c 'create unlogged table in_closed as select 1 as n'
q -c 'alter database closed allow_connections false'
q -c "create database latin encoding 'LATIN1' locale 'C' template template0"
q -c "create database ascii encoding 'SQL_ASCII' locale 'C' template template0"
q -d ascii -c "create database \"caf$e\" encoding 'SQL_ASCII' locale 'C' template template0"
q -d ascii -c "create role \"r$e\" login superuser"
q -d ascii -c "alter database ascii set my.setting = 'a$e'"
q -d ascii -c "create table \"t$e\" (\"c$e\" text)"
q -d ascii -c "insert into \"t$e\" values ('x$e')"
psql -XAtq "host=/var/run/postgresql user=r$e dbname=caf$e application_name=ap$e" \
  -c "select pg_sleep(3600) /* runs $e */" </dev/null >/dev/null 2>&1 &
(echo "begin; lock table \"t$e\"; select pg_sleep(3600);" | q -d ascii -f -) >/dev/null 2>&1 &
sleep 1
q -d ascii -c "select * from \"t$e\" /* waits $e */" </dev/null >/dev/null 2>&1 &
psql -XAtq -h /var/run/postgresql -U postgres -d ascii -c "select pg_sleep(3600) -- ends in $e" </dev/null >/dev/null 2>&1 &
psql -XAtq -h /var/run/postgresql -U postgres -d ascii -c "select no_such_$e" 2>/dev/null
sleep 1
"#;

#[test]
fn databases_that_are_closed_or_not_utf8_leave_every_command_as_it_is() -> Result<()> {
    on_cluster(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        // It stays as long as what it has begun; and goes with the test.
        let script = ["shell", "primary-0", "--", "sh", "-c", UNKIND];
        let _begun = cluster.command(&script)?.spawn()?;
        eventually("one of its queries waits", async || {
            let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
            let waiting = cluster.open("primary-0").await?.one(waiting).await?;
            ensure!(waiting == "1", "not yet");
            Ok(())
        })
        .await?;
        oracle.content(cluster).await?;
        let report = cluster.folder().join("report.tar.gz");
        let report = report.to_string_lossy().into_owned();
        for command in [
            &["status"][..],
            &["lag", "--max-lag", "1GB"],
            &["slots"],
            &["queries"],
            &["queries", "--top"],
            &["top", "--count", "2"],
            &["query", "--all", "select 1 as one"],
            &["locks"],
            &["connections"],
            &["config"],
            &["disk"],
            &["metrics"],
            &["logs", "--tail", "50"],
            &["history"],
            &["hpa"],
            &["sync"],
            &["report", "--file", &report],
        ] {
            for format in ["table", "json"] {
                if format == "json" && matches!(command[0], "metrics" | "report" | "top") {
                    continue;
                }
                let arguments = match format {
                    "table" => command.to_vec(),
                    _ => [command, &["-o", format]].concat(),
                };
                let run = cluster.pgctl(&arguments).await?.exits(0)?;
                // The log has the server's own words of what a client of ours has asked.
                let said = command[0] != "logs" && run.stdout.contains("byte sequence");
                ensure!(!said && !run.stdout.contains("no answer"), "{run}");
            }
        }
        let running = cluster.pgctl(&["queries"]).await?;
        for words in [r"r\xe9@caf\xe9", r"ends in \xe9", "blocked"] {
            ensure!(
                running.stdout.contains(words),
                "{words} is not told: {running}"
            );
        }
        let examined = cluster.pgctl(&["doctor"]).await?;
        ensure!(
            examined.stdout.contains("its name is not UTF-8"),
            "{examined}"
        );
        for to in ["replica-0", "primary-0"] {
            let change = ["failover", "--to", to, "--rejoin", "--yes"];
            cluster.pgctl(&change).await?.exits(0)?;
            let primary = oracle.content(cluster).await?;
            ensure!(primary == to, "{primary} is primary, and not {to}");
        }
        Ok(())
    })
}

//! `pgctl config` and `pgctl disk`.

use anyhow::{Context as _, Result, ensure};
use pgctl_sandbox::cli::{FaultKind, Scope};
use serde_json::Value;

use crate::test_cluster::{SandboxCluster, eventually, full, on_sandbox};

const PRIMARY: &str = "primary-0";
const REPLICA: &str = "replica-0";

#[test]
fn settings_and_space_are_told_of_every_server() -> Result<()> {
    on_sandbox(1, async |cluster| {
        a_setting_has_a_value_a_unit_and_a_place(cluster).await?;
        what_databases_and_roles_have_is_shown_unasked(cluster).await?;
        a_wrong_name_leads_to_the_nearest(cluster).await?;
        no_secret_is_shown(cluster).await?;
        what_differs_is_told(cluster).await?;
        space_is_counted(cluster).await?;
        a_pod_that_hangs_costs_its_row(cluster).await
    })
}

async fn json(cluster: &SandboxCluster, line: &[&str], exit: i32) -> Result<Value> {
    let line = [line, &["-o", "json"]].concat();
    cluster.pgctl(&line).await?.exits(exit)?.json()
}

async fn a_setting_has_a_value_a_unit_and_a_place(cluster: &SandboxCluster) -> Result<()> {
    let document = json(
        cluster,
        &["config", "show", "checkpoint_timeout", "search_path"],
        0,
    )
    .await?;
    let settings = &document["servers"][0]["answer"]["settings"];
    assert_eq!(settings[0]["name"], "checkpoint_timeout");
    assert_eq!(settings[0]["value"], "5min");
    assert_eq!(settings[0]["source"], "configuration file");
    ensure!(settings[0]["line"].is_number(), "{document}");
    // What pgctl's own session has asked for is not the server's.
    assert_eq!(settings[1]["value"], "\"$user\", public");
    let run = cluster.pgctl(&["config"]).await?.exits(0)?;
    run.says("postgresql.conf:")?.says("command line")?;
    Ok(())
}

async fn what_databases_and_roles_have_is_shown_unasked(cluster: &SandboxCluster) -> Result<()> {
    for sql in [
        "create role rtl",
        "alter role rtl set search_path = x",
        "alter role rtl in database postgres set statement_timeout = '1h'",
        "alter database postgres set default_transaction_deferrable = on",
    ] {
        cluster.sql(PRIMARY, sql).await?;
    }
    let run = cluster.pgctl(&["config"]).await?.exits(0)?;
    run.says("role rtl has search_path = x")?
        .says("role rtl in database postgres has statement_timeout = 1h")?
        .says("database postgres has default_transaction_deferrable = on")?;
    let document = json(cluster, &["config"], 0).await?;
    let roles = document["servers"][0]["answer"]["roles"].as_array();
    let roles = roles.with_context(|| format!("{document:#}"))?;
    let of_rtl = roles.iter().filter(|it| it["role"] == "rtl");
    assert_eq!(of_rtl.count(), 2, "{document:#}");
    for sql in [
        "alter database postgres reset default_transaction_deferrable",
        "drop role rtl",
    ] {
        cluster.sql(PRIMARY, sql).await?;
    }
    Ok(())
}

async fn a_wrong_name_leads_to_the_nearest(cluster: &SandboxCluster) -> Result<()> {
    let run = cluster.pgctl(&["config", "show", "wrok_mem"]).await?;
    run.exits(2)?.says("next: pgctl config show work_mem")?;
    Ok(())
}

async fn no_secret_is_shown(cluster: &SandboxCluster) -> Result<()> {
    let standby = cluster.open(REPLICA).await?;
    let conninfo = standby.one("show primary_conninfo").await?;
    ensure!(conninfo.contains("passfile"), "{conninfo}");
    for sql in [
        "alter system set archive_cleanup_command = 'push --password=hunter2 %p'",
        "select pg_reload_conf()",
    ] {
        cluster.sql(PRIMARY, sql).await?;
    }
    eventually("the reload", async || {
        let run = cluster.pgctl(&["config", "show", "archive_cleanup_command"]);
        run.await?.exits(0)?.says("push --password=***")
    })
    .await?;
    let names = ["archive_cleanup_command", "primary_conninfo"];
    for (line, exit) in [
        (&["config", "show", "--all", "-o", "json"][..], 0),
        (&["config", "show", names[0], names[1], "-o", "wide"], 0),
        (&["config", "diff", "-o", "json"], 4),
    ] {
        let run = cluster.pgctl(line).await?.exits(exit)?;
        for secret in ["passfile", conninfo.as_str(), "hunter2"] {
            ensure!(!run.stdout.contains(secret), "{secret} is in it: {run}");
        }
        for name in names.iter().filter(|_| exit == 0) {
            ensure!(run.stdout.contains(name), "{name} is not in it: {run}");
        }
    }
    for sql in [
        "alter system reset archive_cleanup_command",
        "select pg_reload_conf()",
    ] {
        cluster.sql(PRIMARY, sql).await?;
    }
    Ok(())
}

async fn what_differs_is_told(cluster: &SandboxCluster) -> Result<()> {
    for sql in [
        "alter system set work_mem = '7MB'",
        "alter system set max_connections = 300",
        "alter system set log_line_prefix = E'\\x1b[2J''\"; '",
        "select pg_reload_conf()",
    ] {
        cluster.sql(REPLICA, sql).await?;
    }
    let document = eventually("the reload", async || {
        let document = json(cluster, &["config", "diff"], 4).await?;
        let found = difference(&document, "max_connections", "pending-restart");
        ensure!(found.is_some(), "{document:#}");
        Ok(document)
    })
    .await?;
    let overruled = difference(&document, "work_mem", "overridden");
    let overruled = overruled.with_context(|| format!("work_mem: {document:#}"))?;
    assert_eq!(overruled["expected"], "4MB");
    assert_eq!(overruled["actual"], "7MB");
    assert_eq!(overruled["pod"], full(REPLICA));
    ensure!(
        difference(&document, "work_mem", "between").is_some(),
        "{document:#}"
    );
    let run = cluster.pgctl(&["config", "diff"]).await?.exits(4)?;
    ensure!(!run.stdout.contains('\u{1b}'), "{run}");
    let run = run.says("postgresql.auto.conf")?;
    drop(run);
    for sql in [
        "alter system reset work_mem",
        "alter system reset max_connections",
        "alter system reset log_line_prefix",
        "select pg_reload_conf()",
    ] {
        cluster.sql(REPLICA, sql).await?;
    }
    Ok(())
}

fn difference<'a>(document: &'a Value, name: &str, what: &str) -> Option<&'a Value> {
    let all = document["differences"].as_array()?;
    all.iter()
        .find(|it| it["name"] == name && it["what"] == what)
}

async fn space_is_counted(cluster: &SandboxCluster) -> Result<()> {
    for sql in [
        "create table \"Bloat'ed\n\" as select n, repeat('x', 100) as filler from generate_series(1, 20000) n",
        "delete from \"Bloat'ed\n\" where n % 10 <> 0",
        "analyze \"Bloat'ed\n\"",
    ] {
        cluster.sql(PRIMARY, sql).await?;
    }
    let document = json(cluster, &["disk"], 0).await?;
    assert_eq!(document["kind"], "Disk");
    let usage = &document["servers"][0]["usage"];
    ensure!(
        usage["volumes"][0]["sizeBytes"].as_u64() > Some(0),
        "{document:#}"
    );
    ensure!(usage["walBytes"].as_u64() > Some(0), "{document:#}");
    let tables = usage["tables"].as_array().context("tables")?;
    let bloated = tables
        .iter()
        .find(|it| it["name"] == "public.\"Bloat'ed\n\"");
    let bloated = bloated.with_context(|| format!("{document:#}"))?;
    let (heap, bloat) = (&bloated["heapBytes"], &bloated["estimatedBloatBytes"]);
    let share = bloat
        .as_f64()
        .zip(heap.as_f64())
        .map(|(bloat, heap)| bloat / heap);
    ensure!(share > Some(0.8) && share < Some(0.95), "{bloated}");
    ensure!(
        document["servers"][0]["growth"]["sampleSeconds"].is_number(),
        "{document:#}"
    );
    ensure!(
        document["servers"][1]["usage"]["tables"].is_null(),
        "{document:#}"
    );
    temporary_files_are_counted(cluster).await?;
    let fill = FaultKind::FillDisk {
        pod: full(PRIMARY),
        percent: 97,
        scope: Scope { namespace: None },
    };
    cluster.fault(&fill).await?;
    let document = json(cluster, &["disk", "--tables", "0"], 4).await?;
    let used = |server: usize| -> Result<f64> {
        let volume = &document["servers"][server]["usage"]["volumes"][0];
        let bytes = |name: &str| {
            volume[name]
                .as_f64()
                .with_context(|| format!("{document:#}"))
        };
        Ok(bytes("usedBytes")? / bytes("sizeBytes")?)
    };
    let (filled, other) = (used(0)?, used(1)?);
    ensure!(
        filled > 0.96 && filled <= 1.0,
        "{filled} is used: {document:#}"
    );
    ensure!(other < 0.5, "{other} is used: {document:#}");
    cluster.mend().await
}

/// Those of one process lie beside those that several share, which are in directories of their own.
async fn temporary_files_are_counted(cluster: &SandboxCluster) -> Result<()> {
    let counted = async |least: u64| {
        let document = json(cluster, &["disk", "--tables", "0", "--sample", "0"], 0).await?;
        let usage = &document["servers"][0]["usage"];
        assert_eq!(usage["unseen"], serde_json::json!([]));
        let bytes = usage["tempBytes"].as_u64().context("tempBytes")?;
        ensure!(
            bytes >= least,
            "{bytes} bytes instead of {least}: {document:#}"
        );
        anyhow::Ok(())
    };
    let sorts = cluster.open(PRIMARY).await?;
    for sql in [
        "set work_mem = '64kB'",
        "begin",
        "declare kept cursor with hold for \
         select repeat('x', 100) || n from generate_series(1, 100000) n order by 1 desc",
        "commit",
    ] {
        sorts.rows(sql).await?;
    }
    counted(5_000_000).await?;
    drop(sorts);
    cluster
        .sql(
            PRIMARY,
            "create table joined as select n, repeat('x', 200) as filler from generate_series(1, 100000) n",
        )
        .await?;
    cluster.sql(PRIMARY, "analyze joined").await?;
    let joins = cluster.open(PRIMARY).await?;
    for sql in [
        "set work_mem = '64kB'",
        "set enable_mergejoin = off",
        "set enable_nestloop = off",
        "set min_parallel_table_scan_size = 0",
        "set parallel_setup_cost = 0",
        "set parallel_tuple_cost = 0",
        "set max_parallel_workers_per_gather = 2",
    ] {
        joins.rows(sql).await?;
    }
    // It sleeps at each pair, when the tables are in files already.
    let slow = "select count(a.filler), count(b.filler) from joined a join joined b using (n) \
         where pg_sleep(0.05 + 0 * length(a.filler || b.filler)) is not null";
    let plan = joins.rows(&format!("explain {slow}")).await?;
    ensure!(
        plan.iter()
            .flatten()
            .any(|it| it.contains("Parallel Hash Join")),
        "{plan:?}"
    );
    let joining = tokio::spawn(async move { joins.rows(slow).await.map(drop) });
    eventually("its files are counted", async || {
        let files = "select count(*)::text from pg_ls_dir('base/pgsql_tmp', true, false) d where d like '%.fileset'";
        let sets = cluster.sql(PRIMARY, files).await?;
        ensure!(sets != [["0"]], "not yet");
        // The cursor's own are gone by now.
        counted(5_000_000).await
    })
    .await?;
    let end = "select pg_terminate_backend(pid) from pg_stat_activity where query like '%from joined a%' \
         and pid <> pg_backend_pid()";
    cluster.sql(PRIMARY, end).await?;
    ensure!(joining.await?.is_err(), "it was to end");
    Ok(())
}

async fn a_pod_that_hangs_costs_its_row(cluster: &SandboxCluster) -> Result<()> {
    cluster.freeze(REPLICA).await?;
    for line in [
        &["config", "show", "work_mem", "--timeout", "3s"][..],
        &["disk", "--timeout", "3s", "--sample", "0"],
    ] {
        let run = cluster.pgctl(line).await?.exits(0)?;
        run.says(&format!("no answer of {}", full(REPLICA)))?;
    }
    // With nothing that differs, whoever goes by the exit code is not told that all is well.
    let run = cluster.pgctl(&["config", "diff", "--timeout", "3s"]);
    let run = run.await?.exits(7)?;
    run.says(&format!("not known whether {} differs: ", full(REPLICA)))?
        .says("nothing differs among those that answer: ")?;
    cluster.mend().await
}

//! `pgctl config set`, `unset` and `reload`.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::Value;

use crate::test_cluster::{SandboxCluster, VIEWER, eventually, full, on_sandbox};

const PRIMARY: &str = "primary-0";
const REPLICA: &str = "replica-0";
const PODS: [&str; 2] = [PRIMARY, REPLICA];
const LOCKS: &str = "max_locks_per_transaction";

#[test]
fn settings_are_changed_on_every_server_and_nothing_is_broken() -> Result<()> {
    on_sandbox(1, async |cluster| {
        what_can_not_work_is_refused(cluster).await?;
        a_dry_run_changes_nothing(cluster).await?;
        who_may_not_write_it_down_may_not_do_it(cluster).await?;
        it_is_set_everywhere_and_put_back(cluster).await?;
        values_are_quoted_as_postgresql_wants_them(cluster).await?;
        a_server_that_hangs_costs_its_row(cluster).await?;
        limits_go_up_on_standbys_first(cluster).await?;
        limits_come_down_on_the_primary_first(cluster).await?;
        a_changed_config_map_is_taken_by_a_reload(cluster).await
    })
}

async fn shows(cluster: &SandboxCluster, tail: &str, name: &str) -> Result<String> {
    let sql = format!("select current_setting('{name}')");
    // Everything that the test's own session has set is not the server's.
    let sql = match name {
        "search_path" => "select reset_val from pg_settings where name = 'search_path'".to_owned(),
        _ => sql,
    };
    cluster.open(tail).await?.one(&sql).await
}

/// What `ALTER SYSTEM` has left there.
async fn altered(cluster: &SandboxCluster, tail: &str, name: &str) -> Result<Option<String>> {
    let sql = format!(
        "select setting from pg_file_settings where name = '{name}' and sourcefile like '%postgresql.auto.conf'"
    );
    let rows = cluster.sql(tail, &sql).await?;
    Ok(rows
        .into_iter()
        .next()
        .and_then(|row| row.into_iter().next()))
}

async fn what_can_not_work_is_refused(cluster: &SandboxCluster) -> Result<()> {
    for (assignment, exit, words) in [
        ("wrok_mem=8MB", 2, "next: pgctl config set work_mem=8MB"),
        ("work_mem=8MB", 3, "key postgresql.conf, line"),
        ("shared_buffers=64MB", 3, "key overlay.conf, line"),
        ("temp_buffers=8mb", 3, "pgctl config set temp_buffers=8MB"),
        ("temp_buffers=8GB", 3, "refused: memory: "),
        (
            "logical_decoding_work_mem=8",
            3,
            "8 without a unit is 8kB, and the least is 64kB",
        ),
        ("primary_conninfo=host=x", 3, "refused: owner: "),
        ("port=5433", 3, "refused: owner: "),
        ("block_size=16384", 3, "nothing changes it"),
        (
            "shared_preload_libraries=not_there",
            3,
            "the image has no library \"not_there\"",
        ),
        ("shared_preload_libraries=", 3, "one library without a name"),
        ("default_text_search_config=nonsense", 3, "refused: value: "),
        ("synchronous_standby_names=*", 3, "pgctl sync"),
        ("recovery_target=immediate", 3, "refused: owner: "),
    ] {
        let run = cluster
            .pgctl(&["config", "set", assignment, "--yes"])
            .await?;
        run.exits(exit)?.says(words)?;
    }
    cluster
        .pgctl(&["config", "set", "work_mem", "--yes"])
        .await?
        .exits(2)?;
    let hostile = "work_mem\u{1b}[2J'; drop table x; --=1";
    let run = cluster
        .pgctl(&["config", "set", hostile, "--yes"])
        .await?
        .exits(2)?;
    ensure!(!run.stderr.contains('\u{1b}'), "{run}");
    for pod in PODS {
        let sql = "select name from pg_file_settings where sourcefile like '%postgresql.auto.conf' \
            and name not like 'primary\\_%'";
        let left = cluster.sql(pod, sql).await?;
        ensure!(left.is_empty(), "{pod}: {left:?}");
    }
    Ok(())
}

async fn a_dry_run_changes_nothing(cluster: &SandboxCluster) -> Result<()> {
    let line = [
        "config",
        "set",
        "temp_buffers=9MB",
        "--dry-run",
        "-o",
        "json",
    ];
    let document = cluster.pgctl(&line).await?.exits(0)?.json()?;
    assert_eq!(document["kind"], "Change");
    assert_eq!(document["outcome"], "proposed");
    assert_eq!(document["undo"][0], "pgctl config unset temp_buffers");
    let run = cluster
        .pgctl(&["config", "set", "temp_buffers=9MB"])
        .await?;
    run.exits(3)?.says("no terminal to confirm on")?;
    assert_eq!(altered(cluster, PRIMARY, "temp_buffers").await?, None);
    Ok(())
}

async fn who_may_not_write_it_down_may_not_do_it(cluster: &SandboxCluster) -> Result<()> {
    cluster.grant(VIEWER, "vera")?;
    let kubeconfig = cluster.kubeconfig_of("vera")?;
    let line = [
        "--kubeconfig",
        &kubeconfig,
        "config",
        "set",
        "temp_buffers=9MB",
        "--yes",
    ];
    cluster.pgctl(&line).await?.exits(3)?;
    assert_eq!(altered(cluster, PRIMARY, "temp_buffers").await?, None);
    Ok(())
}

async fn it_is_set_everywhere_and_put_back(cluster: &SandboxCluster) -> Result<()> {
    let line = ["config", "set", "temp_buffers=9MB", "--yes", "-o", "json"];
    let document = cluster.pgctl(&line).await?.exits(0)?.json()?;
    assert_eq!(document["outcome"], "done");
    let effects = document["effects"].as_array().context("effects")?;
    assert_eq!(effects.len(), 2);
    for effect in effects {
        assert_eq!(effect["result"], "taken", "{effect}");
        assert_eq!(effect["value"], "9MB", "{effect}");
    }
    for pod in PODS {
        assert_eq!(shows(cluster, pod, "temp_buffers").await?, "9MB", "{pod}");
    }
    // Again, it is so already; another value knows the way back to this one.
    let document = cluster.pgctl(&line).await?.exits(0)?.json()?;
    assert_eq!(document["outcome"], "nothing");
    let run = cluster
        .pgctl(&["config", "set", "temp_buffers=10MB", "--yes"])
        .await?;
    let run = run.exits(0)?.says("done, and looked at")?;
    let run = run
        .says("to put it back: pgctl")?
        .says("config set temp_buffers=9MB")?;
    drop(run);
    let history = cluster
        .pgctl(&["history", "-o", "json"])
        .await?
        .exits(0)?
        .json()?;
    let changes = history["changes"].as_array().context("changes")?;
    let last = changes.last().context("the last")?;
    assert_eq!(last["change"], "temp_buffers = 10MB on all 2 servers");
    assert_eq!(last["undo"][0], "pgctl config set temp_buffers=9MB");
    let run = cluster
        .pgctl(&["config", "unset", "temp_buffers", "--yes"])
        .await?;
    run.exits(0)?.says("temp_buffers=10MB")?;
    for pod in PODS {
        assert_eq!(shows(cluster, pod, "temp_buffers").await?, "8MB", "{pod}");
    }
    Ok(())
}

async fn values_are_quoted_as_postgresql_wants_them(cluster: &SandboxCluster) -> Result<()> {
    let odd = r#"archive_cleanup_command=echo 'it''s' "%r" \ ; true"#;
    for assignment in [
        r#"search_path="$user", shop, public"#,
        "shared_preload_libraries=pg_stat_statements,auto_explain",
        odd,
        "debug_print_plan=on",
    ] {
        let run = cluster
            .pgctl(&["config", "set", assignment, "--yes"])
            .await?;
        run.exits(0)?;
    }
    for pod in PODS {
        let path = altered(cluster, pod, "search_path").await?;
        assert_eq!(path.as_deref(), Some(r#""$user", shop, public"#));
        let libraries = altered(cluster, pod, "shared_preload_libraries").await?;
        assert_eq!(
            libraries.as_deref(),
            Some("pg_stat_statements, auto_explain")
        );
        let command = altered(cluster, pod, "archive_cleanup_command").await?;
        assert_eq!(command.as_deref(), odd.split_once('=').map(|it| it.1));
    }
    let names = [
        "search_path",
        "shared_preload_libraries",
        "archive_cleanup_command",
        "debug_print_plan",
    ];
    let line = [&["config", "unset"][..], &names, &["--yes"]].concat();
    cluster.pgctl(&line).await?.exits(0)?;
    for pod in PODS {
        for name in names {
            assert_eq!(altered(cluster, pod, name).await?, None, "{name} on {pod}");
        }
    }
    Ok(())
}

async fn a_server_that_hangs_costs_its_row(cluster: &SandboxCluster) -> Result<()> {
    cluster.freeze(REPLICA).await?;
    let line = [
        "config",
        "set",
        "temp_buffers=9MB",
        "--yes",
        "--timeout",
        "4s",
    ];
    let run = cluster.pgctl(&line).await?.exits(5)?;
    run.says(&full(REPLICA))?
        .says("not changed")?
        .says("the same command goes on")?;
    assert_eq!(shows(cluster, PRIMARY, "temp_buffers").await?, "9MB");
    cluster.mend().await?;
    cluster.all_stream().await?;
    let run = cluster
        .pgctl(&["config", "set", "temp_buffers=9MB", "--yes"])
        .await?;
    run.exits(0)?.says("so already")?;
    assert_eq!(shows(cluster, REPLICA, "temp_buffers").await?, "9MB");
    let run = cluster
        .pgctl(&["config", "unset", "temp_buffers", "--yes"])
        .await?;
    run.exits(0)?;
    Ok(())
}

/// Restarts a server, and waits until it goes by this.
async fn restart(cluster: &SandboxCluster, tail: &str, value: &str) -> Result<()> {
    cluster.kill(tail).await?;
    eventually("it is back with the value", async || {
        let now = shows(cluster, tail, LOCKS).await?;
        ensure!(now == value, "{tail} has {now}");
        Ok(())
    })
    .await?;
    cluster.all_stream().await.map(drop)
}

fn result_of<'a>(document: &'a Value, tail: &str) -> Option<&'a str> {
    let effects = document["effects"].as_array()?;
    let effect = effects.iter().find(|it| it["pod"] == full(tail));
    effect?["result"].as_str()
}

async fn limits_go_up_on_standbys_first(cluster: &SandboxCluster) -> Result<()> {
    let line = [
        "config",
        "set",
        "max_locks_per_transaction=96",
        "--yes",
        "-o",
        "json",
    ];
    let document = cluster.pgctl(&line).await?.exits(5)?.json()?;
    assert_eq!(document["outcome"], "partly", "{document:#}");
    assert_eq!(
        result_of(&document, REPLICA),
        Some("restart"),
        "{document:#}"
    );
    assert_eq!(result_of(&document, PRIMARY), Some("waits"), "{document:#}");
    // Also when the primary dies now, everybody follows.
    restart(cluster, PRIMARY, "64").await?;
    let document = cluster.pgctl(&line).await?.exits(5)?.json()?;
    assert_eq!(document["outcome"], "nothing", "{document:#}");
    restart(cluster, REPLICA, "96").await?;
    let document = cluster.pgctl(&line).await?.exits(0)?.json()?;
    assert_eq!(
        result_of(&document, PRIMARY),
        Some("restart"),
        "{document:#}"
    );
    restart(cluster, PRIMARY, "96").await?;
    let document = cluster.pgctl(&line).await?.exits(0)?.json()?;
    assert_eq!(document["outcome"], "nothing", "{document:#}");
    Ok(())
}

async fn limits_come_down_on_the_primary_first(cluster: &SandboxCluster) -> Result<()> {
    let line = [
        "config",
        "unset",
        "max_locks_per_transaction",
        "--yes",
        "-o",
        "json",
    ];
    let document = cluster.pgctl(&line).await?.exits(5)?.json()?;
    assert_eq!(
        result_of(&document, PRIMARY),
        Some("restart"),
        "{document:#}"
    );
    assert_eq!(result_of(&document, REPLICA), Some("waits"), "{document:#}");
    restart(cluster, REPLICA, "96").await?;
    restart(cluster, PRIMARY, "64").await?;
    let document = cluster.pgctl(&line).await?.exits(0)?.json()?;
    assert_eq!(
        result_of(&document, REPLICA),
        Some("restart"),
        "{document:#}"
    );
    restart(cluster, REPLICA, "64").await
}

async fn a_changed_config_map_is_taken_by_a_reload(cluster: &SandboxCluster) -> Result<()> {
    let run = cluster
        .pgctl(&["config", "reload", "replica-7", "--yes"])
        .await?;
    run.exits(2)?.says(&full(REPLICA))?;
    let name = format!("{}config", full(""));
    cluster
        .store()
        .modify(cluster.namespace(), &name, |map: &mut ConfigMap| {
            if let Some(text) = map.data.as_mut().and_then(|it| it.get_mut("overlay.conf")) {
                text.push_str("\nwork_mem = '6MB'\nmax_connections = 70\nno_such_setting = 1\n");
            }
        })?;
    eventually("the files have reached the pods", async || {
        let run = cluster
            .pgctl(&["config", "reload", "--dry-run"])
            .await?
            .exits(0)?;
        run.says("work_mem is 4MB, and overlay.conf:")?
            .says("the pods have the deployment's files")
    })
    .await?;
    let run = cluster
        .pgctl(&["config", "reload", "--dry-run"])
        .await?
        .exits(0)?;
    run.says("no_such_setting")?;
    cluster
        .store()
        .modify(cluster.namespace(), &name, |map: &mut ConfigMap| {
            if let Some(text) = map.data.as_mut().and_then(|it| it.get_mut("overlay.conf")) {
                *text = text.replace("no_such_setting = 1\n", "");
            }
        })?;
    eventually("the mistake is out of the pods", async || {
        let run = cluster
            .pgctl(&["config", "reload", "--dry-run"])
            .await?
            .exits(0)?;
        run.says("every line can be used")
    })
    .await?;
    let document = cluster
        .pgctl(&["config", "reload", "--yes", "-o", "json"])
        .await?;
    let document = document.exits(0)?.json()?;
    let effects = document["effects"].as_array().context("effects")?;
    for pod in PODS {
        let of = |name: &str| {
            let found = effects
                .iter()
                .find(|it| it["pod"] == full(pod) && it["setting"] == name);
            found.map(|it| it["result"].clone())
        };
        assert_eq!(of("work_mem"), Some("taken".into()), "{document:#}");
        assert_eq!(
            of("max_connections"),
            Some("restart".into()),
            "{document:#}"
        );
        assert_eq!(shows(cluster, pod, "work_mem").await?, "6MB");
    }
    Ok(())
}

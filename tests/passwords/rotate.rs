use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Secret;

use crate::secrets::{
    REPLICATION, SUPERUSER, is_in_no_command_line, is_nowhere_else, is_settled, secret,
};
use crate::test_cluster::{OPERATOR, SandboxCluster, eventually, full, on_sandbox};

const PRIMARY: &str = "primary-0";
const REPLICAS: [&str; 2] = ["replica-0", "replica-1"];

#[test]
fn passwords_change_while_clients_write_and_a_standby_restarts() -> Result<()> {
    on_sandbox(2, async |cluster| {
        what_can_not_work_is_refused(cluster).await?;
        who_may_not_patch_the_secret_may_not_do_it(cluster).await?;
        a_dry_run_changes_nothing(cluster).await?;
        all_change_under_load(cluster).await?;
        one_that_is_given_is_taken(cluster).await?;
        the_secret_of_a_controller_is_left_alone(cluster).await
    })
}

async fn what_can_not_work_is_refused(cluster: &SandboxCluster) -> Result<()> {
    let before = secret(cluster)?;
    for (line, exit, words) in [
        (&["rotate"][..], 2, "next: pgctl"),
        (&["rotate", "app", "--yes"], 2, "next: pgctl"),
        (
            &["rotate", "--all", "--abort", "--yes"],
            3,
            "there is nothing to go back to",
        ),
        (
            &[
                "rotate",
                "superuser",
                "--password-file",
                "/nowhere",
                "--yes",
            ],
            2,
            "can't be read",
        ),
        (&["rotate", "superuser"], 3, "no terminal to confirm on"),
    ] {
        let line = [&["passwords"], line].concat();
        cluster.pgctl(&line).await?.exits(exit)?.says(words)?;
    }
    cluster.freeze(REPLICAS[1]).await?;
    let line = ["passwords", "rotate", "--all", "--yes", "--timeout", "4s"];
    let run = cluster.pgctl(&line).await?.exits(3)?;
    run.says("refused: servers: ")?.says(&full(REPLICAS[1]))?;
    cluster.mend().await?;
    cluster.all_stream().await?;
    ensure!(secret(cluster)? == before, "the Secret has changed");
    Ok(())
}

async fn who_may_not_patch_the_secret_may_not_do_it(cluster: &SandboxCluster) -> Result<()> {
    let before = secret(cluster)?;
    cluster.grant(OPERATOR, "olga")?;
    let kubeconfig = cluster.kubeconfig_of("olga")?;
    let line = [
        "--kubeconfig",
        &kubeconfig,
        "passwords",
        "rotate",
        "--all",
        "--yes",
    ];
    let run = cluster.pgctl(&line).await?.exits(3)?;
    run.says("patch secrets")?.says("deploy/rbac/passwords")?;
    ensure!(secret(cluster)? == before, "the Secret has changed");
    Ok(())
}

async fn a_dry_run_changes_nothing(cluster: &SandboxCluster) -> Result<()> {
    let before = secret(cluster)?;
    let line = ["passwords", "rotate", "--all", "--dry-run", "-o", "json"];
    let document = cluster.pgctl(&line).await?.exits(0)?.json()?;
    assert_eq!(document["outcome"], "proposed");
    ensure!(secret(cluster)? == before, "the Secret has changed");
    Ok(())
}

/// A client that connects for each write, with a password of its own.
async fn writes(
    cluster: &SandboxCluster,
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU32>,
) -> Result<()> {
    while !stop.load(Ordering::Relaxed) {
        let session = cluster
            .open_as(PRIMARY, "app", "app-password", "postgres")
            .await?;
        session
            .rows("insert into public.load default values")
            .await?;
        written.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

async fn all_change_under_load(cluster: &SandboxCluster) -> Result<()> {
    for sql in [
        "create role app login password 'app-password'",
        "create table public.load (at timestamptz default now())",
        "grant insert, select on public.load to app",
        // Everything that a server hears is in its log.
        "alter system set log_statement = 'all'",
        "select pg_reload_conf()",
    ] {
        cluster.sql(PRIMARY, sql).await?;
    }
    let before = secret(cluster)?;
    let (stop, written) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU32::new(0)),
    );
    let load = writes(cluster, Arc::clone(&stop), Arc::clone(&written));
    let change = async {
        let said = while_standbys_restart(cluster).await;
        stop.store(true, Ordering::Relaxed);
        said
    };
    let (load, said) = futures::join!(load, change);
    let said = said?;
    load.context("a client that has nothing to do with it was turned away")?;
    ensure!(written.load(Ordering::Relaxed) > 0, "nothing was written");
    is_settled(cluster)?;
    let after = secret(cluster)?;
    for key in [SUPERUSER, REPLICATION] {
        ensure!(after[key] != before[key], "{key} is the same");
        ensure!(!said.contains(&after[key]), "it is told");
        is_nowhere_else(cluster, &after[key])?;
        is_in_no_command_line(&after[key])?;
    }
    // What was before is no way in any more.
    let old = cluster
        .open(PRIMARY)
        .await
        .err()
        .context("the old password still works")?;
    ensure!(format!("{old:#}").contains("password"), "{old:#}");
    every_standby_streams(cluster).await?;
    // Also who starts anew, and whose walreceiver is cut off.
    cluster.kill(REPLICAS[0]).await?;
    every_standby_streams(cluster).await?;
    let sql = "select pg_terminate_backend(pid) from pg_stat_replication";
    let line = ["query", "--write", sql, "--yes"];
    cluster.pgctl(&line).await?.exits(0)?;
    every_standby_streams(cluster).await?;
    let history = cluster.pgctl(&["history"]).await?.exits(0)?;
    history.says("a new password for postgres and replicator")?;
    Ok(())
}

/// Gives what it said.
async fn while_standbys_restart(cluster: &SandboxCluster) -> Result<String> {
    let mut running = cluster.begin(&["passwords", "rotate", "--all", "--yes"])?;
    running
        .says("the new password goes into the Secret")
        .await?;
    // It comes in again with whichever of the two it is.
    cluster.kill(REPLICAS[0]).await?;
    running
        .says("the new password goes into the database")
        .await?;
    cluster.kill(REPLICAS[1]).await?;
    running.ends_well().await
}

/// As `pgctl` sees it, which has the password from the Secret.
async fn every_standby_streams(cluster: &SandboxCluster) -> Result<()> {
    eventually("both standbys stream", async || {
        let sql = "select count(*) from pg_stat_replication where state = 'streaming'";
        let run = cluster
            .pgctl(&["query", sql, "-o", "json"])
            .await?
            .exits(0)?;
        let count = &run.json()?["servers"][0]["answer"]["rows"][0][0];
        ensure!(*count == 2, "{run}");
        Ok(())
    })
    .await
}

/// Back to those that the tests know, one by one.
async fn one_that_is_given_is_taken(cluster: &SandboxCluster) -> Result<()> {
    for (which, key, password) in [
        ("replication", REPLICATION, "it's a \\ new: one, and long"),
        ("superuser", SUPERUSER, cluster.login.password()),
    ] {
        let file = cluster.folder().join("password");
        fs::write(&file, format!("{password}\n"))?;
        let file = file.to_string_lossy().into_owned();
        let line = [
            "passwords",
            "rotate",
            which,
            "--password-file",
            &file,
            "--yes",
        ];
        cluster
            .pgctl(&line)
            .await?
            .exits(0)?
            .says("done, and looked at")?;
        assert_eq!(secret(cluster)?[key], password);
        is_settled(cluster)?;
    }
    cluster.open(PRIMARY).await?;
    every_standby_streams(cluster).await
}

async fn the_secret_of_a_controller_is_left_alone(cluster: &SandboxCluster) -> Result<()> {
    let before = secret(cluster)?;
    let mark = |secret: &mut Secret| {
        let all = secret.metadata.labels.get_or_insert_default();
        all.insert(
            "reconcile.external-secrets.io/managed".to_owned(),
            "true".to_owned(),
        );
    };
    cluster
        .store()
        .modify(cluster.namespace(), &full("secret"), mark)?;
    let run = cluster
        .pgctl(&["passwords", "rotate", "--all", "--yes"])
        .await?
        .exits(3)?;
    run.says("change it in the store that it reads")?;
    ensure!(secret(cluster)? == before, "the Secret has changed");
    Ok(())
}

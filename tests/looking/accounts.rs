//! `pgctl users create` and `drop`: what an application gets, and that dying anywhere leaves nothing that
//! can't be gone on with.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use kube::core::ObjectMeta;

use crate::test_cluster::{Database, OPERATOR, Run, SandboxCluster, eventually, full, on_sandbox};

const PRIMARY: &str = "primary-0";
const REPLICA: &str = "replica-0";
const USERS: &str = include_str!("../../deploy/rbac/users/users.yaml");

#[test]
fn an_application_gets_a_role_and_no_more_than_it_needs() -> Result<()> {
    on_sandbox(1, async |cluster| {
        nothing_is_done_that_nobody_agreed_to(cluster).await?;
        it_takes_the_right_to_make_secrets(cluster).await?;
        the_role_has_a_schema_and_nothing_else(cluster).await?;
        a_reader_reads_what_comes_later_and_writes_nothing(cluster).await?;
        who_monitors_looks_and_reads_no_table(cluster).await?;
        what_was_interrupted_is_gone_on_with(cluster).await?;
        nothing_of_others_is_taken(cluster).await?;
        wrong_names_are_told(cluster).await?;
        what_is_set_in_the_database_is_told(cluster).await?;
        who_owns_or_is_connected_stays(cluster).await?;
        a_role_is_dropped_with_its_secret_and_data_stays(cluster).await?;
        without_a_primary_nothing_is_begun(cluster).await
    })
}

fn secret_name(cluster: &SandboxCluster, role: &str) -> Result<String> {
    Ok(format!("{}-user-{role}", cluster.name()?))
}

/// Logs in as the role, past pgctl, and runs something.
async fn as_role(
    cluster: &SandboxCluster,
    pod: &str,
    role: &str,
    sql: &str,
) -> Result<Vec<Vec<String>>> {
    let secret = cluster.secret(&secret_name(cluster, role)?)?;
    let session = cluster
        .open_as(pod, &secret["user"], &secret["password"], &secret["dbname"])
        .await?;
    session.rows(sql).await
}

async fn create(cluster: &SandboxCluster, line: &[&str]) -> Result<Run> {
    let line = [&["users", "create"], line, &["--yes"]].concat();
    cluster.pgctl(&line).await
}

async fn nothing_is_done_that_nobody_agreed_to(cluster: &SandboxCluster) -> Result<()> {
    let line = ["users", "create", "app", "--database", "shop"];
    let dry = cluster.pgctl(&[&line[..], &["--dry-run"]].concat()).await?;
    dry.exits(0)?
        .says("user app (read-write) of database shop")?;
    cluster
        .pgctl(&line)
        .await?
        .exits(3)?
        .says("no terminal to confirm on")?;
    let there = "select from pg_roles where rolname = 'app'";
    ensure!(cluster.sql(PRIMARY, there).await?.is_empty(), "made");
    let name = secret_name(cluster, "app")?;
    ensure!(cluster.secret(&name).is_err(), "a Secret was made");
    Ok(())
}

async fn it_takes_the_right_to_make_secrets(cluster: &SandboxCluster) -> Result<()> {
    cluster.grant(OPERATOR, "olga")?;
    let kubeconfig = cluster.kubeconfig_of("olga")?;
    let line = [
        "--kubeconfig",
        &kubeconfig,
        "users",
        "create",
        "early",
        "--database",
        "early_db",
        "--yes",
    ];
    let run = cluster.pgctl(&line).await?.exits(3)?;
    run.says("you may not: create secrets")?
        .says("deploy/rbac/users")?;
    cluster.grant(USERS, "olga")?;
    cluster.pgctl(&line).await?.exits(0)?;
    let drop = [
        "--kubeconfig",
        &kubeconfig,
        "users",
        "drop",
        "early",
        "--yes",
    ];
    cluster.pgctl(&drop).await?.exits(0)?;
    Ok(())
}

async fn the_role_has_a_schema_and_nothing_else(cluster: &SandboxCluster) -> Result<()> {
    cluster
        .sql(PRIMARY, "alter system set log_statement = 'all'")
        .await?;
    cluster.sql(PRIMARY, "select pg_reload_conf()").await?;
    let run = create(
        cluster,
        &["app", "--database", "shop", "--connection-limit", "7"],
    )
    .await?;
    let run = run.exits(0)?;
    let name = secret_name(cluster, "app")?;
    let secret = cluster.secret(&name)?;
    let password = &secret["password"];
    ensure!(password.len() == 32, "a short one");
    ensure!(!run.to_string().contains(password), "it is on the screen");
    let log = cluster
        .pgctl(&["logs", PRIMARY, "--tail", "all"])
        .await?
        .exits(0)?;
    ensure!(
        log.stdout.contains("SCRAM-SHA-256$"),
        "the log has the statements"
    );
    ensure!(!log.stdout.contains(password.as_str()), "it is in the log");
    let history = cluster.pgctl(&["history", "-o", "json"]).await?.exits(0)?;
    ensure!(
        !history.stdout.contains(password.as_str()),
        "it is in the history"
    );
    cluster
        .sql(PRIMARY, "alter system reset log_statement")
        .await?;
    cluster.sql(PRIMARY, "select pg_reload_conf()").await?;
    ensure!(
        secret["host"].contains("write") && secret["port"] == "5432",
        "{:?}",
        secret.keys()
    );
    ensure!(secret["uri"].starts_with("postgresql://app:"), "no uri");

    let made = "create table orders (n int); insert into orders values (1)";
    as_role(cluster, PRIMARY, "app", made).await?;
    let place = "select schemaname, tableowner from pg_tables where tablename = 'orders'";
    let place = as_role(cluster, PRIMARY, "app", place).await?;
    assert_eq!(place, [["app", "app"]]);
    for forbidden in [
        "create table public.x (n int)",
        "create schema other",
        "create role other",
        "create database other",
        "alter database shop set work_mem = '1GB'",
        "drop schema public",
        "select pg_read_file('PG_VERSION')",
        "copy orders to program 'true'",
        "set role postgres",
    ] {
        let answer = as_role(cluster, PRIMARY, "app", forbidden).await;
        ensure!(answer.is_err(), "it may {forbidden}");
    }
    // Nobody else gets in, and its place on a standby is the same.
    cluster
        .sql(PRIMARY, "create role stranger login password 'x'")
        .await?;
    let stranger = cluster.open_as(PRIMARY, "stranger", "x", "shop").await;
    ensure!(stranger.is_err(), "everybody may connect");
    eventually("the role on the standby", async || {
        let rows = as_role(cluster, REPLICA, "app", "select count(*) from orders").await?;
        ensure!(rows == [["1"]], "{rows:?}");
        Ok(())
    })
    .await?;
    // Once more: it changes nothing.
    create(cluster, &["app", "--database", "shop"])
        .await?
        .exits(0)?;
    assert_eq!(&cluster.secret(&name)?["password"], password);
    as_role(cluster, PRIMARY, "app", "select count(*) from orders").await?;
    Ok(())
}

async fn a_reader_reads_what_comes_later_and_writes_nothing(
    cluster: &SandboxCluster,
) -> Result<()> {
    let nowhere = create(cluster, &["reader", "--database", "nosuch", "--readonly"]).await?;
    nowhere
        .exits(3)?
        .says("there is no database nosuch to read")?;
    create(cluster, &["reader", "--database", "shop", "--readonly"])
        .await?
        .exits(0)?;
    let host = cluster.secret(&secret_name(cluster, "reader")?)?;
    ensure!(host["host"].contains("read"), "{}", host["host"]);
    as_role(
        cluster,
        PRIMARY,
        "app",
        "create table later (n int); insert into later values (7)",
    )
    .await?;
    for (table, expected) in [("app.orders", "1"), ("app.later", "7")] {
        let sql = format!("select n from {table}");
        let rows = as_role(cluster, PRIMARY, "reader", &sql).await?;
        assert_eq!(rows, [[expected]], "{table}");
    }
    for forbidden in [
        "insert into app.orders values (2)",
        "set default_transaction_read_only = off; delete from app.orders",
        "begin read write; truncate app.later",
        "begin read write; create table public.x (n int)",
        "begin read write; create schema x",
        "begin read write; create temporary table x (n int)",
    ] {
        let answer = as_role(cluster, PRIMARY, "reader", forbidden).await;
        ensure!(answer.is_err(), "it may {forbidden}");
    }
    Ok(())
}

async fn who_monitors_looks_and_reads_no_table(cluster: &SandboxCluster) -> Result<()> {
    let line = ["users", "create", "eye", "--monitor", "--dry-run"];
    let dry = cluster.pgctl(&line).await?.exits(0)?;
    dry.says("user eye (monitoring) of database postgres")?
        .says("pg_monitor")?;
    let line = ["eye", "--monitor", "--app-secret", "the-eye"];
    create(cluster, &line).await?.exits(0)?;
    // Under the names by which an exporter's Secret is read.
    let secret = cluster.secret("the-eye")?;
    let (user, password) = (&secret["username"], &secret["password"]);
    let session = cluster.open_as(PRIMARY, user, password, "postgres").await?;
    session.rows("select count(*) from pg_ls_waldir()").await?;
    let hidden = "select count(*) from pg_stat_activity where query = '<insufficient privilege>'";
    assert_eq!(session.one(hidden).await?, "0");
    for forbidden in [
        "begin read write; create role other",
        "begin read write; create database other",
        "begin read write; create schema other",
        "select * from pg_authid",
        "select pg_read_file('PG_VERSION')",
        "copy (select 1) to program 'true'",
        "select pg_reload_conf()",
        "set role postgres",
    ] {
        // One session for all of them: it may have five.
        let answer = session.rows(forbidden).await;
        ensure!(answer.is_err(), "it may {forbidden}");
        session.rows("rollback").await?;
    }
    let rows = as_role(cluster, PRIMARY, "app", "select count(*) from orders").await?;
    assert_eq!(rows, [["1"]]);
    let shop = cluster.open_as(PRIMARY, user, password, "shop").await;
    ensure!(shop.is_err(), "it gets into a database of others");
    drop(session);

    // Once more: what somebody has set since then stays.
    let limit = "select rolconnlimit from pg_roles where rolname = 'eye'";
    assert_eq!(cluster.sql(PRIMARY, limit).await?, [["5"]]);
    cluster
        .sql(PRIMARY, "alter role eye connection limit 9")
        .await?;
    create(cluster, &line).await?.exits(0)?;
    assert_eq!(cluster.sql(PRIMARY, limit).await?, [["9"]]);
    assert_eq!(&cluster.secret("the-eye")?["password"], password);

    // A role that may more is made none, and an application's is not either.
    cluster
        .sql(PRIMARY, "grant pg_write_server_files to eye")
        .await?;
    let run = create(cluster, &line).await?.exits(3)?;
    run.says("it is in the role pg_write_server_files")?;
    cluster.sql(PRIMARY, "create role boss superuser").await?;
    let run = create(cluster, &["boss", "--monitor"]).await?.exits(3)?;
    run.says("boss is there, and is a superuser")?;
    cluster.sql(PRIMARY, "drop role boss").await?;
    let run = create(cluster, &["app", "--monitor"]).await?.exits(3)?;
    run.says("is of user app (read-write) of database shop")?;
    create(cluster, &["eyes", "--monitor", "--readonly"])
        .await?
        .exits(2)?;
    create(cluster, &["eyes"])
        .await?
        .exits(2)?
        .says("--database")?;
    let line = ["users", "drop", "eye", "--app-secret", "the-eye"];
    let line = [&line[..], &["--disconnect", "--yes"]].concat();
    cluster.pgctl(&line).await?.exits(0)?;
    ensure!(cluster.secret("the-eye").is_err(), "its Secret is left");
    Ok(())
}

/// Wherever it died: what is there then, and the same command again.
async fn what_was_interrupted_is_gone_on_with(cluster: &SandboxCluster) -> Result<()> {
    let line = ["half", "--database", "half_db"];
    create(cluster, &line).await?.exits(0)?;
    let name = secret_name(cluster, "half")?;
    let password = cluster.secret(&name)?["password"].clone();
    // Backwards: what the last steps have done is taken away again, one after the other.
    for undone in [
        &["alter role half nologin"][..],
        &[
            "alter role half nologin",
            "revoke all on database half_db from half",
        ],
        &[
            "alter role half nologin",
            "drop database half_db",
            "create database half_db connection limit 0",
        ],
        &["alter role half nologin", "drop database half_db"],
        &["drop database half_db", "drop role half"],
    ] {
        for sql in undone {
            cluster.sql(PRIMARY, sql).await?;
        }
        ensure!(
            as_role(cluster, PRIMARY, "half", "select 1").await.is_err(),
            "{undone:?}"
        );
        let run = create(cluster, &line).await?;
        run.exits(0).with_context(|| format!("after {undone:?}"))?;
        as_role(
            cluster,
            PRIMARY,
            "half",
            "create table t (n int); drop table t",
        )
        .await?;
        let secret = cluster.secret(&name)?;
        assert_eq!(secret["password"], password, "{undone:?}");
        let open = "select has_database_privilege('public', 'half_db', 'connect')";
        assert_eq!(cluster.sql(PRIMARY, open).await?, [["f"]], "{undone:?}");
    }
    Ok(())
}

async fn nothing_of_others_is_taken(cluster: &SandboxCluster) -> Result<()> {
    let name = secret_name(cluster, "hers")?;
    cluster.store().add(&Secret {
        metadata: ObjectMeta {
            name: Some(name.clone()),
            namespace: Some(cluster.namespace().to_owned()),
            ..ObjectMeta::default()
        },
        ..Secret::default()
    })?;
    let run = create(cluster, &["hers", "--database", "shop"]).await?;
    run.exits(3)?.says("is never overwritten")?;
    // Of another role, which the dash makes the same name of.
    create(cluster, &["a-b", "--database", "ab"])
        .await?
        .exits(0)?;
    let run = create(cluster, &["a_b", "--database", "ab"]).await?;
    run.exits(3)?.says("is of user a-b")?;
    // A role that somebody has made, the superuser, the standbys' own.
    for role in ["stranger", "replicator", "postgres"] {
        let run = create(cluster, &[role, "--database", "shop"]).await?;
        run.exits(3)?.says(&format!("{role} is there"))?;
    }
    let run = cluster
        .pgctl(&["users", "drop", "replicator", "--yes"])
        .await?;
    run.exits(3)?.says("it is no application's")?;
    Ok(())
}

async fn wrong_names_are_told(cluster: &SandboxCluster) -> Result<()> {
    for name in ["App", "pg_x", "a'; drop table x; --", "\u{1b}[2J", ""] {
        let run = create(cluster, &[name, "--database", "shop"])
            .await?
            .exits(2)?;
        ensure!(!run.stderr.contains('\u{1b}'), "{run}");
    }
    create(cluster, &["fine", "--database", "Not Fine"])
        .await?
        .exits(2)?
        .says("it is no name for a new one")?;
    let run = cluster
        .pgctl(&["users", "drop", "ap", "--yes"])
        .await?
        .exits(2)?;
    run.says("nearest is app")?;
    let hostile = "x'; drop role app; --\u{1b}[2J";
    let run = cluster
        .pgctl(&["users", "drop", hostile, "--yes"])
        .await?
        .exits(2)?;
    ensure!(!run.stderr.contains('\u{1b}'), "{run}");
    run.says("can't be part of the name of a Secret")?
        .says("users drop ROLE --app-secret NAME")?;
    Ok(())
}

async fn what_is_set_in_the_database_is_told(cluster: &SandboxCluster) -> Result<()> {
    let line = ["users", "create", "late", "--database", "shop", "--dry-run"];
    for setting in ["search_path = public", "default_transaction_read_only = on"] {
        let sql = format!("alter database shop set {setting}");
        cluster.sql(PRIMARY, &sql).await?;
        let name = setting.split(' ').next().unwrap_or_default();
        let run = cluster.pgctl(&line).await?.exits(0)?;
        run.says(&format!("{name} is "))?
            .says("alter role \"late\" in database \"shop\" set ")?;
    }
    cluster
        .sql(PRIMARY, "alter database shop reset all")
        .await?;
    let run = cluster.pgctl(&line).await?.exits(0)?;
    ensure!(!run.stdout.contains("settings"), "{run}");
    Ok(())
}

async fn session(cluster: &SandboxCluster, pod: &str, role: &str) -> Result<Database> {
    let secret = cluster.secret(&secret_name(cluster, role)?)?;
    cluster
        .open_as(pod, role, &secret["password"], &secret["dbname"])
        .await
}

async fn who_owns_or_is_connected_stays(cluster: &SandboxCluster) -> Result<()> {
    let run = cluster
        .pgctl(&["users", "drop", "app", "--yes"])
        .await?
        .exits(3)?;
    run.says("it owns tables or the like in shop")?
        .says("reassign owned by \"app\" to current_user")?;
    let connected = session(cluster, REPLICA, "reader").await?;
    let run = cluster
        .pgctl(&["users", "drop", "reader", "--yes"])
        .await?
        .exits(3)?;
    run.says(&format!("it is connected: 1 on {}", full(REPLICA)))?;
    let line = ["users", "drop", "reader", "--disconnect", "--yes"];
    cluster.pgctl(&line).await?.exits(0)?;
    eventually("a session that was ended", async || {
        ensure!(connected.rows("select 1").await.is_err(), "it is open");
        Ok(())
    })
    .await
}

async fn a_role_is_dropped_with_its_secret_and_data_stays(cluster: &SandboxCluster) -> Result<()> {
    let give = [
        "query",
        "--write",
        "-d",
        "shop",
        "reassign owned by \"app\" to current_user",
        "--yes",
    ];
    cluster.pgctl(&give).await?.exits(0)?;
    cluster
        .pgctl(&["users", "drop", "app", "--yes"])
        .await?
        .exits(0)?;
    let there = "select from pg_roles where rolname in ('app', 'reader')";
    ensure!(cluster.sql(PRIMARY, there).await?.is_empty(), "it is there");
    for role in ["app", "reader"] {
        let name = secret_name(cluster, role)?;
        ensure!(cluster.secret(&name).is_err(), "{name} is there");
    }
    let count = [
        "query",
        "-d",
        "shop",
        "select count(*) from app.orders",
        "--csv",
    ];
    cluster.pgctl(&count).await?.exits(0)?.says("count\n1\n")?;
    // It went, and its Secret was left: the same command ends it.
    cluster.sql(PRIMARY, "drop database half_db").await?;
    cluster.sql(PRIMARY, "drop role half").await?;
    let run = cluster.pgctl(&["users", "drop", "half", "--yes"]).await?;
    run.exits(0)?;
    ensure!(
        cluster.secret(&secret_name(cluster, "half")?).is_err(),
        "the Secret is there"
    );
    let history = cluster.pgctl(&["history"]).await?.exits(0)?;
    history
        .says("user app (read-write) of database shop")?
        .says("drop of user app")?;
    Ok(())
}

async fn without_a_primary_nothing_is_begun(cluster: &SandboxCluster) -> Result<()> {
    cluster.freeze(PRIMARY).await?;
    let line = [
        "users",
        "create",
        "late",
        "--database",
        "late",
        "--yes",
        "--timeout",
        "2s",
    ];
    let run = cluster.pgctl(&line).await?.exits(7)?;
    run.says("no pod answers as the primary")?;
    cluster.mend().await?;
    ensure!(
        cluster.secret(&secret_name(cluster, "late")?).is_err(),
        "a Secret was made"
    );
    Ok(())
}

//! `pgctl databases` and `pgctl users`.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::test_cluster::{SandboxCluster, full, on_sandbox};

const PRIMARY: &str = "primary-0";
const REPLICA: &str = "replica-0";

#[test]
fn databases_and_roles_are_listed() -> Result<()> {
    on_sandbox(1, async |cluster| {
        databases_with_their_sessions_and_what_is_odd(cluster).await?;
        roles_with_what_they_may_and_no_password(cluster).await?;
        without_a_primary_a_standby_tells(cluster).await
    })
}

async fn ask(cluster: &SandboxCluster, line: &[&str]) -> Result<Value> {
    let line = [line, &["-o", "json"]].concat();
    cluster.pgctl(&line).await?.exits(0)?.json()
}

fn named<'a>(document: &'a Value, list: &str, name: &str) -> Result<&'a Value> {
    let all = document[list].as_array().context("a list")?;
    let found = all.iter().find(|it| it["name"] == name);
    found.with_context(|| format!("{name} is not there: {document}"))
}

async fn databases_with_their_sessions_and_what_is_odd(cluster: &SandboxCluster) -> Result<()> {
    cluster
        .sql(PRIMARY, "create database shut allow_connections false")
        .await?;
    cluster
        .sql(
            PRIMARY,
            "create database \"odd\u{1b}[2J\" connection limit 7",
        )
        .await?;
    let here = cluster.open(PRIMARY).await?;
    let there = cluster.open(REPLICA).await?;
    let document = ask(cluster, &["databases"]).await?;
    let postgres = named(&document, "databases", "postgres")?;
    let connections = postgres["connections"].as_u64().context("a number")?;
    ensure!(connections >= 2, "one on each server: {postgres}");
    ensure!(postgres["bytes"].as_u64() > Some(1_000_000), "{postgres}");
    assert_eq!(postgres["encoding"], "UTF8");
    assert_eq!(
        named(&document, "databases", "shut")?["allowsConnections"],
        false
    );
    let odd = named(&document, "databases", "odd\u{1b}[2J")?;
    assert_eq!(odd["connectionLimit"], 7);
    assert_eq!(odd["publicConnect"], true);
    let screen = cluster.pgctl(&["databases"]).await?.exits(0)?;
    ensure!(!screen.stdout.contains('\u{1b}'), "{screen}");
    screen.says("lets nobody in")?;
    drop((here, there));
    Ok(())
}

async fn roles_with_what_they_may_and_no_password(cluster: &SandboxCluster) -> Result<()> {
    let sql = "create role old_app login password 'hunter2hunter2' connection limit 5 valid until '2001-01-01' in role pg_monitor";
    cluster.sql(PRIMARY, sql).await?;
    let document = ask(cluster, &["users"]).await?;
    let app = named(&document, "users", "old_app")?;
    assert_eq!(app["password"], "scram");
    assert_eq!(app["expired"], true);
    assert_eq!(app["validUntil"], "2001-01-01T00:00:00Z");
    assert_eq!(app["connectionLimit"], 5);
    assert_eq!(app["memberOf"], json!(["pg_monitor"]));
    ensure!(
        app["databases"]
            .as_array()
            .context("a list")?
            .contains(&json!("postgres")),
        "{app}"
    );
    assert_eq!(
        named(&document, "users", "replicator")?["replication"],
        true
    );
    ensure!(
        named(&document, "users", "pg_monitor").is_err(),
        "PostgreSQL's own"
    );
    let all = ask(cluster, &["users", "--all"]).await?;
    assert_eq!(named(&all, "users", "pg_monitor")?["login"], false);
    let text = document.to_string();
    ensure!(
        !text.contains("SCRAM-SHA-256$") && !text.contains("hunter2"),
        "{text}"
    );
    cluster
        .pgctl(&["users"])
        .await?
        .exits(0)?
        .says("scram, expired")?;
    Ok(())
}

async fn without_a_primary_a_standby_tells(cluster: &SandboxCluster) -> Result<()> {
    cluster.freeze(PRIMARY).await?;
    for command in ["databases", "users"] {
        let run = cluster
            .pgctl(&[command, "--timeout", "2s"])
            .await?
            .exits(0)?;
        run.says(&format!("standby {}: ", full(REPLICA)))?
            .says("no primary answers")?
            .says(&format!("no answer of {}", full(PRIMARY)))?;
    }
    cluster.mend().await
}

//! Poolers: an application reads and writes through them with its own role, whoever is primary.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Pod, Secret};
use pgctl_sandbox::store::DeleteOptions;

use crate::test_cluster::{
    Application, SandboxCluster, eventually, full, on_sandbox_with_poolers, poolers,
};

const PRIMARY: &str = "primary-0";
const REPLICA: &str = "replica-0";
const WRITE: &str = "pooler";
const READ: &str = "pooler-read";

#[test]
fn an_application_reads_and_writes_through_the_poolers_whoever_is_primary() -> Result<()> {
    on_sandbox_with_poolers(1, async |cluster| {
        nobody_gets_in_before_the_setup(cluster).await?;
        the_setup_is_agreed_to_done_once_and_no_more(cluster).await?;
        the_role_can_do_nothing_else(cluster).await?;
        an_application_writes_and_reads(cluster).await?;
        who_waits_is_shown(cluster).await?;
        clients_wait_when_they_are_told_to(cluster).await?;
        superusers_stay_outside(cluster).await?;
        a_changed_password_is_taken_without_a_restart(cluster).await?;
        a_switchover_moves_the_sessions_of_clients(cluster).await?;
        a_pooler_may_go(cluster).await
    })
}

async fn nobody_gets_in_before_the_setup(cluster: &SandboxCluster) -> Result<()> {
    let run = cluster
        .pgctl(&["users", "create", "app", "--database", "shop", "--yes"])
        .await?;
    run.exits(0)?;
    ensure!(
        Application::of_shop(cluster, WRITE).await.is_err(),
        "let in"
    );
    Ok(())
}

async fn the_setup_is_agreed_to_done_once_and_no_more(cluster: &SandboxCluster) -> Result<()> {
    let line = ["pooler", "setup"];
    let dry = cluster.pgctl(&[&line[..], &["--dry-run"]].concat()).await?;
    dry.exits(0)?.says("pgctl_pooler is made")?.says("shop")?;
    let run = cluster.pgctl(&line).await?.exits(3)?;
    run.says("no terminal to confirm on")?;
    let roles = "select from pg_roles where rolname = 'pgctl_pooler'";
    ensure!(cluster.sql(PRIMARY, roles).await?.is_empty(), "made");
    cluster
        .sql(PRIMARY, "alter system set log_statement = 'all'")
        .await?;
    cluster.sql(PRIMARY, "select pg_reload_conf()").await?;
    let yes = [&line[..], &["--yes"]].concat();
    let run = cluster.pgctl(&yes).await?.exits(0)?;
    run.says("done, and looked at")?;
    let again = cluster.pgctl(&yes).await?.exits(0)?;
    again.says("there is nothing to do now")?;
    let secret = cluster.secret(&full("pooler-secret"))?;
    let log = cluster
        .pgctl(&["logs", PRIMARY, "--tail", "all"])
        .await?
        .exits(0)?;
    ensure!(log.stdout.contains("SCRAM-SHA-256$"), "no statements");
    for (key, password) in &secret {
        ensure!(!log.stdout.contains(password), "{key} is in the log");
    }
    let history = cluster.pgctl(&["history"]).await?.exits(0)?;
    history.says("setup of the pooler")?;
    Ok(())
}

/// Of the password that every pooler has, also whoever reads it in a pod gets no table and no superuser.
async fn the_role_can_do_nothing_else(cluster: &SandboxCluster) -> Result<()> {
    let password = &cluster.secret(&full("pooler-secret"))?["pooler-password"];
    let session = cluster
        .open_as(PRIMARY, "pgctl_pooler", password, "shop")
        .await?;
    let verifier = |role: &str| format!("select verifier from pgctl_pooler.verifier('{role}')");
    ensure!(
        session
            .one(&verifier("app"))
            .await?
            .starts_with("SCRAM-SHA-256$"),
        "of an application"
    );
    for role in ["postgres", "replicator", "pgctl_nobody"] {
        ensure!(session.rows(&verifier(role)).await?.is_empty(), "{role}");
    }
    ensure!(
        session.rows("select * from pg_authid").await.is_err(),
        "all"
    );
    drop(session);
    let name = format!("{}-user-app", cluster.name()?);
    let app = &cluster.secret(&name)?["password"];
    let session = cluster.open_as(PRIMARY, "app", app, "shop").await?;
    ensure!(
        session.rows(&verifier("app")).await.is_err(),
        "for the pooler alone"
    );
    Ok(())
}

async fn an_application_writes_and_reads(cluster: &SandboxCluster) -> Result<()> {
    let writer = eventually("it gets in", async || {
        Application::of_shop(cluster, WRITE).await
    })
    .await?;
    writer.one("create table app.t (n int)").await?;
    writer.one("insert into app.t values (1)").await?;
    let reader = Application::of_shop(cluster, READ).await?;
    eventually("it reads on a standby", async || {
        let seen = "select pg_is_in_recovery()::text || ' ' || (select count(*) from app.t)";
        let seen = reader.one(seen).await?;
        ensure!(seen == "true 1", "{seen}");
        Ok(())
    })
    .await?;
    // Its verifier in the database is the one that the pooler has asked for.
    let name = format!("{}-user-app", cluster.name()?);
    ensure!(cluster.secret(&name)?.contains_key("password"), "a Secret");
    let wrong = Application::connect(cluster, WRITE, ("app", "wrong"), "shop").await;
    ensure!(wrong.is_err(), "with a wrong password");
    Ok(())
}

async fn who_waits_is_shown(cluster: &SandboxCluster) -> Result<()> {
    let run = cluster.pgctl(&["pooler"]).await?.exits(0)?;
    run.says("pooler for writes")?
        .says("pooler for reads")?
        .says("nobody waits")?
        .says("shop")?;
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(Application::of_shop(cluster, WRITE).await?);
    }
    // Each pool has a server or two; whoever needs another waits for it.
    cluster.freeze(PRIMARY).await?;
    let asking = futures::future::join_all(clients.iter().map(|it| it.one("select 1")));
    let looking = async {
        let waits = eventually("somebody waits", async || {
            let line = ["pooler", "--max-wait", "1ms", "-o", "json"];
            cluster.pgctl(&line).await?.exits(4)?.json()
        });
        let seen = waits.await;
        cluster.mend().await?;
        anyhow::Ok(seen?)
    };
    let (answers, seen) = futures::join!(asking, looking);
    for answer in answers {
        assert_eq!(answer?, "1");
    }
    let poolers = seen?["poolers"].as_array().cloned().unwrap_or_default();
    ensure!(poolers.len() == 4, "{poolers:?}");
    let waits = poolers.iter().filter(|it| it["waitsTooLong"] == true);
    for pooler in waits {
        ensure!(pooler["purpose"] == "writes", "{pooler}");
        ensure!(
            pooler["pools"][0]["clientsWaiting"].as_u64() > Some(0),
            "{pooler}"
        );
    }
    // Once the server goes on nobody waits any more.
    eventually("nobody waits", async || {
        cluster
            .pgctl(&["pooler", "--max-wait", "1ms"])
            .await?
            .exits(0)
    })
    .await
    .map(drop)
}

/// Nobody begins a transaction until somebody says so; a transaction that does not end keeps all of it from being done.
async fn clients_wait_when_they_are_told_to(cluster: &SandboxCluster) -> Result<()> {
    let client = Application::of_shop(cluster, WRITE).await?;
    client.one("select 1").await?;
    let dry = cluster.pgctl(&["pooler", "pause", "--dry-run"]).await?;
    dry.exits(0)?
        .says("until `pgctl pooler resume`")?
        .says("query_wait_timeout")?;
    client.one("select 1").await?;

    // A transaction that is under way for longer than the limit: nobody waits afterwards.
    client.one("begin").await?;
    let line = ["pooler", "pause", "--limit", "1s", "--yes"];
    let run = cluster.pgctl(&line).await?.exits(1)?;
    run.says("nothing was changed")?;
    let other = Application::of_shop(cluster, WRITE).await?;
    other.one("select 1").await?;
    client.one("commit").await?;

    cluster
        .pgctl(&["pooler", "pause", "--yes"])
        .await?
        .exits(0)?;
    // Every version of PgBouncer is known to be paused.
    let run = cluster.pgctl(&["pooler"]).await?.exits(4)?;
    run.says("PAUSED")?;
    let again = cluster.pgctl(&["pooler", "pause", "--yes"]).await?;
    again.exits(0)?.says("there is nothing to do now")?;
    let asked = async { client.one("select 7").await };
    let resumed = async {
        eventually("the client waits", async || {
            let line = ["pooler", "--max-wait", "1ms", "-o", "json"];
            cluster.pgctl(&line).await?.exits(4)
        })
        .await?;
        let resume = ["pooler", "resume", "--yes"];
        cluster.pgctl(&resume).await?.exits(0)
    };
    let (answer, resumed) = futures::join!(asked, resumed);
    resumed?;
    assert_eq!(answer?, "7");
    cluster
        .pgctl(&["pooler", "reload", "pooler-nobody", "--yes"])
        .await?
        .exits(2)?
        .says("pgctl pooler")?;
    cluster
        .pgctl(&["pooler", "reload", "--yes"])
        .await?
        .exits(0)?;
    let history = cluster.pgctl(&["history"]).await?.exits(0)?;
    history
        .says("pause of 4 poolers")?
        .says("refused")?
        .says("resume of 4 poolers")?;
    Ok(())
}

async fn superusers_stay_outside(cluster: &SandboxCluster) -> Result<()> {
    let password = cluster.login.password();
    let user = cluster.login.user();
    let login = (user, password);
    let session = Application::connect(cluster, WRITE, login, "postgres").await;
    ensure!(session.is_err(), "a superuser got in");
    Ok(())
}

async fn a_changed_password_is_taken_without_a_restart(cluster: &SandboxCluster) -> Result<()> {
    let name = full("pooler-secret");
    let pods = poolers(cluster, WRITE)?;
    cluster
        .store()
        .modify::<Secret>(cluster.namespace(), &name, |secret| {
            let data = secret.data.get_or_insert_default();
            let new = ByteString(b"an\"other 'one".to_vec());
            data.insert("pooler-password".to_owned(), new);
        })?;
    let run = cluster
        .pgctl(&["pooler", "setup", "--yes"])
        .await?
        .exits(0)?;
    run.says("gets the password of the Secret")?;
    // A role that no pooler has asked for yet.
    let line = ["users", "create", "late", "--database", "later", "--yes"];
    cluster.pgctl(&line).await?.exits(0)?;
    let secret = cluster.secret(&format!("{}-user-late", cluster.name()?))?;
    let login = ("late", secret["password"].as_str());
    eventually("the poolers ask with the new one", async || {
        let late = Application::connect(cluster, WRITE, login, "later").await?;
        let who = late.one("select current_user").await?;
        ensure!(who == "late", "{who}");
        Ok(())
    })
    .await?;
    ensure!(poolers(cluster, WRITE)? == pods, "restarted");
    Ok(())
}

/// One that keeps its session keeps it across the switchover: only the pooler's sessions end.
async fn a_switchover_moves_the_sessions_of_clients(cluster: &SandboxCluster) -> Result<()> {
    let kept = Application::of_shop(cluster, WRITE).await?;
    kept.one("insert into app.t values (2)").await?;
    let run = cluster
        .pgctl(&["failover", "--to", REPLICA, "--yes"])
        .await?;
    run.exits(0)?;
    eventually("it writes again", async || {
        if kept.is_closed() {
            bail!("its session has ended");
        }
        kept.one("insert into app.t values (3)").await
    })
    .await?;
    let written = cluster.sql(REPLICA, "select 1").await?;
    ensure!(!written.is_empty(), "it answers");
    let fresh = Application::of_shop(cluster, WRITE).await?;
    let count = fresh.one("select count(*) from app.t where n = 3").await?;
    ensure!(count == "1", "{count}");
    ensure!(
        fresh.one("select pg_is_in_recovery()").await? == "f",
        "a standby"
    );
    Ok(())
}

async fn a_pooler_may_go(cluster: &SandboxCluster) -> Result<()> {
    let before = poolers(cluster, WRITE)?;
    let (gone, _) = before.first().context("a pod")?;
    cluster
        .store()
        .remove::<Pod>(cluster.namespace(), gone, &DeleteOptions::default())?;
    eventually("another has come", async || {
        let now = poolers(cluster, WRITE)?;
        let new = now.iter().filter(|it| !before.contains(it)).count();
        ensure!(now.len() == 2 && new == 1, "{now:?}");
        Ok(())
    })
    .await?;
    for number in 0..20 {
        eventually("it writes", async || {
            let fresh = Application::of_shop(cluster, WRITE).await?;
            let sql = format!("insert into app.t values ({})", 100 + number);
            fresh.one(&sql).await
        })
        .await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let fresh = Application::of_shop(cluster, WRITE).await?;
    let count = fresh
        .one("select count(distinct n) from app.t where n >= 100")
        .await?;
    ensure!(count == "20", "{count}");
    Ok(())
}

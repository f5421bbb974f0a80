//! Standbys that can't follow: named, and mended by the command that is named.

use anyhow::{Result, ensure};

use super::lab::{Oracle, eventually, on_cluster};

/// Overwrites the passfile that the standby logs in with at the primary; a restart mends it.
pub(crate) const FORGET_PASSWORD: &str =
    "COPY (SELECT '*:*:*:*:wrong') TO '/var/run/postgresql/pgpass' (FORMAT text)";

#[test]
fn a_standby_with_a_wrong_password_is_named_and_does_not_stop_the_failover() -> Result<()> {
    on_cluster(2, async |lab| {
        let oracle = Oracle::start(lab).await?;
        lab.sql("replica-1", FORGET_PASSWORD).await?;
        let run = lab
            .pgctl(&["failover", "--to", "replica-0", "--yes"])
            .await?;
        run.exits(0)?
            .says("replica-1: the new primary does not let it in")?;
        oracle.never_two()?;
        let rows = lab
            .sql(
                "replica-0",
                "SELECT application_name, state, backend_start FROM pg_stat_replication",
            )
            .await?;
        ensure!(rows.is_empty(), "it can't have logged in: {rows:?}");
        lab.kill("replica-1").await?;
        let primary = oracle.content(lab).await?;
        ensure!(primary == "replica-0", "{primary} is primary");
        Ok(())
    })
}

#[test]
fn reinit_and_clone_bring_back_what_cannot_follow() -> Result<()> {
    on_cluster(2, async |lab| {
        let oracle = Oracle::start(lab).await?;
        // It goes a way of its own: nothing but a new copy helps.
        lab.sql("replica-1", "SELECT pg_promote()").await?;
        lab.sql("replica-1", "CREATE TABLE public.own_way AS SELECT 1")
            .await?;
        lab.refuses(&["failover", "--to", "replica-0", "--yes"], "split brain")
            .await?;
        // Those two accept writes at the same time because this test has made it so.
        drop(oracle);
        lab.kill("replica-1").await?;
        eventually("replica-1 is no primary any more", async || {
            let writable = lab.writable().await?;
            ensure!(writable == ["primary-0"], "writable: {writable:?}");
            Ok(())
        })
        .await?;
        let oracle = Oracle::start(lab).await?;
        lab.pgctl(&["reinit", "replica-1", "--yes"])
            .await?
            .exits(0)?;
        oracle.content(lab).await?;
        lab.pgctl(&["failover", "--to", "replica-0", "--yes"])
            .await?
            .exits(0)?;
        oracle.content(lab).await?;
        lab.pgctl(&["rejoin", "primary-0", "--clone", "--yes"])
            .await?
            .exits(0)?;
        oracle.content(lab).await?;
        lab.no_stale_slots().await
    })
}

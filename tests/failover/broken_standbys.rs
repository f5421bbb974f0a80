//! Standbys that can't follow: named, and mended by the command that is named.

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::PersistentVolumeClaim;

use super::test_cluster::{Oracle, eventually, full, on_cluster, on_sandbox};

/// Overwrites the passfile that the standby logs in with at the primary; a restart mends it.
pub(crate) const FORGET_PASSWORD: &str =
    "COPY (SELECT '*:*:*:*:wrong') TO '/var/run/postgresql/pgpass' (FORMAT text)";

#[test]
fn a_standby_with_a_wrong_password_is_named_and_does_not_stop_the_failover() -> Result<()> {
    on_cluster(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        cluster.sql("replica-1", FORGET_PASSWORD).await?;
        let run = cluster
            .pgctl(&["failover", "--to", "replica-0", "--yes"])
            .await?;
        run.exits(0)?
            .says("replica-1: the new primary does not let it in")?;
        oracle.never_two()?;
        let rows = cluster
            .sql(
                "replica-0",
                "SELECT application_name, state, backend_start FROM pg_stat_replication",
            )
            .await?;
        ensure!(rows.is_empty(), "it can't have logged in: {rows:?}");
        cluster.kill("replica-1").await?;
        let primary = oracle.content(cluster).await?;
        ensure!(primary == "replica-0", "{primary} is primary");
        Ok(())
    })
}

#[test]
fn reinit_and_clone_bring_back_what_cannot_follow() -> Result<()> {
    on_cluster(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        // It goes a way of its own: nothing but a new copy helps.
        cluster.sql("replica-1", "SELECT pg_promote()").await?;
        cluster
            .sql("replica-1", "CREATE TABLE public.own_way AS SELECT 1")
            .await?;
        cluster
            .refuses(&["failover", "--to", "replica-0", "--yes"], "split brain")
            .await?;
        // Those two accept writes at the same time because this test has made it so.
        drop(oracle);
        cluster.kill("replica-1").await?;
        eventually("replica-1 is no primary any more", async || {
            let writable = cluster.writable().await?;
            ensure!(writable == ["primary-0"], "writable: {writable:?}");
            Ok(())
        })
        .await?;
        let oracle = Oracle::start(cluster).await?;
        cluster
            .pgctl(&["reinit", "replica-1", "--yes"])
            .await?
            .exits(0)?;
        oracle.content(cluster).await?;
        cluster
            .pgctl(&["failover", "--to", "replica-0", "--yes"])
            .await?
            .exits(0)?;
        oracle.content(cluster).await?;
        cluster
            .pgctl(&["rejoin", "primary-0", "--clone", "--yes"])
            .await?
            .exits(0)?;
        oracle.content(cluster).await?;
        cluster.no_stale_slots().await
    })
}

/// A snapshot in progress holds a claim: what is in it is there until that is over.
#[test]
fn a_new_volume_is_another_one_than_that_which_somebody_still_holds() -> Result<()> {
    on_sandbox(1, async |cluster| {
        const HOLD: &str = "snapshot.storage.kubernetes.io/pvc-as-source-protection";
        let name = format!("data-{}", full("replica-0"));
        let claim = async || -> Result<PersistentVolumeClaim> {
            cluster.store().read(cluster.namespace(), &name)
        };
        let old = claim().await?.metadata.uid;
        cluster
            .store()
            .modify::<PersistentVolumeClaim>(cluster.namespace(), &name, |it| {
                let finalizers = it.metadata.finalizers.get_or_insert_default();
                finalizers.push(HOLD.to_owned());
            })?;
        let mut running = cluster.begin(&["reinit", "replica-0", "--yes"])?;
        eventually(
            "the claim is being deleted and its pod has gone",
            async || {
                let deleted = claim().await?.metadata.deletion_timestamp.is_some();
                ensure!(deleted, "it is not deleted");
                let pods = cluster.pods()?;
                ensure!(pods.len() == 1, "{} pods", pods.len());
                Ok(())
            },
        )
        .await?;
        running.says(HOLD).await?;
        ensure!(
            claim().await?.metadata.uid == old,
            "it went with its finalizer"
        );
        cluster
            .store()
            .modify::<PersistentVolumeClaim>(cluster.namespace(), &name, |it| {
                let finalizers = it.metadata.finalizers.get_or_insert_default();
                finalizers.retain(|it| it != HOLD);
            })?;
        running.ends_well().await?;
        ensure!(claim().await?.metadata.uid != old, "it is the old claim");
        cluster.all_stream().await?;
        Ok(())
    })
}

//! What is true of the running servers and not of their next start: each is told by `pgctl status`
//! and refused by what relies on it, and nothing has changed then.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::ConfigMap;
use pgctl_sandbox::store::Selector;

use super::test_cluster::{Oracle, TestCluster, eventually, full, on_cluster, on_sandbox};

impl TestCluster {
    /// `pgctl status` tells of this, sooner or later.
    async fn told(&self, code: &str) -> Result<()> {
        let what = format!("status tells of {code}");
        eventually(&what, async || {
            let status = self.pgctl(&["status", "-o", "json"]).await?;
            let document = status.json()?;
            let findings = document["findings"].as_array().context("findings")?;
            ensure!(
                findings.iter().any(|it| it["code"] == code),
                "{findings:#?}"
            );
            Ok(())
        })
        .await
    }

    /// `pgctl status` has nothing to say, but of restarts: on a cluster that was given an earlier test may have killed somebody.
    async fn healthy(&self) -> Result<()> {
        eventually("status is content", async || {
            let status = self.pgctl(&["status", "-o", "json"]).await?;
            let document = status.json()?;
            let findings = document["findings"].as_array().context("findings")?;
            ensure!(
                findings.iter().all(|it| it["code"] == "pod-restarting"),
                "{findings:#?}"
            );
            Ok(())
        })
        .await
    }

    /// The overlay's settings, in every pod.
    async fn overlay(&self, text: &str) -> Result<String> {
        let maps = self
            .store()
            .read_all::<ConfigMap>(Some(self.namespace()), &Selector::everything())?;
        let map = maps
            .items
            .into_iter()
            .find(|map| {
                let data = map.data.as_ref();
                data.is_some_and(|data| data.contains_key("postgresql.conf"))
            })
            .context("a ConfigMap with postgresql.conf")?;
        let name = map.metadata.name.context("a name")?;
        let mut former = String::new();
        self.store()
            .modify::<ConfigMap>(self.namespace(), &name, |map| {
                let data = map.data.get_or_insert_default();
                former = data
                    .insert("overlay.conf".to_owned(), text.to_owned())
                    .unwrap_or_default();
            })?;
        Ok(former)
    }
}

#[test]
fn a_login_that_only_open_streams_still_have_stops_what_relies_on_it() -> Result<()> {
    on_cluster(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let damages = [
            (
                "REVOKE CONNECT ON DATABASE postgres FROM PUBLIC",
                "GRANT CONNECT ON DATABASE postgres TO PUBLIC",
            ),
            (
                "ALTER ROLE replicator NOREPLICATION",
                "ALTER ROLE replicator REPLICATION",
            ),
            (
                "ALTER ROLE replicator VALID UNTIL '2020-01-01'",
                "ALTER ROLE replicator VALID UNTIL 'infinity'",
            ),
        ];
        for (damage, mend) in damages {
            cluster.sql("primary-0", damage).await?;
            cluster.told("standbys-kept-out").await?;
            for arguments in [
                &["failover", "--to", "replica-0", "--yes"][..],
                &["reinit", "replica-1", "--yes"],
                &["scale", "3", "--permanent", "--yes"],
            ] {
                cluster.refuses(arguments, "lets no standby in").await?;
            }
            cluster.sql("primary-0", mend).await?;
            cluster.healthy().await?;
        }
        // A passing bottleneck is no wrong right: but data is not deleted for a copy that can't come.
        cluster
            .sql("primary-0", "ALTER ROLE replicator CONNECTION LIMIT 0")
            .await?;
        cluster.told("connections-exhausted").await?;
        cluster
            .refuses(&["reinit", "replica-1", "--yes"], "no connection left")
            .await?;
        cluster
            .sql("primary-0", "ALTER ROLE replicator CONNECTION LIMIT -1")
            .await?;
        cluster.healthy().await?;
        oracle.content(cluster).await.map(drop)
    })
}

#[test]
fn a_mistake_in_a_file_stops_what_relies_on_the_next_start() -> Result<()> {
    on_cluster(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let former = cluster.overlay("work_mem = 64 MBB\n").await?;
        cluster.told("configuration-mistake").await?;
        for arguments in [
            &["failover", "--to", "replica-0", "--yes"][..],
            &["reinit", "replica-1", "--yes"],
            &["scale", "3", "--permanent", "--yes"],
        ] {
            cluster
                .refuses(arguments, "overlay.conf line 1: syntax error")
                .await?;
        }
        cluster.overlay(&former).await?;
        cluster.healthy().await?;
        oracle.content(cluster).await.map(drop)
    })
}

#[test]
fn what_the_next_start_would_bring_is_told_before_it() -> Result<()> {
    on_cluster(1, async |cluster| {
        cluster
            .sql("primary-0", "ALTER SYSTEM SET max_connections = 20")
            .await?;
        cluster.told("restart-pending").await?;
        cluster
            .refuses(
                &["failover", "--to", "replica-0", "--yes"],
                "could not follow",
            )
            .await?;
        cluster
            .sql("primary-0", "ALTER SYSTEM RESET max_connections")
            .await?;
        cluster
            .sql(
                "primary-0",
                "ALTER SYSTEM SET recovery_target = 'immediate'",
            )
            .await?;
        cluster.told("recovery-settings").await?;
        cluster
            .sql("primary-0", "ALTER SYSTEM RESET recovery_target")
            .await?;
        cluster.healthy().await?;
        // A promotion empties what is not in the WAL: it is said before, and afterwards.
        cluster
            .sql(
                "primary-0",
                "CREATE UNLOGGED TABLE public.not_in_the_wal AS SELECT generate_series(1, 1000)",
            )
            .await?;
        let run = cluster
            .pgctl(&["failover", "--to", "replica-0", "--rejoin", "--yes"])
            .await?;
        run.exits(0)?
            .says("unlogged tables will be empty on the new primary: 1 with")?
            .says("emptied")?;
        let rows = cluster
            .sql("replica-0", "SELECT count(*) FROM public.not_in_the_wal")
            .await?;
        ensure!(rows == [["0"]], "{rows:?}");
        Ok(())
    })
}

#[test]
fn an_archiver_that_hangs_is_found_before_the_stop_waits_for_it() -> Result<()> {
    on_cluster(1, async |cluster| {
        for setting in ["archive_mode = 'on'", "archive_command = 'sleep 1000'"] {
            cluster
                .sql("primary-0", &format!("ALTER SYSTEM SET {setting}"))
                .await?;
        }
        // The mode needs a restart.
        cluster.kill("primary-0").await?;
        eventually("it archives", async || {
            let mode = cluster.sql("primary-0", "SHOW archive_mode").await?;
            ensure!(mode == [["on"]], "{mode:?}");
            Ok(())
        })
        .await?;
        cluster.all_stream().await?;
        cluster
            .sql("primary-0", "CREATE TABLE public.archived AS SELECT 1")
            .await?;
        cluster.sql("primary-0", "SELECT pg_switch_wal()").await?;
        cluster.told("archiving-hangs").await?;
        let switchover = ["failover", "--to", "replica-0", "--yes"];
        cluster.refuses(&switchover, "gets nowhere").await?;
        Ok(())
    })
}

/// A container that crashes again and again says why in its log, and so does whoever waits for it.
#[test]
fn the_last_words_of_a_pod_that_crashes_are_told() -> Result<()> {
    // A server that does not start can't be told to forget a setting.
    on_sandbox(1, async |cluster| {
        // What the start script can't know of beforehand: there is no certificate.
        cluster
            .sql("replica-0", "ALTER SYSTEM SET ssl = on")
            .await?;
        cluster.kill("replica-0").await?;
        eventually("status has its last words", async || {
            cluster
                .pgctl(&["status"])
                .await?
                .exits(4)?
                .says("could not load server certificate file")
                .map(drop)
        })
        .await?;
        let pod = full("replica-0");
        let run = cluster
            .pgctl(&["rejoin", "replica-0", "--stream-timeout", "60s", "--yes"])
            .await?;
        ensure!(
            run.stderr
                .contains("could not load server certificate file"),
            "{pod}: {run}"
        );
        Ok(())
    })
}

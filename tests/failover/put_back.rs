//! Switchovers that are put back, and what is left of them: nothing.

use anyhow::{Result, ensure};
use pgctl_sandbox::cli::{FaultKind, Scope};

use super::test_cluster::{
    Database, Oracle, SandboxCluster, eventually, full, on_cluster, on_sandbox,
};

const TO_REPLICA_0: [&str; 4] = ["failover", "--to", "replica-0", "--yes"];

/// Another one when the server was started again.
pub(crate) const STARTED: &str = "SELECT pg_postmaster_start_time()";

/// What was checked when the plan was made may not hold any more when the primary is to be stopped: then it is
/// not stopped.
#[test]
fn nothing_is_stopped_for_a_candidate_that_has_fallen_behind_since_it_was_checked() -> Result<()> {
    on_cluster(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let before = cluster.sql("primary-0", STARTED).await?;
        let falling_behind = async || {
            cluster
                .sql("replica-0", "SELECT pg_wal_replay_pause()")
                .await?;
            let much = "SELECT pg_logical_emit_message(true, 'much', repeat('x', 8000000)) FROM generate_series(1, 4)";
            cluster.sql("primary-0", much).await
        };
        let meanwhile =
            cluster.pgctl_meanwhile(&TO_REPLICA_0, "move-clients.after", falling_behind);
        let (run, _) = meanwhile.await?;
        run.exits(6)?.says("bytes behind")?;
        let after = cluster.sql("primary-0", STARTED).await?;
        ensure!(after == before, "it was stopped: {after:?}");
        cluster
            .sql("replica-0", "SELECT pg_wal_replay_resume()")
            .await?;
        let primary = oracle.content(cluster).await?;
        ensure!(primary == "primary-0", "{primary} is primary");
        Ok(())
    })
}

/// For a moment the write Service has led to the candidate: who came to it, and keeps the session, could not
/// write until it is ended.
#[test]
fn a_switchover_that_is_put_back_strands_no_client_on_the_candidate() -> Result<()> {
    on_cluster(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let old = cluster.open("replica-0").await?;
        let service = cluster.write_service()?;
        let coming = async || {
            // Nobody replays the end of the old primary's WAL.
            cluster
                .sql("replica-0", "SELECT pg_wal_replay_pause()")
                .await?;
            eventually("the Service leads to the candidate", async || {
                let client = Database::open(&service, &cluster.login).await?;
                let standby = client.one("SELECT pg_is_in_recovery()").await?;
                ensure!(standby == "t", "not yet");
                Ok(client)
            })
            .await
        };
        let meanwhile = cluster.pgctl_meanwhile(&TO_REPLICA_0, "stop-primary.before", coming);
        let (run, client) = meanwhile.await?;
        run.exits(6)?.says("replay is paused")?;
        ensure!(
            client.one("SELECT 1").await.is_err(),
            "who came to the candidate is still there, and can't write"
        );
        ensure!(old.one("SELECT 1").await? == "1", "a reader was sent away");
        let client = Database::open(&service, &cluster.login).await?;
        ensure!(client.one("SELECT pg_is_in_recovery()").await? == "f");
        cluster
            .sql("replica-0", "SELECT pg_wal_replay_resume()")
            .await?;
        let primary = oracle.content(cluster).await?;
        ensure!(primary == "primary-0", "{primary} is primary");
        Ok(())
    })
}

/// The pod that the topology names, as this pod sees it.
async fn named_in(cluster: &SandboxCluster, tail: &str) -> Result<String> {
    let look = [
        "shell",
        tail,
        "--",
        "cat",
        "/etc/postgresql-topology/primary",
    ];
    let run = cluster.pgctl(&look).await?.exits(0)?;
    Ok(run.stdout.trim().to_owned())
}

/// The fence has reached the candidate at once, and that it was put back comes late: kubelets take up to two minutes for a changed
/// ConfigMap, and longer when they are ill.
#[test]
fn a_candidate_that_hears_late_that_a_switchover_was_put_back_is_no_second_primary() -> Result<()> {
    on_sandbox(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let late = async || {
            eventually("the fence has reached it", async || {
                let named = named_in(cluster, "replica-0").await?;
                ensure!(named == full("replica-0"), "it sees {named}");
                Ok(())
            })
            .await?;
            let (pod, scope) = (full("replica-0"), Scope { namespace: None });
            let late = FaultKind::LateVolumes { pod, scope };
            cluster.fault(&late).await?;
            cluster
                .sql("replica-0", "SELECT pg_wal_replay_pause()")
                .await
        };
        let meanwhile = cluster.pgctl_meanwhile(&TO_REPLICA_0, "stop-primary.before", late);
        let (run, _) = meanwhile.await?;
        run.exits(6)?.says("replay is paused")?;

        // The candidate starts again, and finds itself named.
        let before = cluster.sql("replica-0", STARTED).await?;
        cluster.kill("replica-0").await?;
        eventually("it is there again", async || {
            let now = cluster.sql("replica-0", STARTED).await?;
            ensure!(now != before, "not yet");
            Ok(())
        })
        .await?;
        assert_eq!(named_in(cluster, "replica-0").await?, full("replica-0"));
        let primary = oracle.content(cluster).await?;
        ensure!(primary == "primary-0", "{primary} is primary");

        // Once it has heard, it is as before.
        cluster.mend().await?;
        let primary = oracle.content(cluster).await?;
        ensure!(primary == "primary-0", "{primary} is primary");
        Ok(())
    })
}

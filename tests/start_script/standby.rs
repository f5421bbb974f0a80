//! Becoming and staying a standby.

use crate::pod::{Cluster, PRIMARY, REPLICA, REPLICA_1, mode, skipped, wait_until};
use anyhow::{Result, ensure};
use std::{fs, os::unix::fs::PermissionsExt};

#[test]
fn an_empty_standby_waits_for_its_primary_and_copies_it() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    let mut replica = cluster.start(REPLICA_1)?;
    replica.waits_for("no-primary")?;
    assert_eq!(replica.probe("alive")?, 0);
    assert_eq!(replica.probe("ready")?, 1);
    let _primary = cluster.start(PRIMARY)?;
    replica.until("it streams", || cluster.streams(PRIMARY, REPLICA_1))?;
    replica.until("it is ready", || replica_ready(&cluster))?;
    assert_eq!(replica.probe("ready")?, 0);
    ensure!(
        !cluster.run_dir(REPLICA_1).join("pgctl-wait").exists(),
        "nothing to wait for any more"
    );
    let disk = cluster.sql(
        REPLICA_1,
        "SELECT pg_read_file('/var/run/postgresql/pgctl-disk')",
    )?;
    ensure!(
        disk.split(' ').filter(|n| n.parse::<u64>().is_ok()).count() == 3,
        "{disk}"
    );

    let conninfo = cluster.sql(REPLICA_1, "SHOW primary_conninfo")?;
    ensure!(
        conninfo.contains("host=x-postgres-primary-0.x-postgres-primary.ns.svc "),
        "{conninfo}"
    );
    ensure!(
        conninfo.contains("passfile=/var/run/postgresql/pgpass") && !conninfo.contains("password"),
        "{conninfo}"
    );
    assert_eq!(mode(&cluster.run_dir(REPLICA_1).join("pgpass"))?, 0o600);
    assert_eq!(mode(&cluster.pgdata(REPLICA_1))?, 0o700);
    Ok(())
}

fn replica_ready(cluster: &Cluster) -> bool {
    cluster.in_recovery(REPLICA_1)
}

#[test]
fn a_standby_starts_without_its_primary_and_follows_when_it_comes() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    let mut replica = cluster.start(REPLICA)?;
    replica.until("it answers reads", || cluster.in_recovery(REPLICA))?;
    assert_eq!(replica.probe("ready")?, 0, "nobody is ahead of it");
    let _primary = cluster.start(PRIMARY)?;
    replica.until("it streams", || cluster.streams(PRIMARY, REPLICA))
}

#[test]
fn a_standby_follows_the_named_primary_and_not_what_it_followed_before() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, _replica) = Cluster::failed_over()?;
    let mut other = cluster.start(REPLICA_1)?;
    other.until("it streams", || cluster.streams(REPLICA, REPLICA_1))?;
    cluster.sql(
        REPLICA_1,
        "ALTER SYSTEM SET primary_conninfo = 'host=nowhere'",
    )?;
    other.stop()?;
    let mut other = cluster.start(REPLICA_1)?;
    other.until("it streams again", || cluster.streams(REPLICA, REPLICA_1))?;
    ensure!(
        !fs::read_to_string(cluster.pgdata(REPLICA_1).join("postgresql.auto.conf"))?
            .contains("nowhere")
    );
    Ok(())
}

#[test]
fn a_running_standby_follows_a_new_primary_by_itself() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, primary, _replica) = Cluster::running()?;
    let mut other = cluster.start(REPLICA_1)?;
    other.until("it streams", || cluster.streams(PRIMARY, REPLICA_1))?;
    cluster.topology(&[("primary", REPLICA), ("term", "1")])?;
    primary.stop()?;
    cluster.sql(REPLICA, "SELECT pg_promote()")?;
    other.until("it streams from the new one", || {
        cluster.streams(REPLICA, REPLICA_1)
    })
}

#[test]
fn a_slot_that_was_dropped_is_made_again() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, _primary, mut replica) = Cluster::running()?;
    cluster.sql(PRIMARY, "ALTER ROLE replicator NOLOGIN")?;
    cluster.sql(
        PRIMARY,
        "SELECT pg_terminate_backend(active_pid, 60000) FROM pg_replication_slots",
    )?;
    cluster.sql(
        PRIMARY,
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots",
    )?;
    cluster.sql(PRIMARY, "ALTER ROLE replicator LOGIN")?;
    replica.until("it streams again", || cluster.streams(PRIMARY, REPLICA))
}

/// PostgreSQL 18 gives up a slot that nobody streams through, so that a pod that does not come back does not keep WAL for
/// ever; the pod that does is copied anew. (What is before 18 would not start with such a setting.)
#[test]
fn a_slot_that_nobody_streams_through_is_given_up_in_time() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    const INVALIDATED: &str = "SELECT to_jsonb(s) ->> 'invalidation_reason' FROM pg_replication_slots s WHERE slot_name LIKE '%replica_0'";
    let (cluster, primary, replica) = Cluster::running()?;
    primary.stop()?;
    let soon = [("PG_IDLE_SLOT_TIMEOUT", "1s")];
    let mut primary = cluster.start_with(PRIMARY, &soon)?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
    wait_until("the standby streams", || {
        Ok(cluster.streams(PRIMARY, REPLICA))
    })?;
    if cluster.sql(PRIMARY, "SHOW server_version_num")?.as_str() < "180000" {
        let known = "SELECT count(*) FROM pg_settings WHERE name = 'idle_replication_slot_timeout'";
        assert_eq!(cluster.sql(PRIMARY, known)?, "0");
        return Ok(());
    }
    replica.stop()?;
    wait_until("its slot is given up", || {
        cluster.sql(PRIMARY, "CHECKPOINT")?;
        Ok(cluster.answers(PRIMARY, INVALIDATED, "idle_timeout"))
    })?;
    let mut replica = cluster.start(REPLICA)?;
    replica.until("it streams again", || cluster.streams(PRIMARY, REPLICA))?;
    assert_eq!(cluster.sql(PRIMARY, INVALIDATED)?, "");

    // What a file says counts.
    cluster.sql(
        PRIMARY,
        "ALTER SYSTEM SET idle_replication_slot_timeout = '2h'",
    )?;
    primary.stop()?;
    let mut primary = cluster.start_with(PRIMARY, &soon)?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
    assert_eq!(
        cluster.sql(PRIMARY, "SHOW idle_replication_slot_timeout")?,
        "2h"
    );
    Ok(())
}

/// Readers who are still led there are refused as long as it is there, and would hang afterwards.
#[test]
fn a_standby_stays_for_a_moment_after_its_server_has_stopped() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, _primary, replica) = Cluster::running()?;
    replica.stop()?;
    let stays = [("PG_LINGER_SECONDS", "3")];
    let mut replica = cluster.start_with(REPLICA, &stays)?;
    replica.until("it streams again", || cluster.streams(PRIMARY, REPLICA))?;
    replica.signal("-TERM")?;
    replica.until("its server has stopped", || {
        cluster
            .control(REPLICA, "Database cluster state")
            .is_ok_and(|state| state == "shut down in recovery")
    })?;
    let stopped = std::time::Instant::now();
    ensure!(replica.ended()?.success(), "{}", replica.log());
    ensure!(
        stopped.elapsed() > std::time::Duration::from_secs(1),
        "it did not stay"
    );
    // It was not asked for by anybody, so it starts again.
    let mut replica = cluster.restart(REPLICA)?;
    replica.until("it streams again", || cluster.streams(PRIMARY, REPLICA))
}

#[test]
fn group_permissions_that_a_mount_adds_are_taken_back() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    fs::set_permissions(cluster.pgdata(PRIMARY), fs::Permissions::from_mode(0o2770))?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
    assert_eq!(mode(&cluster.pgdata(PRIMARY))? & 0o777, 0o700);
    Ok(())
}

#[test]
fn a_topology_that_names_no_pod_of_the_cluster_starts_nothing() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    for primary in [
        "y-postgres-primary-0",
        "x-postgres-replica-",
        "x-postgres-replica-0'; DROP",
        "../x-postgres-replica-0",
    ] {
        cluster.topology(&[("primary", primary), ("term", "1")])?;
        let mut pod = cluster.start(PRIMARY)?;
        pod.waits_for("bad-topology")?;
        pod.stop()?;
    }
    Ok(())
}

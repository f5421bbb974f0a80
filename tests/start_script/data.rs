//! Data that cannot simply be started: half made, of another cluster, too old, gone astray.

use crate::pod::{Cluster, PRIMARY, REPLICA, REPLICA_1, copy_tree, skipped};
use anyhow::{Result, ensure};
use std::fs;

#[test]
fn half_a_copy_never_looks_like_data() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    let half = cluster.volume(REPLICA_1).join("pgdata.clone");
    copy_tree_new(&cluster, &half)?;
    fs::remove_dir_all(half.join("base"))?;
    let _primary = cluster.start(PRIMARY)?;
    let mut replica = cluster.start(REPLICA_1)?;
    replica.until("it streams", || cluster.streams(PRIMARY, REPLICA_1))?;
    ensure!(!half.exists());
    Ok(())
}

/// A copy of the standby's data at `to`.
fn copy_tree_new(cluster: &Cluster, to: &std::path::Path) -> Result<()> {
    fs::create_dir(to)?;
    copy_tree(&cluster.pgdata(REPLICA), to)
}

#[test]
fn a_whole_copy_is_put_in_place_after_a_crash_between_the_renames() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    let volume = cluster.volume(REPLICA);
    fs::rename(cluster.pgdata(REPLICA), volume.join("pgdata.clone"))?;
    fs::write(volume.join("pgctl/clone-complete"), "x")?;
    fs::create_dir(volume.join("pgdata.old"))?;
    let mut replica = cluster.start(REPLICA)?;
    replica.until("it answers reads", || cluster.in_recovery(REPLICA))?;
    ensure!(!volume.join("pgdata.old").exists() && !volume.join("pgctl/clone-complete").exists());
    Ok(())
}

#[test]
fn replaced_data_comes_back_when_its_replacement_never_did() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    fs::rename(
        cluster.pgdata(PRIMARY),
        cluster.volume(PRIMARY).join("pgdata.old"),
    )?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))
}

#[test]
fn data_of_an_interrupted_rewind_is_copied_anew() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, replica) = Cluster::failed_over()?;
    fs::write(cluster.volume(PRIMARY).join("pgctl/rewinding"), "x")?;
    replica.stop()?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.waits_for("half-rewound")?;
    let _replica = cluster.start(REPLICA)?;
    primary.until("it streams", || cluster.streams(REPLICA, PRIMARY))?;
    ensure!(primary.log().contains("copied anew"), "{}", primary.log());
    ensure!(!cluster.volume(PRIMARY).join("pgctl/rewinding").exists());
    Ok(())
}

#[test]
fn data_of_an_interrupted_rewind_never_serves_as_primary() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    fs::write(cluster.volume(PRIMARY).join("pgctl/rewinding"), "x")?;
    cluster.start(PRIMARY)?.refuses("half-rewound")?;
    Ok(())
}

#[test]
fn data_of_another_cluster_is_left_alone_until_a_copy_is_asked_for() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let foreign = Cluster::empty()?;
    let mut stranger = foreign.start(PRIMARY)?;
    stranger.until("the other cluster is up", || foreign.writable(PRIMARY))?;
    foreign.sql(PRIMARY, "CREATE TABLE foreign_table AS SELECT 1")?;
    stranger.stop()?;

    let cluster = Cluster::stopped()?;
    copy_tree(&foreign.volume(PRIMARY), &cluster.volume(REPLICA_1))?;
    let _primary = cluster.start(PRIMARY)?;
    let mut replica = cluster.start(REPLICA_1)?;
    replica.waits_for("foreign-data")?;

    let request = format!("clone.{REPLICA_1}");
    let keys = [
        ("primary", PRIMARY),
        ("term", "0"),
        (request.as_str(), "20260101T000000Z"),
    ];
    cluster.topology(&keys)?;
    replica.until("it streams", || cluster.streams(PRIMARY, REPLICA_1))?;
    cluster.caught_up(PRIMARY, REPLICA_1)?;
    ensure!(!cluster.has_table(REPLICA_1, "foreign_table")?);

    // The same request is never served twice.
    replica.stop()?;
    let mut replica = cluster.start(REPLICA_1)?;
    replica.until("it streams again", || cluster.streams(PRIMARY, REPLICA_1))?;
    ensure!(
        !replica.log().contains("copy was asked for"),
        "{}",
        replica.log()
    );
    Ok(())
}

#[test]
fn a_request_for_a_copy_never_touches_the_named_primary() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, primary, _replica) = Cluster::running()?;
    cluster.sql(PRIMARY, "CREATE TABLE only_copy AS SELECT 1")?;
    primary.stop()?;
    let request = format!("clone.{PRIMARY}");
    cluster.topology(&[("primary", PRIMARY), ("term", "1"), (request.as_str(), "1")])?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
    ensure!(cluster.has_table(PRIMARY, "only_copy")?);
    Ok(())
}

#[test]
fn a_left_over_volume_whose_wal_is_gone_is_copied_anew() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, _primary, replica) = Cluster::running()?;
    replica.stop()?;
    cluster.sql(
        PRIMARY,
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots",
    )?;
    for _ in 0..6 {
        cluster.sql(PRIMARY, "CREATE TABLE IF NOT EXISTS t (n int); INSERT INTO t VALUES (1); SELECT pg_switch_wal()")?;
        cluster.sql(PRIMARY, "CHECKPOINT")?;
    }
    let mut replica = cluster.start(REPLICA)?;
    replica.until("it streams", || cluster.streams(PRIMARY, REPLICA))?;
    ensure!(replica.log().contains("copying anew"), "{}", replica.log());
    Ok(())
}

#[test]
fn a_left_over_volume_of_an_older_timeline_simply_follows() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    copy_tree(&cluster.volume(REPLICA), &cluster.volume(REPLICA_1))?;
    let primary = cluster.start(PRIMARY)?;
    let mut replica = cluster.start(REPLICA)?;
    replica.until("it streams", || cluster.streams(PRIMARY, REPLICA))?;
    // Without it, the checkpoint after the promotion may recycle the WAL that the volume needs.
    cluster.sql(REPLICA, "ALTER SYSTEM SET wal_keep_size = '512MB'")?;
    cluster.sql(REPLICA, "SELECT pg_reload_conf()")?;
    cluster.topology(&[("primary", REPLICA), ("term", "1")])?;
    primary.stop()?;
    cluster.sql(REPLICA, "SELECT pg_promote()")?;
    let mut other = cluster.start(REPLICA_1)?;
    other.until("it streams", || cluster.streams(REPLICA, REPLICA_1))?;
    ensure!(
        !other.log().contains("rewinding") && !other.log().contains("copying"),
        "{}",
        other.log()
    );
    Ok(())
}

#[test]
fn a_standby_that_went_beyond_the_fork_is_rewound() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, primary, replica) = Cluster::running()?;
    let mut other = cluster.start(REPLICA_1)?;
    other.until("it streams", || cluster.streams(PRIMARY, REPLICA_1))?;
    // The one to be promoted falls behind; the other one goes on.
    cluster.caught_up(PRIMARY, REPLICA)?;
    replica.stop()?;
    cluster.sql(
        PRIMARY,
        "CREATE TABLE astray AS SELECT generate_series(1, 1000)",
    )?;
    cluster.caught_up(PRIMARY, REPLICA_1)?;
    other.stop()?;
    primary.kill()?;
    cluster.topology(&[("primary", REPLICA), ("term", "1")])?;
    let mut replica = cluster.start(REPLICA)?;
    replica.until("the candidate is up", || cluster.in_recovery(REPLICA))?;
    cluster.sql(REPLICA, "SELECT pg_promote()")?;
    let mut other = cluster.start(REPLICA_1)?;
    other.until("it streams", || cluster.streams(REPLICA, REPLICA_1))?;
    cluster.caught_up(REPLICA, REPLICA_1)?;
    ensure!(!cluster.has_table(REPLICA_1, "astray")?);
    ensure!(other.log().contains("beyond the fork"), "{}", other.log());
    Ok(())
}

#[test]
fn data_of_another_major_version_is_refused() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    fs::write(cluster.pgdata(PRIMARY).join("PG_VERSION"), "9.6\n")?;
    let message = cluster.start(PRIMARY)?.refuses("wrong-version")?;
    ensure!(message.contains("9.6"), "{message}");
    Ok(())
}

#[test]
fn data_of_another_major_version_is_replaced_when_a_copy_is_asked_for() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    let _primary = cluster.start(PRIMARY)?;
    fs::write(cluster.pgdata(REPLICA).join("PG_VERSION"), "9.6\n")?;
    cluster.start(REPLICA)?.refuses("wrong-version")?;
    let request = format!("clone.{REPLICA}");
    cluster.topology(&[("primary", PRIMARY), ("term", "1"), (request.as_str(), "1")])?;
    let mut replica = cluster.start(REPLICA)?;
    replica.until("it streams", || cluster.streams(PRIMARY, REPLICA))
}

#[test]
fn data_that_cannot_be_read_is_neither_started_nor_replaced() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    let control = cluster.pgdata(PRIMARY).join("global/pg_control");
    fs::remove_file(&control)?;
    cluster.start(PRIMARY)?.refuses("unreadable-data")?;
    fs::remove_file(cluster.pgdata(REPLICA).join("global/pg_control"))?;
    cluster.start(REPLICA)?.waits_for("unreadable-data")?;
    ensure!(
        cluster.pgdata(PRIMARY).join("PG_VERSION").exists()
            && cluster.pgdata(REPLICA).join("PG_VERSION").exists()
    );
    Ok(())
}

#[test]
fn a_timeline_of_the_same_number_but_another_history_is_not_followed() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    copy_tree(&cluster.volume(REPLICA), &cluster.volume(REPLICA_1))?;
    let primary = cluster.start(PRIMARY)?;
    let mut replica = cluster.start(REPLICA)?;
    replica.until("it streams", || cluster.streams(PRIMARY, REPLICA))?;
    cluster.sql(PRIMARY, "CREATE TABLE more AS SELECT 1")?;
    cluster.caught_up(PRIMARY, REPLICA)?;
    replica.stop()?;
    primary.stop()?;

    // Two standbys that do not know of each other are promoted, at different places: both call their timeline 2.
    cluster.topology(&[("primary", REPLICA_1), ("term", "1")])?;
    let mut first = cluster.start(REPLICA_1)?;
    first.until("the first is up", || cluster.in_recovery(REPLICA_1))?;
    cluster.sql(REPLICA_1, "SELECT pg_promote()")?;
    cluster.move_aside(PRIMARY)?;
    let mut follower = cluster.start(PRIMARY)?;
    follower.until("a standby follows the first", || {
        cluster.streams(REPLICA_1, PRIMARY)
    })?;
    follower.stop()?;
    first.stop()?;
    cluster.topology(&[("primary", REPLICA), ("term", "2")])?;
    let mut second = cluster.start(REPLICA)?;
    second.until("the second is up", || cluster.in_recovery(REPLICA))?;
    cluster.sql(REPLICA, "SELECT pg_promote()")?;

    cluster.start(PRIMARY)?.waits_for("namesake-timeline")
}

/// The folder of a tablespace exists on the primary only, and on a volume that is copied anew it holds what is replaced.
#[test]
fn tablespaces_are_copied_and_copied_again() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    let _primary = cluster.start(PRIMARY)?;
    let name = "ts=1 x";
    fs::create_dir(cluster.volume(PRIMARY).join(name))?;
    crate::pod::wait_until("the primary is up", || Ok(cluster.writable(PRIMARY)))?;
    cluster.sql(
        PRIMARY,
        &format!("CREATE TABLESPACE one LOCATION '/var/lib/postgresql/data/{name}'"),
    )?;
    cluster.sql(PRIMARY, "CREATE TABLE away TABLESPACE one AS SELECT 1 AS n")?;
    let mut copy = cluster.start(REPLICA_1)?;
    copy.until("it streams", || cluster.streams(PRIMARY, REPLICA_1))?;
    for request in ["1", "2"] {
        cluster.caught_up(PRIMARY, REPLICA_1)?;
        assert_eq!(cluster.sql(REPLICA_1, "SELECT n FROM away")?, "1");
        assert_eq!(
            fs::read_dir(cluster.volume(REPLICA_1).join("tablespaces"))?.count(),
            1
        );
        copy.stop()?;
        let key = format!("clone.{REPLICA_1}");
        cluster.topology(&[("primary", PRIMARY), ("term", "1"), (key.as_str(), request)])?;
        copy = cluster.start(REPLICA_1)?;
        copy.until("it streams again", || cluster.streams(PRIMARY, REPLICA_1))?;
        ensure!(copy.log().contains("copy was asked for"), "{}", copy.log());
    }
    Ok(())
}

/// Each try costs the primary a checkpoint.
#[test]
fn a_copy_that_fails_is_tried_more_and_more_seldom() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    let _primary = cluster.start(PRIMARY)?;
    crate::pod::wait_until("the primary is up", || Ok(cluster.writable(PRIMARY)))?;
    cluster.sql(PRIMARY, "ALTER ROLE replicator NOREPLICATION")?;
    let begun = std::time::Instant::now();
    let mut copy = cluster.start(REPLICA_1)?;
    copy.waits_for("clone-failed")?;
    // Pauses of 1, 2 and 4 seconds lie between them, however slow this machine is.
    crate::pod::wait_until("it has tried four times", || {
        Ok(copy.log().matches("copying the data").count() >= 4)
    })?;
    let took = begun.elapsed();
    ensure!(took.as_secs() >= 5, "{took:?}:\n{}", copy.log());
    cluster.sql(PRIMARY, "ALTER ROLE replicator REPLICATION")?;
    copy.until("it streams", || cluster.streams(PRIMARY, REPLICA_1))
}

/// A copy that nobody asked for, of data that is nowhere else, where both do not fit beside each other.
#[test]
fn without_room_for_a_copy_the_only_standby_keeps_what_it_has() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, _primary, replica) = Cluster::running()?;
    replica.stop()?;
    cluster.sql(
        PRIMARY,
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots",
    )?;
    for _ in 0..6 {
        cluster.sql(PRIMARY, "CREATE TABLE IF NOT EXISTS t (n int); INSERT INTO t VALUES (1); SELECT pg_switch_wal()")?;
        cluster.sql(PRIMARY, "CHECKPOINT")?;
    }
    let full = "#!/bin/sh\necho x\necho '/dev/x 100000 70000 40000 70% /'\n";
    let mut replica = cluster.start_with_program(REPLICA, "df", full)?;
    replica.waits_for("no-room")?;
    std::thread::sleep(std::time::Duration::from_secs(3));
    ensure!(cluster.pgdata(REPLICA).join("PG_VERSION").exists());
    // Now there is another that has it all.
    let mut other = cluster.start(REPLICA_1)?;
    other.until("another streams", || cluster.streams(PRIMARY, REPLICA_1))?;
    replica.until("it streams", || cluster.streams(PRIMARY, REPLICA))
}

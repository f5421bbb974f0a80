//! What a data directory brings along in `postgresql.auto.conf` and beside it.

use crate::pod::{Cluster, PRIMARY, REPLICA, REPLICA_1, skipped};
use anyhow::{Result, ensure};
use std::fs;

/// Left behind in a primary: the first ones would end a standby's recovery, the others make another server of it.
const LEFT: [&str; 15] = [
    "recovery_target = 'immediate'",
    "recovery_target_action = 'promote'",
    "recovery_target_timeline = 'current'",
    "recovery_end_command = 'touch /tmp/ended'",
    "hot_standby = off",
    "port = 6000",
    "listen_addresses = '127.0.0.1'",
    "unix_socket_directories = '/tmp'",
    "unix_socket_permissions = 0000",
    "cluster_name = 'another'",
    "hba_file = '/tmp/nowhere'",
    "ident_file = '/tmp/nowhere'",
    "external_pid_file = '/nowhere/pid'",
    "restore_command = 'false'",
    "recovery_min_apply_delay = '1h'",
];

fn leave(cluster: &Cluster, pod: &str) -> Result<()> {
    for setting in LEFT {
        cluster.sql(pod, &format!("ALTER SYSTEM SET {setting}"))?;
    }
    if cluster.sql(pod, "SHOW server_version_num")?.as_str() < "160000" {
        cluster.sql(pod, "ALTER SYSTEM SET promote_trigger_file = '/tmp'")?;
    }
    Ok(())
}

/// It is a standby, goes on being one, and serves under its own name.
fn is_a_plain_standby(cluster: &Cluster, of: &str, pod: &str) -> Result<()> {
    cluster.caught_up(of, pod)?;
    // Whatever is to end a recovery does so as soon as it is consistent.
    ensure!(cluster.in_recovery(pod));
    for (setting, value) in [
        ("recovery_target", ""),
        ("recovery_target_timeline", "latest"),
        ("recovery_end_command", ""),
        ("hot_standby", "on"),
        ("port", "5432"),
        ("cluster_name", pod),
        ("restore_command", ""),
        ("recovery_min_apply_delay", "0"),
    ] {
        assert_eq!(
            cluster.sql(pod, &format!("SHOW {setting}"))?,
            value,
            "{setting}"
        );
    }
    Ok(())
}

#[test]
fn what_was_left_in_a_primary_makes_no_other_server_of_its_copies() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, primary, replica) = Cluster::running()?;
    leave(&cluster, PRIMARY)?;
    let mut copy = cluster.start(REPLICA_1)?;
    copy.until("a fresh copy streams", || {
        cluster.streams(PRIMARY, REPLICA_1)
    })?;
    is_a_plain_standby(&cluster, PRIMARY, REPLICA_1)?;
    assert_eq!(copy.probe("ready")?, 0);
    ensure!(copy.log().contains("taking out"), "{}", copy.log());

    // The same pod, when it becomes a standby itself.
    primary.stop()?;
    cluster.topology(&[("primary", REPLICA), ("term", "1")])?;
    cluster.sql(REPLICA, "SELECT pg_promote()")?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.until("it streams", || cluster.streams(REPLICA, PRIMARY))?;
    is_a_plain_standby(&cluster, REPLICA, PRIMARY)?;
    drop(replica);
    Ok(())
}

/// Each start sets the command line anew, and a reload does not get past it.
#[test]
fn what_is_set_on_a_running_standby_does_not_promote_it() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, _primary, replica) = Cluster::running()?;
    leave(&cluster, REPLICA)?;
    cluster.sql(REPLICA, "ALTER SYSTEM RESET restore_command")?;
    cluster.sql(REPLICA, "ALTER SYSTEM RESET recovery_min_apply_delay")?;
    cluster.sql(REPLICA, "SELECT pg_reload_conf()")?;
    std::thread::sleep(std::time::Duration::from_secs(2));
    is_a_plain_standby(&cluster, PRIMARY, REPLICA)?;
    replica.stop()?;
    let mut replica = cluster.start(REPLICA)?;
    replica.until("it streams again", || cluster.streams(PRIMARY, REPLICA))?;
    is_a_plain_standby(&cluster, PRIMARY, REPLICA)
}

/// Several that archive the same WAL would be in each other's way, and none must stop archiving once it is promoted.
#[test]
fn copies_archive_as_primaries_only() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, _primary, replica) = Cluster::running()?;
    for setting in ["archive_mode = 'ALWAYS'", "archive_command = 'exit 0'"] {
        cluster.sql(PRIMARY, &format!("ALTER SYSTEM SET {setting}"))?;
    }
    let mut copy = cluster.start(REPLICA_1)?;
    copy.until("a copy streams", || cluster.streams(PRIMARY, REPLICA_1))?;
    assert_eq!(cluster.sql(REPLICA_1, "SHOW archive_mode")?, "on");
    assert_eq!(cluster.sql(REPLICA_1, "SHOW archive_command")?, "exit 0");
    ensure!(
        copy.log().contains("archive_mode is always"),
        "{}",
        copy.log()
    );

    // What one standby was given stays.
    cluster.sql(REPLICA, "ALTER SYSTEM SET archive_mode = 'always'")?;
    replica.stop()?;
    let mut replica = cluster.start(REPLICA)?;
    replica.until("it streams again", || cluster.streams(PRIMARY, REPLICA))?;
    assert_eq!(cluster.sql(REPLICA, "SHOW archive_mode")?, "always");
    Ok(())
}

#[test]
fn a_delay_that_one_standby_was_given_stays() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, _primary, replica) = Cluster::running()?;
    cluster.sql(REPLICA, "ALTER SYSTEM SET recovery_min_apply_delay = '1s'")?;
    replica.stop()?;
    let mut replica = cluster.start(REPLICA)?;
    replica.until("it streams again", || cluster.streams(PRIMARY, REPLICA))?;
    assert_eq!(cluster.sql(REPLICA, "SHOW recovery_min_apply_delay")?, "1s");
    Ok(())
}

/// PostgreSQL would recover it to wherever the files say, and then make a primary of it.
#[test]
fn data_that_is_set_up_for_a_recovery_is_not_started() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, primary, replica) = Cluster::running()?;
    primary.stop()?;
    replica.stop()?;
    fs::write(cluster.pgdata(PRIMARY).join("recovery.signal"), "")?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.waits_for("unfinished-recovery")?;
    fs::remove_file(cluster.pgdata(PRIMARY).join("recovery.signal"))?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;

    // Beside standby.signal it means nothing.
    fs::write(cluster.pgdata(REPLICA).join("recovery.signal"), "")?;
    let mut replica = cluster.start(REPLICA)?;
    replica.until("it streams", || cluster.streams(PRIMARY, REPLICA))?;
    ensure!(!cluster.pgdata(REPLICA).join("recovery.signal").exists());
    replica.stop()?;
    fs::remove_file(cluster.pgdata(REPLICA).join("standby.signal"))?;
    fs::write(cluster.pgdata(REPLICA).join("recovery.signal"), "")?;
    cluster.start(REPLICA)?.waits_for("unfinished-recovery")
}

/// With lower limits than its primary's a standby stops replaying.
#[test]
fn limits_that_are_too_low_for_the_wal_are_raised() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, primary, replica) = Cluster::running()?;
    cluster.sql(PRIMARY, "ALTER SYSTEM SET max_connections = 60")?;
    cluster.sql(PRIMARY, "ALTER SYSTEM SET max_prepared_transactions = 5")?;
    replica.stop()?;
    primary.stop()?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
    let mut copy = cluster.start(REPLICA_1)?;
    copy.until("a copy streams", || cluster.streams(PRIMARY, REPLICA_1))?;
    cluster.sql(REPLICA_1, "ALTER SYSTEM SET max_connections = 30")?;
    cluster.sql(REPLICA_1, "ALTER SYSTEM SET max_prepared_transactions = 0")?;
    copy.stop()?;
    let mut copy = cluster.start(REPLICA_1)?;
    copy.until("it streams again", || cluster.streams(PRIMARY, REPLICA_1))?;
    assert_eq!(cluster.sql(REPLICA_1, "SHOW max_connections")?, "60");
    assert_eq!(
        cluster.sql(REPLICA_1, "SHOW max_prepared_transactions")?,
        "5"
    );
    Ok(())
}

/// A container that ends again and again is started later each time; one that waits says why, and goes on by itself.
#[test]
fn settings_that_postgresql_cannot_start_with_are_named() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, _primary, replica) = Cluster::running()?;
    replica.stop()?;
    let auto = cluster.pgdata(REPLICA).join("postgresql.auto.conf");
    let before = fs::read_to_string(&auto)?;
    for (line, reason) in [
        ("work_mem = '64 MBB'", "bad-settings"),
        ("shared_preload_libraries = 'not_there'", "missing-library"),
        ("shared_preload_libraries = '\"\"'", "missing-library"),
    ] {
        fs::write(&auto, format!("{before}{line}\n"))?;
        let mut replica = cluster.start(REPLICA)?;
        replica.waits_for(reason)?;
        fs::write(&auto, &before)?;
        replica.until("it streams", || cluster.streams(PRIMARY, REPLICA))?;
        replica.stop()?;
    }
    Ok(())
}

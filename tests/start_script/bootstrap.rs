//! The first bootstrap, and when it must not happen.

use crate::pod::{Cluster, PRIMARY, REPLICA, skipped};
use anyhow::{Result, ensure};
use std::fs;

#[test]
fn an_empty_first_primary_with_nobody_else_is_bootstrapped() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::empty()?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;

    for (setting, value) in [
        ("data_checksums", "on"),
        ("wal_log_hints", "on"),
        ("cluster_name", PRIMARY),
        ("server_encoding", "UTF8"),
    ] {
        assert_eq!(
            cluster.sql(PRIMARY, &format!("SHOW {setting}"))?,
            value,
            "{setting}"
        );
    }
    assert_eq!(
        cluster.sql(PRIMARY, "SELECT rolsuper, rolreplication, rolcreaterole, rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = 'replicator'")?,
        "f|t|f|t"
    );
    for function in [
        "pg_ls_dir(text, boolean, boolean)",
        "pg_stat_file(text, boolean)",
        "pg_read_binary_file(text)",
        "pg_read_binary_file(text, bigint, bigint, boolean)",
    ] {
        let query = format!("SELECT has_function_privilege('replicator', '{function}', 'execute')");
        assert_eq!(cluster.sql(PRIMARY, &query)?, "t", "{function}");
    }
    ensure!(!primary.log().contains("c$HOME"), "a password in the log");
    Ok(())
}

#[test]
fn an_empty_primary_next_to_a_living_replica_is_refused() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    let mut replica = cluster.start(REPLICA)?;
    replica.until("the standby is up", || cluster.in_recovery(REPLICA))?;
    cluster.move_aside(PRIMARY)?;
    let mut primary = cluster.start(PRIMARY)?;
    let message = primary.refuses("empty-primary")?;
    ensure!(message.contains(REPLICA), "{message}");
    ensure!(!cluster.pgdata(PRIMARY).exists(), "something was made");
    Ok(())
}

#[test]
fn an_empty_primary_of_a_recorded_cluster_is_refused() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::empty()?;
    cluster.topology(&[
        ("primary", PRIMARY),
        ("term", "4"),
        ("system-identifier", "7000000000000000001"),
    ])?;
    let message = cluster.start(PRIMARY)?.refuses("empty-primary")?;
    ensure!(message.contains("7000000000000000001"), "{message}");
    Ok(())
}

#[test]
fn a_volume_that_lost_its_data_directory_is_not_bootstrapped_again() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    fs::remove_dir_all(cluster.pgdata(PRIMARY))?;
    cluster.start(PRIMARY)?.refuses("empty-primary")?;
    Ok(())
}

#[test]
fn a_bootstrap_that_was_cut_short_begins_anew() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::empty()?;
    let half = cluster.volume(PRIMARY).join("pgdata.init");
    fs::create_dir(&half)?;
    fs::write(half.join("PG_VERSION"), "1")?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
    ensure!(!half.exists());
    Ok(())
}

#[test]
fn placeholder_and_missing_passwords_are_refused() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::empty()?;
    for (variable, key) in [
        ("POSTGRES_PASSWORD", "postgres-password"),
        ("REPLICATION_PASSWORD", "replication-password"),
    ] {
        for value in ["replace-me-before-use", ""] {
            let message = cluster
                .start_with(PRIMARY, &[(variable, value)])?
                .refuses("placeholder-secret")?;
            ensure!(message.contains(key), "{message}");
        }
    }
    ensure!(!cluster.pgdata(PRIMARY).exists(), "something was made");
    Ok(())
}

#[test]
fn without_dns_nobody_is_taken_for_absent() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::empty()?;
    // A namespace whose names nobody knows.
    let mut primary = cluster.start_with(PRIMARY, &[("POD_NAMESPACE", "elsewhere")])?;
    primary.waits_for("no-dns")?;
    primary.stop()?;
    ensure!(!cluster.pgdata(PRIMARY).exists(), "something was made");
    Ok(())
}

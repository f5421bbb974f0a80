//! Rewinds that can't begin, and what they remove.

use crate::pod::{Cluster, PRIMARY, Pod, REPLICA, skipped, wait_until};
use anyhow::{Result, ensure};
use std::fs;

/// What rewinds of the former primary have kept: a list of files of each.
fn kept(cluster: &Cluster) -> Result<Vec<Vec<String>>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(cluster.volume(PRIMARY).join("pgctl"))? {
        let entry = entry?;
        if entry
            .file_name()
            .to_string_lossy()
            .starts_with("beyond-fork.")
        {
            let files = fs::read_dir(entry.path())?;
            all.push(
                files
                    .filter_map(|it| it.ok()?.file_name().into_string().ok())
                    .collect(),
            );
        }
    }
    Ok(all)
}

/// It has begun nothing, and does not ask for a copy, which would end what only it has.
fn is_untouched(cluster: &Cluster, pod: &Pod) -> Result<()> {
    let data = cluster.pgdata(PRIMARY);
    ensure!(!data.join("standby.signal").exists(), "{}", pod.log());
    ensure!(
        !cluster.volume(PRIMARY).join("pgctl/rewinding").exists(),
        "{}",
        pod.log()
    );
    ensure!(!pod.log().contains("pg_rewind"), "{}", pod.log());
    Ok(())
}

/// What a rewind removes may be the last copy of something that was acknowledged.
#[test]
fn what_a_former_primary_wrote_beyond_the_fork_is_kept() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, replica) = Cluster::failed_over()?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.until("it streams", || cluster.streams(REPLICA, PRIMARY))?;
    let first = kept(&cluster)?;
    ensure!(first.len() == 1, "{first:?}");
    ensure!(
        !first[0].is_empty() && first[0].iter().all(|it| it.starts_with("00000001")),
        "{first:?}"
    );
    ensure!(primary.log().contains("pg_waldump"), "{}", primary.log());

    // It becomes primary again, in order, and is lost once more.
    cluster.caught_up(REPLICA, PRIMARY)?;
    cluster.topology(&[("primary", PRIMARY), ("term", "2")])?;
    replica.stop()?;
    cluster.sql(PRIMARY, "SELECT pg_promote()")?;
    let mut replica = cluster.start(REPLICA)?;
    replica.until("it streams", || cluster.streams(PRIMARY, REPLICA))?;
    cluster.lose_primary(primary, "_again")?;
    cluster.topology(&[("primary", REPLICA), ("term", "3")])?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.until("it streams again", || cluster.streams(REPLICA, PRIMARY))?;
    let both = kept(&cluster)?;
    ensure!(both.len() == 2, "{both:?}");
    let files = |prefix: &str| {
        let of = |it: &&Vec<String>| {
            it.iter()
                .any(|file| file.len() == 24 && file.starts_with(prefix))
        };
        both.iter().filter(of).count()
    };
    ensure!(files("00000001") == 1 && files("00000003") == 1, "{both:?}");
    ensure!(!cluster.volume(PRIMARY).join("pgctl/keeping").exists());
    Ok(())
}

#[test]
fn what_cannot_be_kept_is_not_removed() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, _replica) = Cluster::failed_over()?;
    let full = "#!/bin/sh\necho x\necho '/dev/x 100000 90000 10000 90% /'\n";
    let broken = "#!/bin/sh\necho 'cp: an error of the disk' >&2\nexit 1\n";
    for (program, script, reason, words) in [
        ("df", full, "no-room", "which is 9 MiB"),
        ("cp", broken, "rewind-delayed", "an error of the disk"),
    ] {
        let mut primary = cluster.start_with_program(PRIMARY, program, script)?;
        primary.waits_for(reason)?;
        ensure!(primary.log().contains(words), "{}", primary.log());
        let data = cluster.pgdata(PRIMARY);
        ensure!(!data.join("standby.signal").exists(), "{}", primary.log());
        ensure!(kept(&cluster)?.is_empty());
        assert_eq!(
            cluster.control(PRIMARY, "Latest checkpoint's TimeLineID")?,
            "1"
        );
        primary.stop()?;
    }
    let mut primary = cluster.start(PRIMARY)?;
    primary.until("it streams", || cluster.streams(REPLICA, PRIMARY))?;
    ensure!(kept(&cluster)?.len() == 1);
    Ok(())
}

/// After a crash it replays its WAL first, with its settings.
#[test]
fn settings_that_keep_a_rewind_from_beginning_are_named() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, _replica) = Cluster::failed_over()?;
    let auto = cluster.pgdata(PRIMARY).join("postgresql.auto.conf");
    let before = fs::read_to_string(&auto)?;
    fs::write(&auto, format!("{before}work_mem = '64 MBB'\n"))?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.waits_for("bad-settings")?;
    is_untouched(&cluster, &primary)?;
    ensure!(!primary.log().contains("--clone"), "{}", primary.log());
    fs::write(&auto, before)?;
    primary.until("it streams", || cluster.streams(REPLICA, PRIMARY))
}

#[test]
fn a_primary_without_a_free_slot_is_no_reason_for_a_copy() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, _replica) = Cluster::failed_over()?;
    cluster.sql(
        REPLICA,
        "SELECT pg_create_physical_replication_slot('taken_' || n) FROM generate_series(1, \
         current_setting('max_replication_slots')::int - (SELECT count(*)::int FROM pg_replication_slots)) n",
    )?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.waits_for("rewind-delayed")?;
    is_untouched(&cluster, &primary)?;
    ensure!(!primary.log().contains("--clone"), "{}", primary.log());
    cluster.sql(REPLICA, "SELECT pg_drop_replication_slot('taken_1')")?;
    primary.until("it streams", || cluster.streams(REPLICA, PRIMARY))
}

/// The file that it would be written to can't be made.
#[test]
fn a_running_standby_that_cannot_follow_says_so() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, primary, _replica) = Cluster::running()?;
    let mut other = cluster.start(crate::pod::REPLICA_1)?;
    other.until("it streams", || {
        cluster.streams(PRIMARY, crate::pod::REPLICA_1)
    })?;
    let obstacle = cluster
        .pgdata(crate::pod::REPLICA_1)
        .join("postgresql.auto.conf.tmp");
    fs::create_dir(&obstacle)?;
    cluster.topology(&[("primary", REPLICA), ("term", "1")])?;
    primary.stop()?;
    cluster.sql(REPLICA, "SELECT pg_promote()")?;
    let said = "cannot follow x-postgres-replica-0 yet";
    wait_until("it says so", || {
        let log = other.log();
        Ok(log.contains(said) && log.contains("postgresql.auto.conf.tmp"))
    })?;
    fs::remove_dir(obstacle)?;
    other.until("it streams from the new one", || {
        cluster.streams(REPLICA, crate::pod::REPLICA_1)
    })?;
    // Once, however often it is tried.
    let times = other.log().matches("ALTER SYSTEM failed here").count();
    ensure!(times == 1, "{}", other.log());
    Ok(())
}

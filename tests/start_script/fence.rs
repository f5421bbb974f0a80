//! A primary's data: who may be writable, and who must not.

use crate::pod::{Cluster, PRIMARY, REPLICA, skipped};
use anyhow::{Context as _, Result, ensure};
use std::fs;
use std::time::{Duration, Instant};

#[test]
fn primary_data_starts_as_primary_and_a_stop_leaves_a_clean_record() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
    let system = cluster.sql(PRIMARY, "SELECT system_identifier FROM pg_control_system()")?;
    // A fast shutdown does not wait for this session.
    let address = cluster.address(PRIMARY).to_owned();
    let mut idle = std::net::TcpStream::connect((address, 5432))?;
    std::io::Write::write_all(&mut idle, &8_i32.to_be_bytes())?;
    let record: serde_json::Value = serde_json::from_str(&primary.stop()?)?;
    assert_eq!(record["pgctl"], "stopped");
    assert_eq!(record["state"], "shut down");
    assert_eq!(record["clean"], true);
    assert_eq!(record["timeline"], 1);
    assert_eq!(record["system_identifier"], system);
    assert_eq!(
        record["checkpoint_lsn"],
        cluster.control(PRIMARY, "Latest checkpoint location")?
    );
    Ok(())
}

/// pgctl promotes another pod on its word: from then on no server starts here, whoever starts the container again.
#[test]
fn a_primary_that_was_asked_to_linger_says_when_it_has_stopped_for_good() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
    let container = cluster.container_name(PRIMARY)?;
    let asked = primary.linger(&["ask", "2", "60", "5"])?;
    assert_eq!(asked.as_ref(), Some(&container));
    primary.signal("-TERM")?;
    let said = primary.linger(&["await"])?.context("it says nothing")?;
    let begun = Instant::now();
    let record: serde_json::Value = serde_json::from_str(&said)?;
    assert_eq!(record["state"], "shut down");
    assert_eq!(record["clean"], true);
    assert_eq!(record["container"], container);
    assert_eq!(
        cluster.control(PRIMARY, "Database cluster state")?,
        "shut down"
    );
    ensure!(primary.ended()?.success(), "{}", primary.log());
    ensure!(begun.elapsed() > Duration::from_secs(1), "it did not stay");
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&primary.termination()?)?,
        record
    );

    let mut again = cluster.restart(PRIMARY)?;
    again.waits_for("stopped-for-good")?;
    // The operation's own term, as it may come late to the pod, puts nothing back.
    cluster.topology(&[("primary", PRIMARY), ("term", "5")])?;
    std::thread::sleep(Duration::from_secs(3));
    ensure!(!cluster.writable(PRIMARY), "{}", again.log());
    cluster.topology(&[("primary", REPLICA), ("term", "6")])?;
    std::thread::sleep(Duration::from_secs(3));
    ensure!(!cluster.writable(PRIMARY), "{}", again.log());
    // The stop was put back, and the pod has stayed.
    cluster.topology(&[("primary", PRIMARY), ("term", "7")])?;
    again.until("it accepts writes again", || cluster.writable(PRIMARY))
}

#[test]
fn what_was_asked_of_another_life_of_the_pod_or_long_ago_does_not_count() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
    primary
        .linger(&["ask", "2", "600", "5"])?
        .context("it promises")?;
    primary.kill()?;
    let mut primary = cluster.restart(PRIMARY)?;
    primary.until("it accepts writes again", || cluster.writable(PRIMARY))?;
    assert_eq!(primary.linger(&["await"])?, None, "nobody has asked it");
    primary
        .linger(&["ask", "2", "0", "5"])?
        .context("it promises")?;
    std::thread::sleep(Duration::from_secs(2));
    primary.stop()?;
    ensure!(!cluster.run_dir(PRIMARY).join("pgctl-stopped").exists());
    let mut primary = cluster.restart(PRIMARY)?;
    primary.until("it accepts writes again", || cluster.writable(PRIMARY))
}

#[test]
fn a_server_that_ends_by_itself_is_recorded_as_not_clean() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
    // The immediate shutdown of the postmaster is what a crash leaves.
    cluster
        .sql(
            PRIMARY,
            "COPY (SELECT 1) TO PROGRAM 'head -n 1 $PGDATA/postmaster.pid | xargs kill -QUIT'",
        )
        .ok();
    ensure!(!primary.ended()?.success());
    let record: serde_json::Value = serde_json::from_str(&primary.termination()?)?;
    assert_eq!(record["state"], "in production");
    assert_eq!(record["clean"], false);
    Ok(())
}

#[test]
fn a_promoted_standby_that_crashes_at_once_comes_back_as_primary() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, primary, replica) = Cluster::running()?;
    cluster.topology(&[("primary", REPLICA), ("term", "1")])?;
    primary.stop()?;
    cluster.sql(REPLICA, "SELECT pg_promote()")?;
    replica.kill()?;
    let mut replica = cluster.restart(REPLICA)?;
    replica.until("it accepts writes again", || cluster.writable(REPLICA))?;
    assert_eq!(
        cluster.sql(
            REPLICA,
            "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"
        )?,
        "00000002"
    );
    Ok(())
}

#[test]
fn a_former_primary_waits_while_its_successor_does_not_answer() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    cluster.topology(&[("primary", REPLICA), ("term", "1")])?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.waits_for("former-primary")?;
    ensure!(!cluster.writable(PRIMARY));
    assert_eq!(primary.probe("alive")?, 0, "a pod that waits is alive");
    assert_eq!(
        primary.probe("ready")?,
        1,
        "a pod that waits takes no reads"
    );
    // Asked to go while it waits, it goes at once and still says how its data ended.
    ensure!(primary.stop()?.contains(r#""clean":true"#));
    Ok(())
}

#[test]
fn a_former_primary_waits_while_its_successor_is_not_promoted() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    cluster.topology(&[("primary", REPLICA), ("term", "1")])?;
    let mut replica = cluster.start(REPLICA)?;
    replica.until("the successor is up", || cluster.in_recovery(REPLICA))?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.waits_for("former-primary")?;
    // Put back, as an interrupted switchover is: it may serve again.
    cluster.topology(&[("primary", PRIMARY), ("term", "2")])?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
    replica.until("its standby streams again", || {
        cluster.streams(PRIMARY, REPLICA)
    })
}

#[test]
fn a_former_primary_is_rewound_and_follows() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, _replica) = Cluster::failed_over()?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.until("it streams", || cluster.streams(REPLICA, PRIMARY))?;
    cluster.caught_up(REPLICA, PRIMARY)?;
    ensure!(cluster.in_recovery(PRIMARY));
    ensure!(cluster.has_table(PRIMARY, "kept")? && cluster.has_table(PRIMARY, "gained")?);
    ensure!(
        !cluster.has_table(PRIMARY, "lost")?,
        "what the new primary never had is still there"
    );
    ensure!(primary.log().contains("rewound"), "{}", primary.log());
    ensure!(!cluster.volume(PRIMARY).join("pgctl/rewinding").exists());
    Ok(())
}

#[test]
fn a_former_primary_with_an_old_topology_finds_its_successor() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, _replica) = Cluster::failed_over()?;
    cluster.topology(&[])?;
    let mut primary = cluster.restart(PRIMARY)?;
    primary.waits_for("other-primary")?;
    ensure!(!cluster.writable(PRIMARY));
    cluster.topology(&[("primary", REPLICA), ("term", "1")])?;
    primary.until("it streams once the topology has arrived", || {
        cluster.streams(REPLICA, PRIMARY)
    })
}

#[test]
fn a_former_primary_with_an_old_topology_believes_a_standby_of_its_dead_successor() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, replica) = Cluster::failed_over()?;
    let mut other = cluster.start(crate::pod::REPLICA_1)?;
    other.until("a standby follows the successor", || {
        cluster.streams(REPLICA, crate::pod::REPLICA_1)
    })?;
    replica.kill()?;
    cluster.topology(&[])?;
    let mut primary = cluster.restart(PRIMARY)?;
    primary.waits_for("stale-topology")?;
    ensure!(!cluster.writable(PRIMARY));
    Ok(())
}

#[test]
fn an_old_topology_never_rewinds_the_new_primary() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, replica) = Cluster::failed_over()?;
    replica.stop()?;
    // The old primary came up by other means (a volume restored by hand, no fence): writable, timeline 1.
    cluster.topology(&[])?;
    cluster.annotate(PRIMARY, "")?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.until("the old primary is up", || cluster.writable(PRIMARY))?;
    fs::remove_file(cluster.volume(REPLICA).join("pgctl/term")).ok(); // and it has forgotten
    let mut replica = cluster.start(REPLICA)?;
    replica.waits_for("rival-primary")?;
    ensure!(
        fs::read_dir(cluster.volume(REPLICA))?
            .all(|entry| entry.is_ok_and(|e| !e.path().ends_with("pgctl/rewinding")))
    );
    assert_eq!(
        cluster.control(REPLICA, "Latest checkpoint's TimeLineID")?,
        "2",
        "its data is as it was"
    );
    Ok(())
}

#[test]
fn a_primary_whose_successor_is_already_writable_stops_itself() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, primary, _replica) = Cluster::running()?;
    primary.stop()?;
    let settled = [("PG_TOPOLOGY_STALE_SECONDS", "0")];
    let mut primary = cluster.start_with(PRIMARY, &settled)?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
    cluster.sql(REPLICA, "SELECT pg_promote()")?; // by hand, the worst way
    cluster.topology(&[("primary", REPLICA), ("term", "1")])?;
    primary.until("it follows its successor", || {
        cluster.streams(REPLICA, PRIMARY)
    })?;
    ensure!(cluster.in_recovery(PRIMARY));
    // The record of that stop would be taken for one of the next, if that leaves none.
    assert_eq!(primary.termination()?, "");
    Ok(())
}

#[test]
fn a_switchover_that_has_only_begun_does_not_stop_the_primary() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    // Longer ago than a topology can be old.
    let settled = [("PG_TOPOLOGY_STALE_SECONDS", "0")];
    let mut primary = cluster.start_with(PRIMARY, &settled)?;
    let mut replica = cluster.start(REPLICA)?;
    replica.until("it streams", || cluster.streams(PRIMARY, REPLICA))?;
    cluster.topology(&[("primary", REPLICA), ("term", "1")])?;
    // The candidate restarts in the middle of it: it must go on receiving from the primary.
    replica = {
        replica.stop()?;
        cluster.restart(REPLICA)?
    };
    replica.until("the candidate streams again", || {
        cluster.streams(PRIMARY, REPLICA)
    })?;
    primary.until("the primary still accepts writes", || {
        cluster.writable(PRIMARY)
    })?;
    ensure!(cluster.in_recovery(REPLICA), "nobody but pgctl promotes");
    Ok(())
}

/// After an orderly switchover there is nothing to rewind; what is left of its time as primary goes
/// all the same: a slot of another pod would hold WAL here for ever. Slots of other names stay.
#[test]
fn a_former_primary_keeps_no_slots_for_pods_that_follow_another() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, primary, replica) = Cluster::running()?;
    cluster.sql(
        PRIMARY,
        "SELECT pg_create_physical_replication_slot('of_an_operator', true)",
    )?;
    primary.stop()?;
    cluster.topology(&[("primary", REPLICA), ("term", "1")])?;
    cluster.sql(REPLICA, "SELECT pg_promote()")?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.until("it streams", || cluster.streams(REPLICA, PRIMARY))?;
    let slots = cluster.sql(PRIMARY, "SELECT slot_name FROM pg_replication_slots")?;
    ensure!(slots.trim() == "of_an_operator", "slots: {slots}");
    drop(replica);
    Ok(())
}

/// A standby that has replayed the successor's timeline names it in its control file only after its next restartpoint.
#[test]
fn a_standby_that_has_only_just_heard_of_the_successor_is_believed() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, primary, replica) = Cluster::running()?;
    let mut other = cluster.start(crate::pod::REPLICA_1)?;
    other.until("it streams", || {
        cluster.streams(PRIMARY, crate::pod::REPLICA_1)
    })?;
    primary.stop()?;
    cluster.topology(&[("primary", REPLICA), ("term", "1")])?;
    cluster.sql(REPLICA, "SELECT pg_promote()")?;
    other.until("it follows the successor", || {
        cluster.streams(REPLICA, crate::pod::REPLICA_1)
    })?;
    cluster.caught_up(REPLICA, crate::pod::REPLICA_1)?;
    replica.kill()?;
    assert_eq!(
        cluster.sql(
            crate::pod::REPLICA_1,
            "SELECT timeline_id FROM pg_control_checkpoint()"
        )?,
        "1"
    );
    cluster.stale_topology(&[])?;
    fs::remove_file(cluster.volume(PRIMARY).join("pgctl/term")).ok();
    for pod in [PRIMARY, REPLICA] {
        cluster.annotate(pod, "")?;
    }
    let mut primary = cluster.start(PRIMARY)?;
    primary.waits_for("stale-topology")?;
    ensure!(!cluster.writable(PRIMARY));
    Ok(())
}

/// On 15 a logical slot on a standby is of no use to anybody, and holds its WAL for ever; a synchronized one (17) is
/// made again by PostgreSQL.
#[test]
fn a_former_primary_keeps_no_logical_slots() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, primary, _replica) = Cluster::running()?;
    cluster.sql(PRIMARY, "ALTER SYSTEM SET wal_level = 'logical'")?;
    primary.stop()?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.until("it is followed", || cluster.streams(PRIMARY, REPLICA))?;
    cluster.sql(
        PRIMARY,
        "SELECT pg_create_logical_replication_slot('subscription', 'pgoutput')",
    )?;
    cluster.caught_up(PRIMARY, REPLICA)?;
    primary.stop()?;
    cluster.topology(&[("primary", REPLICA), ("term", "1")])?;
    cluster.sql(REPLICA, "SELECT pg_promote()")?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.until("it streams", || cluster.streams(REPLICA, PRIMARY))?;
    let slots = cluster.sql(PRIMARY, "SELECT slot_name FROM pg_replication_slots")?;
    ensure!(slots.is_empty(), "slots: {slots}");
    Ok(())
}

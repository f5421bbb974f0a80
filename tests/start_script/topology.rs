//! A topology that changes at the wrong moment, or goes back in time.

use crate::pod::{Cluster, PRIMARY, Pod, REPLICA, skipped};
use anyhow::{Result, ensure};
use std::fs;

/// Its successor may be promoted on the proof that another pod, of before, has stopped.
#[test]
fn a_primary_that_has_just_started_stops_when_another_is_named() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, mut primary, mut replica) = Cluster::running()?;
    cluster.topology(&[("primary", REPLICA), ("term", "1")])?;
    primary.waits_for("former-primary")?;
    ensure!(!cluster.writable(PRIMARY));
    // A clean end, all of which its standby has received.
    assert_eq!(
        cluster.control(PRIMARY, "Database cluster state")?,
        "shut down"
    );
    let end = cluster.control(PRIMARY, "Latest checkpoint location")?;
    replica.until("the standby has it all", || {
        cluster.answers(
            REPLICA,
            &format!("SELECT pg_last_wal_receive_lsn() > '{end}'"),
            "t",
        )
    })?;
    // Asked to go, it leaves the record that the promotion waits for.
    let record: serde_json::Value = serde_json::from_str(&primary.stop()?)?;
    assert_eq!(record["clean"], true);
    assert_eq!(record["checkpoint_lsn"], end);
    cluster.sql(REPLICA, "SELECT pg_promote()")?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.until("it follows", || cluster.streams(REPLICA, PRIMARY))
}

/// The same, put back: the topology names it again, under a higher term.
#[test]
fn a_primary_that_stopped_itself_comes_back_when_it_is_named_again() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, mut primary, mut replica) = Cluster::running()?;
    cluster.topology(&[("primary", REPLICA), ("term", "1")])?;
    primary.waits_for("former-primary")?;
    cluster.topology(&[("primary", PRIMARY), ("term", "2")])?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
    assert_eq!(primary.termination()?, "");
    replica.until("its standby streams", || cluster.streams(PRIMARY, REPLICA))
}

/// A switchover has put its mark on this very pod before it names another, and stops it in its own time. The mark
/// of versions before names no container.
#[test]
fn a_primary_that_an_operation_holds_is_stopped_by_it() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, primary, _replica) = Cluster::running()?;
    cluster.mark(PRIMARY, "held")?;
    cluster.topology(&[("primary", REPLICA), ("term", "1")])?;
    goes_on(&cluster, &primary)?;
    // A container that was restarted is another life of the pod.
    primary.kill()?;
    cluster.topology(&[("primary", PRIMARY), ("term", "2")])?;
    let mut primary = cluster.restart(PRIMARY)?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
    cluster.topology(&[("primary", REPLICA), ("term", "3")])?;
    primary.waits_for("former-primary")
}

/// As often as its container was restarted before.
#[test]
fn a_mark_that_names_its_container_holds_a_restarted_primary() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, primary, _replica) = Cluster::running()?;
    let first = cluster.container_name(PRIMARY)?;
    primary.kill()?;
    let mut primary = cluster.restart(PRIMARY)?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
    let second = cluster.container_name(PRIMARY)?;
    ensure!(!second.is_empty() && first != second, "{first}, {second}");
    cluster.mark(PRIMARY, &second)?;
    cluster.topology(&[("primary", REPLICA), ("term", "1")])?;
    goes_on(&cluster, &primary)?;
    // It crashes while it is held: no container starts it again on what the last one was allowed.
    primary.kill()?;
    let mut primary = cluster.restart(PRIMARY)?;
    primary.waits_for("former-primary")?;
    ensure!(!cluster.writable(PRIMARY));
    // Nor does one that has read an old topology go on when it hears of the new one.
    primary.stop()?;
    cluster.stale_topology(&[("primary", PRIMARY), ("term", "1")])?;
    let mut primary = cluster.restart(PRIMARY)?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
    cluster.topology(&[("primary", REPLICA), ("term", "2")])?;
    primary.waits_for("former-primary")?;
    ensure!(!cluster.writable(PRIMARY));
    Ok(())
}

/// For longer than it takes a primary to see that another is named.
fn goes_on(cluster: &Cluster, primary: &Pod) -> Result<()> {
    std::thread::sleep(std::time::Duration::from_secs(4));
    ensure!(cluster.writable(PRIMARY), "{}", primary.log());
    Ok(())
}

#[test]
fn a_topology_that_goes_back_in_time_makes_no_primary() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, replica) = Cluster::failed_over()?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.until("it follows", || cluster.streams(REPLICA, PRIMARY))?;
    // Deleted, while all run: who is primary stays so, and who follows goes on.
    cluster.topology(&[])?;
    std::thread::sleep(std::time::Duration::from_secs(3));
    ensure!(cluster.writable(REPLICA) && cluster.streams(REPLICA, PRIMARY));
    // A standby that is started again follows whom it followed.
    primary.stop()?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.until("it follows still", || cluster.streams(REPLICA, PRIMARY))?;

    replica.stop()?;
    for keys in [&[][..], &[("primary", REPLICA), ("term", "0")]] {
        cluster.stale_topology(keys)?;
        let mut replica = cluster.start(REPLICA)?;
        replica.waits_for("stale-topology")?;
        let said = fs::read_to_string(cluster.run_dir(REPLICA).join("pgctl-wait"))?;
        ensure!(
            said.contains("kubectl -n ns create configmap x-postgres-topology --from-literal=primary=x-postgres-replica-0 --from-literal=term=2 "),
            "{said}"
        );
        ensure!(!cluster.writable(REPLICA));
        replica.stop()?;
    }
    // The way out.
    let mut replica = cluster.start(REPLICA)?;
    replica.waits_for("stale-topology")?;
    cluster.topology(&[("primary", REPLICA), ("term", "2")])?;
    replica.until("it accepts writes", || cluster.writable(REPLICA))?;
    primary.until("it is followed", || cluster.streams(REPLICA, PRIMARY))
}

/// An old copy of the ConfigMap may hold a request that was served long ago.
#[test]
fn an_old_topology_asks_for_no_copy() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, _primary, replica) = Cluster::running()?;
    cluster.topology(&[("primary", PRIMARY), ("term", "5")])?;
    replica.stop()?;
    let mut replica = cluster.start(REPLICA)?;
    replica.until("it streams", || cluster.streams(PRIMARY, REPLICA))?;
    replica.stop()?;
    let request = format!("clone.{REPLICA}");
    cluster.stale_topology(&[
        ("primary", PRIMARY),
        ("term", "3"),
        (request.as_str(), "old"),
    ])?;
    let mut replica = cluster.start(REPLICA)?;
    replica.until("it streams", || cluster.streams(PRIMARY, REPLICA))?;
    ensure!(
        !replica.log().contains("copy was asked for"),
        "{}",
        replica.log()
    );
    Ok(())
}

/// An editor leaves line ends; two words are no value, and are not drawn together to one.
#[test]
fn a_value_has_nothing_around_it_and_is_one_word() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    let named = format!("\r\n  {PRIMARY} \r\n\n");
    cluster.topology(&[("primary", &named), ("term", " 3\r\n")])?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
    drop(primary);
    for term in ["3 1", "3\n1", "3\r\n1\r\n"] {
        cluster.stale_topology(&[("primary", &named), ("term", term)])?;
        let mut primary = cluster.start(PRIMARY)?;
        primary.waits_for("bad-topology")?;
    }
    Ok(())
}

//! What other pods answer, and what is made of it.

use crate::pod::{Cluster, PRIMARY, REPLICA, REPLICA_1, skipped};
use crate::stranger::{Answer, Stranger};
use anyhow::{Context, Result, ensure};
use std::{thread::sleep, time::Duration};

/// Waits of the script that would otherwise be long.
const SHORT: [(&str, &str); 2] = [("PG_PEER_GRACE", "1"), ("PG_TOPOLOGY_STALE_SECONDS", "1")];

/// A promotion by hand that the topology does not know of, and the old primary restarts.
fn waits_for_the_promoted_one(upset: &str) -> Result<()> {
    let (cluster, primary, _replica) = Cluster::running()?;
    cluster.sql(PRIMARY, upset)?;
    cluster.caught_up(PRIMARY, REPLICA)?;
    primary.stop()?;
    cluster.sql(REPLICA, "SELECT pg_promote()")?;
    for new in [false, true] {
        let mut primary = if new {
            cluster.start_with(PRIMARY, &SHORT)?
        } else {
            cluster.restart_with(PRIMARY, &SHORT)?
        };
        primary
            .waits_for("other-primary")
            .context(upset.to_owned())?;
        // Every patience that there is has come to its end by then.
        sleep(Duration::from_secs(3));
        primary.waits_for("other-primary")?;
        ensure!(!cluster.writable(PRIMARY));
        primary.stop()?;
    }
    Ok(())
}

#[test]
fn a_warning_at_every_connection_is_not_the_answer() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    waits_for_the_promoted_one("UPDATE pg_database SET datcollversion = '2.31'")
}

#[test]
fn a_database_that_lets_nobody_in_hides_no_primary() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    waits_for_the_promoted_one(
        "REVOKE CONNECT ON DATABASE postgres FROM PUBLIC; ALTER DATABASE postgres CONNECTION LIMIT 0",
    )
}

#[test]
fn a_password_that_is_not_ours_hides_no_primary() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    waits_for_the_promoted_one("ALTER ROLE replicator PASSWORD 'another'")
}

/// Settings of roles, of databases and of the server: the scripts and the probes do as without them, and a new
/// standby can be made.
#[test]
fn settings_of_roles_and_databases_change_nothing() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, primary, replica) = Cluster::running()?;
    for setting in [
        "default_transaction_read_only = on",
        "default_transaction_isolation = 'serializable'",
        "default_transaction_deferrable = on",
        "statement_timeout = 1",
        "lock_timeout = 1",
        "idle_session_timeout = 1",
        "idle_in_transaction_session_timeout = 1",
        "search_path = nowhere",
        "client_min_messages = debug5",
        "bytea_output = escape",
        "row_security = off",
        "DateStyle = 'German'",
        "client_encoding = 'LATIN1'",
        "standard_conforming_strings = off",
        "local_preload_libraries = 'missing'",
        "role = 'pg_read_all_settings'",
    ] {
        for role in ["replicator", "postgres"] {
            cluster.sql(PRIMARY, &format!("ALTER ROLE {role} SET {setting}"))?;
        }
    }
    for setting in ["default_transaction_read_only", "zero_damaged_pages"] {
        let set = format!("ALTER DATABASE postgres SET {setting} = on");
        cluster.sql(PRIMARY, &set)?;
    }
    cluster.caught_up(PRIMARY, REPLICA)?;
    let mut other = cluster.start(REPLICA_1)?;
    other.until("a new standby streams", || {
        cluster.streams(PRIMARY, REPLICA_1)
    })?;
    for pod in [&primary, &replica, &other] {
        assert_eq!(pod.probe("ready")?, 0, "{}", pod.name);
    }
    // Each asks the others once more.
    replica.stop()?;
    primary.stop()?;
    let mut primary = cluster.restart_with(PRIMARY, &SHORT)?;
    let mut replica = cluster.start(REPLICA)?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
    replica.until("it streams", || cluster.streams(PRIMARY, REPLICA))
}

/// The pod answers, and nobody knows what it is: no time that passes makes it nobody.
fn is_never_passed(answer: Answer) -> Result<()> {
    let cluster = Cluster::stopped()?;
    let stranger = Stranger::at(cluster.address(REPLICA_1), answer)?;
    for new in [true, false] {
        let mut primary = if new {
            cluster.start_with(PRIMARY, &SHORT)?
        } else {
            cluster.restart_with(PRIMARY, &SHORT)?
        };
        primary.waits_for("peers-unclear")?;
        sleep(Duration::from_secs(4));
        primary.waits_for("peers-unclear")?;
        ensure!(!cluster.writable(PRIMARY));
        ensure!(primary.log().contains(REPLICA_1), "{}", primary.log());
        primary.stop()?;
    }
    let mut primary = cluster.restart_with(PRIMARY, &SHORT)?;
    primary.waits_for("peers-unclear")?;
    drop(stranger);
    primary.until("it accepts writes", || cluster.writable(PRIMARY))
}

#[test]
fn a_peer_whose_answer_nobody_understands_is_never_passed() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let code = "XX000";
    is_never_passed(Answer {
        code,
        detail: false,
    })?;
    is_never_passed(Answer { code, detail: true })
}

#[test]
fn a_peer_that_takes_no_connections_now_is_never_passed() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    is_never_passed(Answer {
        code: "57P03",
        detail: false,
    })
}

/// A standby that waits for its primary to become consistent must not keep the primary from starting.
#[test]
fn a_standby_that_is_not_consistent_is_no_primary() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    let answer = Answer {
        code: "57P03",
        detail: true,
    };
    let _stranger = Stranger::at(cluster.address(REPLICA_1), answer)?;
    let mut primary = cluster.start(PRIMARY)?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))
}

/// A resolver says of a name that it can't find out about what it says of one that does not exist.
#[test]
fn a_pod_whose_name_does_not_resolve_any_more_is_silent_and_not_absent() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, primary, replica) = Cluster::running()?;
    let long = [
        ("PG_TOPOLOGY_STALE_SECONDS", "1000"),
        ("PG_PEER_GRACE", "1"),
    ];
    // It asks its standby, and remembers it.
    primary.kill()?;
    let mut primary = cluster.restart_with(PRIMARY, &long)?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
    replica.stop()?;
    primary.kill()?;
    cluster.annotate(PRIMARY, "1")?;
    cluster.forget_name(REPLICA)?;
    cluster.forget_name(REPLICA_1)?;
    let mut primary = cluster.restart_with(PRIMARY, &long)?;
    primary.waits_for("peers-silent")?;
    ensure!(primary.log().contains(REPLICA), "{}", primary.log());
    let known = cluster.volume(PRIMARY).join("pgctl/peers").join(REPLICA);
    ensure!(known.exists(), "it is forgotten before its time");
    cluster.topology(&[("primary", PRIMARY), ("term", "1")])?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
    // Whoever has gone for good is waited for once.
    ensure!(!known.exists(), "it is waited for each time");
    Ok(())
}

/// In a container that was restarted the topology may be old, and a pod that does not answer may be the one that it
/// should name. The term that pgctl has annotated the pod with tells.
#[test]
fn a_restarted_primary_waits_for_the_silent_until_its_topology_is_known_to_be_fresh() -> Result<()>
{
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    let long = [
        ("PG_TOPOLOGY_STALE_SECONDS", "1000"),
        ("PG_PEER_GRACE", "1"),
    ];
    cluster.topology(&[("primary", PRIMARY), ("term", "1")])?;
    let mut first = cluster.start(PRIMARY)?;
    first.until("it accepts writes", || cluster.writable(PRIMARY))?;
    first.kill()?;
    let mut primary = cluster.restart_with(PRIMARY, &long)?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
    primary.stop()?;

    // The annotation has arrived, and what it tells of has not.
    cluster.annotate(PRIMARY, "2")?;
    for new in [false, true] {
        let mut primary = if new {
            cluster.start_with(PRIMARY, &long)?
        } else {
            cluster.restart_with(PRIMARY, &long)?
        };
        primary.waits_for("peers-silent")?;
        sleep(Duration::from_secs(3));
        ensure!(!cluster.writable(PRIMARY));
        primary.stop()?;
    }
    let mut primary = cluster.restart_with(PRIMARY, &long)?;
    primary.waits_for("peers-silent")?;
    cluster.topology(&[("primary", PRIMARY), ("term", "2")])?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))
}

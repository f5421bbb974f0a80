//! What a container's environment says of connections is for other programs.

use crate::certificates::VERIFYING;
use crate::certificates::{authority, present, signed};
use crate::pod::{Cluster, PRIMARY, REPLICA, skipped};
use anyhow::Result;

/// With any of them a session would not come about where it should, or would where it should not.
const OF_CONNECTIONS: &[(&str, &str)] = &[
    ("PGHOSTADDR", "127.0.0.9"),
    ("PGSSLMODE", "verify-full"),
    ("PGSSLROOTCERT", "/nowhere"),
    ("PGSSLCERT", "/nowhere"),
    ("PGSSLKEY", "/nowhere"),
    ("PGSSLCRL", "/nowhere"),
    ("PGSSLMINPROTOCOLVERSION", "nothing"),
    ("PGCHANNELBINDING", "require"),
    ("PGREQUIREAUTH", "none"),
    ("PGREQUIREPEER", "nobody"),
    ("PGGSSENCMODE", "require"),
    ("PGSSLNEGOTIATION", "nothing"),
];

#[test]
fn the_environment_changes_no_connection_of_the_scripts() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    for tls in [false, true] {
        let cluster = Cluster::stopped()?;
        let mut settings = OF_CONNECTIONS.to_vec();
        if tls {
            let ours = authority("ours")?;
            present(&cluster, &[PRIMARY, REPLICA], &ours, &signed(&ours)?)?;
            settings.extend(VERIFYING);
        }
        let mut primary = cluster.start_with(PRIMARY, &settings)?;
        primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
        let mut replica = cluster.start_with(REPLICA, &settings)?;
        replica.until("it streams", || cluster.streams(PRIMARY, REPLICA))?;
    }
    Ok(())
}

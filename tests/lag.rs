//! `pgctl lag` on a cluster that really replicates.

#[path = "support/sandboxed.rs"]
#[expect(dead_code, reason = "shared with tests/status.rs, each uses a part")]
mod sandboxed;
#[path = "support/test_cluster/mod.rs"]
mod test_cluster;

use sandboxed::Sandboxed;
use serde_json::Value;
use test_cluster::{full, slot};

const PRIMARY: &str = "primary-0";
const REPLICA_0: &str = "replica-0";

#[test]
fn lag_shows_and_checks_how_far_each_standby_is_behind() {
    let cluster = Sandboxed::start();
    an_idle_primary_shows_no_time_lag(&cluster);
    the_check_passes_when_all_keep_up(&cluster);
    a_paused_standby_fails_the_check_and_shows_no_pace(&cluster);
}

fn standby<'a>(document: &'a Value, pod: &str) -> &'a Value {
    let standbys = document["standbys"].as_array().expect("standbys");
    let found = standbys.iter().find(|standby| standby["pod"] == full(pod));
    found.expect("the standby is listed")
}

fn an_idle_primary_shows_no_time_lag(cluster: &Sandboxed) {
    let (exit, document) = cluster.until("caught up", &["lag"], |_, document| {
        standby(document, REPLICA_0)["behind"]["bytes"] == 0
    });
    assert_eq!(exit, 0);
    assert_eq!(document["kind"], "LagReport");
    assert_eq!(document["reference"]["pod"], full(PRIMARY));
    let standby = standby(&document, REPLICA_0);
    assert_eq!(standby["behind"]["seconds"], 0.0);
    assert_eq!(standby["sender"]["state"], "streaming");
    assert_eq!(standby["slot"]["active"], true);
    assert_eq!(standby["slot"]["name"], slot(REPLICA_0));
    assert_eq!(standby["pace"]["catchUp"], "done");
}

fn the_check_passes_when_all_keep_up(cluster: &Sandboxed) {
    let (_, document) = cluster.until(
        "a passing check",
        &["lag", "--max-lag", "10s,16MB"],
        |exit, _| exit == 0,
    );
    assert_eq!(document["maxLag"], "10s,16MB");
    assert_eq!(standby(&document, REPLICA_0)["check"], "within");
}

fn a_paused_standby_fails_the_check_and_shows_no_pace(cluster: &Sandboxed) {
    cluster.sql(REPLICA_0, "select pg_wal_replay_pause()");
    cluster.sql(
        PRIMARY,
        "create table lagging as select generate_series(1, 20000)",
    );
    let arguments = ["lag", "--max-lag", "64kB"];
    let (exit, document) = cluster.until("a failing check", &arguments, |exit, document| {
        exit == 4 && standby(document, REPLICA_0)["pace"]["catchUp"] == "stalled"
    });
    assert_eq!(exit, 4);
    let paused = standby(&document, REPLICA_0);
    assert_eq!(paused["receiver"]["paused"], true);
    assert_eq!(paused["check"], "exceeded");
    // It has the WAL, but shows old data.
    assert!(paused["receiver"]["flushed"]["bytes"].as_u64() < paused["behind"]["bytes"].as_u64());
    let output = cluster.pgctl(&["lag", "--max-lag", "64kB", "-q"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.starts_with(&format!("pod/{}: behind by ", full(REPLICA_0))),
        "{text}"
    );
    cluster.sql(REPLICA_0, "select pg_wal_replay_resume()");
    cluster.until("caught up again", &arguments, |exit, _| exit == 0);
}

//! `pgctl lag` on a cluster that really replicates.

#[path = "support/blocking.rs"]
#[expect(dead_code, reason = "shared with tests/status.rs, each uses a part")]
mod blocking;
#[path = "support/test_cluster/mod.rs"]
mod test_cluster;

use blocking::{Blocking, on_cluster};
use serde_json::Value;
use test_cluster::{full, slot};

const PRIMARY: &str = "primary-0";
const REPLICA_0: &str = "replica-0";

#[test]
fn lag_shows_and_checks_how_far_each_standby_is_behind() {
    on_cluster(|cluster| {
        an_idle_primary_shows_no_time_lag(cluster);
        the_check_passes_when_all_keep_up(cluster);
        a_paused_standby_fails_the_check_and_shows_no_pace(cluster);
        an_idle_slot_is_told_with_what_it_holds_back(cluster);
    });
}

fn standby<'a>(document: &'a Value, pod: &str) -> &'a Value {
    let standbys = document["standbys"].as_array().expect("standbys");
    let found = standbys.iter().find(|standby| standby["pod"] == full(pod));
    found.expect("the standby is listed")
}

fn an_idle_primary_shows_no_time_lag(cluster: &Blocking) {
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

fn the_check_passes_when_all_keep_up(cluster: &Blocking) {
    let (_, document) = cluster.until(
        "a passing check",
        &["lag", "--max-lag", "10s,16MB"],
        |exit, _| exit == 0,
    );
    assert_eq!(document["maxLag"], "10s,16MB");
    assert_eq!(standby(&document, REPLICA_0)["check"], "within");
}

fn a_paused_standby_fails_the_check_and_shows_no_pace(cluster: &Blocking) {
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

/// `pgctl slots`, on the same cluster: a slot that nobody uses holds back what is written.
fn an_idle_slot_is_told_with_what_it_holds_back(cluster: &Blocking) {
    cluster.sql(
        PRIMARY,
        "select pg_create_physical_replication_slot('left_over', true)",
    );
    cluster.sql(
        PRIMARY,
        "create table held_back as select generate_series(1, 20000)",
    );
    let (exit, document) = cluster.until("it holds WAL back", &["slots"], |_, document| {
        slot_of(document, "left_over")["retainedBytes"].as_u64() > Some(0)
    });
    assert_eq!(exit, 0);
    assert_eq!(document["servers"][0]["pod"], full(PRIMARY));
    assert_eq!(document["servers"][0]["role"], "primary");
    let left_over = slot_of(&document, "left_over");
    assert_eq!(left_over["active"], false);
    assert_eq!(left_over["for"], Value::Null);
    assert_eq!(slot_of(&document, &slot(REPLICA_0))["for"], full(REPLICA_0));
    let screen = cluster.pgctl(&["slots"]).stdout;
    let screen = String::from_utf8_lossy(&screen);
    assert!(screen.contains("slots drop left_over"), "{screen}");
    cluster.sql(PRIMARY, "select pg_drop_replication_slot('left_over')");
}

fn slot_of<'a>(document: &'a Value, name: &str) -> &'a Value {
    let servers = document["servers"].as_array().expect("servers");
    let slots = servers[0]["slots"].as_array().expect("slots");
    let found = slots.iter().find(|slot| slot["name"] == name);
    found.unwrap_or(&Value::Null)
}

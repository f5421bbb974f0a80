//! `pgctl status` on a cluster that really replicates, and that really breaks.
//!
//! One sandbox serves all states that can be undone, one after the other; the last ones break it
//! for good.

#[path = "support/sandboxed.rs"]
mod sandboxed;

use std::io::Read as _;
use std::process::{Command, Stdio};

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Node, PersistentVolumeClaim, Pod, Service};
use pgctl_sandbox::cli::{FaultKind, Scope};
use pgctl_sandbox::store::{DeleteOptions, Selector};
use sandboxed::{Sandboxed, finding, finds};
use serde_json::Value;

const PRIMARY: &str = "sandbox-postgres-primary-0";
const REPLICA_0: &str = "sandbox-postgres-replica-0";
const REPLICA_1: &str = "sandbox-postgres-replica-1";
const HERE: Scope = Scope { namespace: None };

#[test]
fn status_tells_what_is_wrong_and_recovers() {
    let cluster = Sandboxed::start();
    no_scaling_by_load(&cluster);
    healthy(&cluster);
    screen_for_people(&cluster);
    every_cluster(&cluster);
    a_closed_pipe_is_no_error(&cluster);
    watching_prints_a_document_a_look(&cluster);
    paused_and_behind(&cluster);
    a_hanging_database_costs_its_row_only(&cluster);
    an_inactive_slot(&cluster);
    a_write_service_astray(&cluster);
    an_autoscaler_at_its_maximum(&cluster);
    a_full_disk(&cluster);
    no_primary(&cluster);
    fewer_replicas_than_wanted(&cluster);
    // From here on nothing is undone.
    a_pod_without_a_node(&cluster);
    a_standby_that_does_not_stream(&cluster);
    a_pod_that_restarts(&cluster);
    two_writable_primaries(&cluster);
    an_empty_volume_that_is_to_be_primary(&cluster);
}

#[track_caller]
fn told(cluster: &Sandboxed, code: &str, arguments: &[&str]) -> Value {
    let (exit, document) = cluster.until(code, arguments, |_, document| finds(document, code));
    assert_eq!(exit, 4, "{document:#}");
    assert_ne!(document["verdict"], "HEALTHY");
    document
}

#[track_caller]
fn healthy(cluster: &Sandboxed) {
    let (exit, document) = cluster.until("a healthy cluster", &["status"], |exit, _| exit == 0);
    assert_eq!(exit, 0);
    assert_eq!(document["verdict"], "HEALTHY");
    assert_eq!(document["summary"]["primary"], PRIMARY);
    assert_eq!(document["summary"]["standbysStreaming"], 2);
}

fn screen_for_people(cluster: &Sandboxed) {
    let output = cluster.pgctl(&["status"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.starts_with("HEALTHY sandbox/sandbox: PostgreSQL "),
        "{text}"
    );
    assert!(text.contains("2 of 2 standbys streaming"), "{text}");
    // No terminal, no colours.
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(output.stderr.is_empty());
}

fn every_cluster(cluster: &Sandboxed) {
    let (exit, document) = cluster.json(&["status", "-A"]);
    assert_eq!(exit, 0);
    assert_eq!(document["kind"], "ClusterList");
    assert_eq!(document["items"][0]["cluster"]["name"], "sandbox");
}

fn a_closed_pipe_is_no_error(cluster: &Sandboxed) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pgctl"))
        .args(["status", "-w", "--interval", "100ms", "--kubeconfig"])
        .arg(cluster.sandbox.kubeconfig())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("pgctl runs");
    let mut first = [0; 7];
    let mut stdout = child.stdout.take().expect("it is piped");
    stdout.read_exact(&mut first).expect("it prints");
    drop(stdout);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(&first, b"HEALTHY");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

fn watching_prints_a_document_a_look(cluster: &Sandboxed) {
    use std::io::{BufRead as _, BufReader};
    let mut child = Command::new(env!("CARGO_BIN_EXE_pgctl"))
        .args([
            "status",
            "-w",
            "-o",
            "json",
            "--interval",
            "100ms",
            "--kubeconfig",
        ])
        .arg(cluster.sandbox.kubeconfig())
        .stdout(Stdio::piped())
        .spawn()
        .expect("pgctl runs");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    for _ in 0..2 {
        let line = lines.next().expect("a line").expect("readable");
        let document: Value = serde_json::from_str(&line).expect("a document a line");
        assert_eq!(document["kind"], "ClusterStatus");
    }
    let interrupted = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupted.expect("kill runs").success());
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
}

fn paused_and_behind(cluster: &Sandboxed) {
    cluster.sql(REPLICA_0, "select pg_wal_replay_pause()");
    let document = told(cluster, "replay-paused", &["status"]);
    let found = finding(&document, "replay-paused").expect("it was found");
    assert_eq!(found["object"]["name"], REPLICA_0);
    cluster.sql(
        PRIMARY,
        "create table behind as select generate_series(1, 10000)",
    );
    told(cluster, "standby-behind", &["status", "--max-lag", "64kB"]);
    cluster.sql(REPLICA_0, "select pg_wal_replay_resume()");
    cluster.sql(PRIMARY, "drop table behind");
    healthy(cluster);
}

fn a_hanging_database_costs_its_row_only(cluster: &Sandboxed) {
    let freeze = FaultKind::Freeze {
        pod: REPLICA_1.to_owned(),
        scope: HERE,
    };
    cluster.sandbox.fault(&freeze).expect("it freezes");
    let document = told(cluster, "database-silent", &["status", "--timeout", "2s"]);
    let instances = document["instances"].as_array().expect("instances");
    let states: Vec<&Value> = instances
        .iter()
        .map(|instance| &instance["state"])
        .collect();
    assert_eq!(states, ["running", "streaming", "no answer"]);
    cluster
        .sandbox
        .fault(&FaultKind::Clear)
        .expect("it goes on");
    healthy(cluster);
}

fn an_inactive_slot(cluster: &Sandboxed) {
    cluster.sql(
        PRIMARY,
        "select pg_create_physical_replication_slot('left_over', true); create table held as select generate_series(1, 10000)",
    );
    let document = told(cluster, "inactive-slot", &["status"]);
    let found = finding(&document, "inactive-slot").expect("it was found");
    assert_eq!(found["object"]["name"], format!("{PRIMARY}/left_over"));
    let what = found["what"].as_str().expect("text");
    assert!(what.contains("iB of WAL back"), "{what}");
    cluster.sql(
        PRIMARY,
        "select pg_drop_replication_slot('left_over'); drop table held",
    );
    healthy(cluster);
}

fn select(cluster: &Sandboxed, label: &str, value: &str) -> Service {
    let store = cluster.sandbox.store();
    let name = "sandbox-postgres-write";
    let before: Service = store
        .read(cluster.sandbox.namespace(), name)
        .expect("the write Service");
    store
        .modify(
            cluster.sandbox.namespace(),
            name,
            |service: &mut Service| {
                let selector = service
                    .spec
                    .as_mut()
                    .and_then(|spec| spec.selector.as_mut());
                let selector = selector.expect("it has a selector");
                selector.remove("app.kubernetes.io/component");
                selector.insert(label.to_owned(), value.to_owned());
            },
        )
        .expect("it changes");
    before
}

fn a_write_service_astray(cluster: &Sandboxed) {
    let pod_name = "statefulset.kubernetes.io/pod-name";
    let before = select(cluster, pod_name, REPLICA_0);
    let document = told(cluster, "write-service-astray", &["status"]);
    assert_eq!(document["verdict"], "CRITICAL");
    select(cluster, pod_name, "nobody");
    let document = told(cluster, "write-service-empty", &["status"]);
    assert_eq!(document["verdict"], "CRITICAL");
    let selector = before.spec.and_then(|spec| spec.selector);
    cluster
        .sandbox
        .store()
        .modify(
            cluster.sandbox.namespace(),
            "sandbox-postgres-write",
            |service: &mut Service| {
                let spec = service.spec.as_mut().expect("it has a spec");
                spec.selector.clone_from(&selector);
            },
        )
        .expect("it changes back");
    healthy(cluster);
}

/// What the machine does besides must not scale the cluster: only the bounds do.
fn no_scaling_by_load(cluster: &Sandboxed) {
    let store = cluster.sandbox.store();
    let change = |autoscaler: &mut HorizontalPodAutoscaler| {
        let spec = autoscaler.spec.as_mut().expect("it has a spec");
        for metric in spec.metrics.iter_mut().flatten() {
            let resource = metric.resource.as_mut().expect("a resource metric");
            resource.target.average_utilization = Some(100_000);
        }
    };
    let name = "sandbox-postgres-replica-hpa";
    store
        .modify(cluster.sandbox.namespace(), name, change)
        .expect("it changes");
}

fn bounds(cluster: &Sandboxed, min: i32, max: i32) {
    let store = cluster.sandbox.store();
    let change = |autoscaler: &mut HorizontalPodAutoscaler| {
        let spec = autoscaler.spec.as_mut().expect("it has a spec");
        (spec.min_replicas, spec.max_replicas) = (Some(min), max);
    };
    store
        .modify(
            cluster.sandbox.namespace(),
            "sandbox-postgres-replica-hpa",
            change,
        )
        .expect("it changes");
}

fn an_autoscaler_at_its_maximum(cluster: &Sandboxed) {
    bounds(cluster, 1, 2);
    told(cluster, "autoscaler-at-maximum", &["status"]);
    bounds(cluster, 2, 5);
    healthy(cluster);
}

fn a_full_disk(cluster: &Sandboxed) {
    let fill = FaultKind::FillDisk {
        pod: PRIMARY.to_owned(),
        percent: 90,
        scope: HERE,
    };
    cluster.sandbox.fault(&fill).expect("it fills");
    let document = told(cluster, "disk-full", &["status"]);
    let found = finding(&document, "disk-full").expect("it was found");
    assert!(
        found["what"]
            .as_str()
            .is_some_and(|what| what.contains("90% full"))
    );
    let cleared = cluster.sandbox.fault(&FaultKind::Clear);
    cleared.expect("there is room again");
    healthy(cluster);
}

fn a_standby_that_does_not_stream(cluster: &Sandboxed) {
    // The start script sets it right when the pod is restarted.
    cluster.sql(
        REPLICA_1,
        "alter system set primary_conninfo = 'host=127.0.0.1 port=1 application_name=lost'",
    );
    cluster.sql(REPLICA_1, "select pg_reload_conf()");
    let document = told(cluster, "standby-not-streaming", &["status"]);
    let found = finding(&document, "standby-not-streaming").expect("it was found");
    assert_eq!(found["object"]["name"], REPLICA_1);
    let (_, lag) = cluster.json(&["lag", "--sample", "0"]);
    assert_eq!(lag["standbys"][1]["sender"], Value::Null);
}

fn no_primary(cluster: &Sandboxed) {
    let freeze = FaultKind::Freeze {
        pod: PRIMARY.to_owned(),
        scope: HERE,
    };
    cluster.sandbox.fault(&freeze).expect("it freezes");
    let document = told(cluster, "no-primary", &["status", "--timeout", "2s"]);
    assert_eq!(document["verdict"], "CRITICAL");
    assert_eq!(document["findings"][0]["code"], "no-primary");
    cluster
        .sandbox
        .fault(&FaultKind::Clear)
        .expect("it goes on");
    healthy(cluster);
}

fn fewer_replicas_than_wanted(cluster: &Sandboxed) {
    bounds(cluster, 3, 5);
    // It is told while the third clones, and not any more when it streams.
    told(cluster, "replicas-missing", &["status"]);
    cluster.until("three standbys", &["status"], |exit, document| {
        exit == 0 && document["summary"]["standbysStreaming"] == 3
    });
}

fn a_pod_without_a_node(cluster: &Sandboxed) {
    let store = cluster.sandbox.store();
    let nodes = store.read_all::<Node>(None, &Selector::everything());
    for node in nodes.expect("nodes").items {
        let cordon = |node: &mut Node| {
            let spec = node.spec.get_or_insert_default();
            spec.unschedulable = Some(true);
        };
        let name = node.metadata.name.expect("it has a name");
        store.modify("", &name, cordon).expect("it changes");
    }
    bounds(cluster, 4, 5);
    let document = told(cluster, "pod-unscheduled", &["status"]);
    let found = finding(&document, "pod-unscheduled").expect("it was found");
    assert_eq!(found["object"]["name"], "sandbox-postgres-replica-3");
}

fn a_pod_that_restarts(cluster: &Sandboxed) {
    let kill = FaultKind::Kill {
        pod: REPLICA_1.to_owned(),
        scope: HERE,
    };
    cluster.sandbox.fault(&kill).expect("it is killed");
    let document = told(cluster, "pod-restarting", &["status"]);
    let found = finding(&document, "pod-restarting").expect("it was found");
    assert_eq!(found["object"]["name"], REPLICA_1);
}

fn two_writable_primaries(cluster: &Sandboxed) {
    cluster.sql(REPLICA_0, "select pg_promote()");
    let document = told(cluster, "split-brain", &["status"]);
    assert_eq!(document["verdict"], "CRITICAL");
    assert_eq!(document["findings"][0]["code"], "split-brain");
}

/// The primary's volume is lost, and another pod is primary on a new timeline.
fn an_empty_volume_that_is_to_be_primary(cluster: &Sandboxed) {
    let store = cluster.sandbox.store();
    let namespace = cluster.sandbox.namespace();
    let claim = "data-sandbox-postgres-primary-0";
    let uncordon = |node: &mut Node| {
        node.spec.get_or_insert_default().unschedulable = None;
    };
    store
        .modify("", "sandbox-node-0", uncordon)
        .expect("it changes");
    let now = DeleteOptions::default();
    store
        .remove::<PersistentVolumeClaim>(namespace, claim, &now)
        .expect("the claim goes");
    store
        .remove::<Pod>(namespace, PRIMARY, &now)
        .expect("the pod goes");
    let document = told(cluster, "empty-primary-volume", &["status"]);
    let found = finding(&document, "empty-primary-volume").expect("it was found");
    assert_eq!(found["severity"], "critical");
    let document = told(cluster, "other-timeline", &["status"]);
    let found = finding(&document, "other-timeline").expect("it was found");
    assert_eq!(found["object"]["name"], REPLICA_1);
}

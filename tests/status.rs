//! `pgctl status` on a cluster that really replicates, and that really breaks.
//!
//! One cluster serves all states that any cluster can be in, one after the other, and a sandbox those
//! that need faults or can't be undone.

#[path = "support/blocking.rs"]
mod blocking;
#[path = "support/test_cluster/mod.rs"]
mod test_cluster;

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use blocking::{Blocking, finding, finds, on_cluster, on_sandbox};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{
    EmptyDirVolumeSource, Node, PersistentVolumeClaim, Pod, PodSpec, Service, Volume,
};
use kube::core::ObjectMeta;
use pgctl_sandbox::cli::{FaultKind, Scope};
use pgctl_sandbox::store::{DeleteOptions, Selector};

use serde_json::Value;
use test_cluster::{SandboxCluster, document, full};

const PRIMARY: &str = "primary-0";
const REPLICA_0: &str = "replica-0";
const REPLICA_1: &str = "replica-1";
const HERE: Scope = Scope { namespace: None };

#[test]
fn status_tells_what_is_wrong_and_recovers() {
    on_cluster(|cluster| {
        healthy(cluster);
        screen_for_people(cluster);
        every_cluster(cluster);
        a_closed_pipe_is_no_error(cluster);
        watching_prints_a_document_a_look(cluster);
        paused_and_behind(cluster);
        an_inactive_slot(cluster);
        a_write_service_astray(cluster);
        an_autoscaler_at_its_maximum(cluster);
        a_standby_of_another_system(cluster);
    });
}

#[test]
fn status_tells_of_faults_and_of_what_is_broken_for_good() {
    on_sandbox(|cluster, sandbox| {
        several_contexts_of_which_one_hangs(cluster);
        a_hanging_database_costs_its_row_only(cluster, sandbox);
        a_full_disk(cluster, sandbox);
        no_primary(cluster, sandbox);
        fewer_replicas_than_wanted(cluster);
        // From here on nothing is undone.
        a_pod_without_a_node(cluster);
        a_standby_that_does_not_stream(cluster);
        a_pod_that_restarts(cluster);
        two_writable_primaries(cluster);
        an_empty_volume_that_is_to_be_primary(cluster);
    });
}

#[track_caller]
fn told(cluster: &Blocking, code: &str, arguments: &[&str]) -> Value {
    let (exit, document) = cluster.until(code, arguments, |_, document| finds(document, code));
    assert_eq!(exit, 4, "{document:#}");
    assert_ne!(document["verdict"], "HEALTHY");
    document
}

#[track_caller]
fn healthy(cluster: &Blocking) {
    let (exit, document) = cluster.until("a healthy cluster", &["status"], |exit, _| exit == 0);
    assert_eq!(exit, 0);
    assert_eq!(document["verdict"], "HEALTHY");
    assert_eq!(document["summary"]["primary"], full(PRIMARY));
    assert_eq!(document["summary"]["standbysStreaming"], 2);
}

fn screen_for_people(cluster: &Blocking) {
    let output = cluster.pgctl(&["status"]);
    let text = String::from_utf8_lossy(&output.stdout);
    let begins = format!("HEALTHY {}/", cluster.cluster.namespace());
    assert!(text.starts_with(&begins), "{text}");
    assert!(text.contains(": PostgreSQL "), "{text}");
    assert!(text.contains("2 of 2 standbys streaming"), "{text}");
    // No terminal, no colours.
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(output.stderr.is_empty());
}

fn every_cluster(cluster: &Blocking) {
    let (exit, document) = cluster.json(&["status", "-A"]);
    assert_eq!(exit, 0);
    assert_eq!(document["kind"], "ClusterList");
    let (_, here) = cluster.json(&["status"]);
    let mut names = document["items"].as_array().into_iter().flatten();
    assert!(names.any(|item| item["cluster"] == here["cluster"]));
}

/// Two contexts in one kubeconfig: that of the sandbox, and one whose API server takes connections
/// and says nothing.
fn several_contexts_of_which_one_hangs(cluster: &Blocking) {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("it has one");
    let mut more = tempfile::NamedTempFile::new().expect("a file");
    write!(
        more,
        "apiVersion: v1\nkind: Config\n\
         clusters: [{{name: far, cluster: {{server: 'https://{address}', insecure-skip-tls-verify: true}}}}]\n\
         users: [{{name: me, user: {{token: t}}}}]\n\
         contexts: [{{name: far, context: {{cluster: far, user: me}}}}]\n"
    )
    .expect("it is written");
    let (variable, here) = cluster.cluster.environment();
    let both = std::env::join_paths([here.as_path(), more.path()]).expect("paths");
    let look = |arguments: &[&str]| {
        let mut command = cluster.command(&["status", "--timeout", "2s"]);
        let output = command.args(arguments).env(variable, &both).output();
        output.expect("pgctl runs")
    };
    let output = look(&["--contexts", "all", "-o", "json"]);
    assert_eq!(output.status.code(), Some(4), "one of two is not known");
    let document: Value = serde_json::from_slice(&output.stdout).expect("a document");
    assert_eq!(document["verdict"], "HEALTHY");
    assert_eq!(document["items"].as_array().map(Vec::len), Some(1));
    assert_ne!(document["items"][0]["context"], "far");
    assert_eq!(document["unreached"][0]["context"], "far");
    let output = look(&["--contexts", "all"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("NOT LOOKED AT: context far: "), "{text}");

    let output = look(&["--contexts", "far"]);
    assert_eq!(output.status.code(), Some(7));
    let output = look(&["--contexts", "near,far"]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("has no context \"near\""), "{text}");
    assert!(text.contains("it has: far, "), "{text}");
}

fn a_closed_pipe_is_no_error(cluster: &Blocking) {
    let mut child = cluster
        .command(&["status", "-w", "--interval", "100ms"])
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

fn watching_prints_a_document_a_look(cluster: &Blocking) {
    use std::io::{BufRead as _, BufReader};
    let mut child = cluster
        .command(&["status", "-w", "-o", "json", "--interval", "100ms"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("pgctl runs");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    for _ in 0..2 {
        let line = lines.next().expect("a line").expect("readable");
        let document = document(&line).expect("a document a line");
        assert_eq!(document["kind"], "ClusterStatus");
    }
    let interrupted = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupted.expect("kill runs").success());
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
}

fn paused_and_behind(cluster: &Blocking) {
    cluster.sql(REPLICA_0, "select pg_wal_replay_pause()");
    let document = told(cluster, "replay-paused", &["status"]);
    let found = finding(&document, "replay-paused").expect("it was found");
    assert_eq!(found["object"]["name"], full(REPLICA_0));
    cluster.sql(
        PRIMARY,
        "create table behind as select generate_series(1, 10000)",
    );
    told(cluster, "standby-behind", &["status", "--max-lag", "64kB"]);
    cluster.sql(REPLICA_0, "select pg_wal_replay_resume()");
    cluster.sql(PRIMARY, "drop table behind");
    healthy(cluster);
}

fn a_hanging_database_costs_its_row_only(cluster: &Blocking, sandbox: &SandboxCluster) {
    let freeze = FaultKind::Freeze {
        pod: full(REPLICA_1),
        scope: HERE,
    };
    cluster.fault(sandbox, &freeze);
    let states = |document: &Value| -> Vec<String> {
        let instances = document["instances"].as_array().into_iter().flatten();
        let state = |instance: &Value| instance["state"].as_str().unwrap_or_default().to_owned();
        instances.map(state).collect()
    };
    // On a busy machine another one may be silent for a look, too.
    let arguments = ["status", "--timeout", "2s"];
    let (exit, document) = cluster.until("a row that says so", &arguments, |_, document| {
        states(document) == ["running", "streaming", "no answer"]
    });
    assert_eq!(exit, 4, "{document:#}");
    assert!(finds(&document, "database-silent"), "{document:#}");
    cluster.fault(sandbox, &FaultKind::Clear);
    healthy(cluster);
}

fn an_inactive_slot(cluster: &Blocking) {
    cluster.sql(
        PRIMARY,
        "select pg_create_physical_replication_slot('left_over', true); create table held as select generate_series(1, 10000)",
    );
    let document = told(cluster, "inactive-slot", &["status"]);
    let found = finding(&document, "inactive-slot").expect("it was found");
    assert_eq!(
        found["object"]["name"],
        format!("{}/left_over", full(PRIMARY))
    );
    let what = found["what"].as_str().expect("text");
    assert!(what.contains("iB of WAL back"), "{what}");
    cluster.sql(
        PRIMARY,
        "select pg_drop_replication_slot('left_over'); drop table held",
    );
    healthy(cluster);
}

fn select(cluster: &Blocking, label: &str, value: &str) -> Service {
    let store = cluster.cluster.store();
    let name = &full("write");
    let before: Service = store
        .read(cluster.cluster.namespace(), name)
        .expect("the write Service");
    store
        .modify(
            cluster.cluster.namespace(),
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

fn a_write_service_astray(cluster: &Blocking) {
    let pod_name = "statefulset.kubernetes.io/pod-name";
    let before = select(cluster, pod_name, &full(REPLICA_0));
    let document = told(cluster, "write-service-astray", &["status"]);
    assert_eq!(document["verdict"], "CRITICAL");
    select(cluster, pod_name, "nobody");
    let document = told(cluster, "write-service-empty", &["status"]);
    assert_eq!(document["verdict"], "CRITICAL");
    let selector = before.spec.and_then(|spec| spec.selector);
    cluster
        .cluster
        .store()
        .modify(
            cluster.cluster.namespace(),
            &full("write"),
            |service: &mut Service| {
                let spec = service.spec.as_mut().expect("it has a spec");
                spec.selector.clone_from(&selector);
            },
        )
        .expect("it changes back");
    healthy(cluster);
}

fn bounds(cluster: &Blocking, min: i32, max: i32) {
    let store = cluster.cluster.store();
    let change = |autoscaler: &mut HorizontalPodAutoscaler| {
        let spec = autoscaler.spec.as_mut().expect("it has a spec");
        (spec.min_replicas, spec.max_replicas) = (Some(min), max);
    };
    store
        .modify(cluster.cluster.namespace(), &full("replica-hpa"), change)
        .expect("it changes");
}

fn an_autoscaler_at_its_maximum(cluster: &Blocking) {
    bounds(cluster, 1, 2);
    told(cluster, "autoscaler-at-maximum", &["status"]);
    bounds(cluster, 2, 5);
    healthy(cluster);
}

fn a_full_disk(cluster: &Blocking, sandbox: &SandboxCluster) {
    let fill = FaultKind::FillDisk {
        pod: full(PRIMARY),
        percent: 90,
        scope: HERE,
    };
    cluster.fault(sandbox, &fill);
    let document = told(cluster, "disk-full", &["status"]);
    let found = finding(&document, "disk-full").expect("it was found");
    assert!(
        found["what"]
            .as_str()
            .is_some_and(|what| what.contains("90% full"))
    );
    cluster.fault(sandbox, &FaultKind::Clear);
    healthy(cluster);
}

/// A pod with the labels of a standby, and with data of its own.
fn a_standby_of_another_system(cluster: &Blocking) {
    let stranger = cluster.wait(async { stranger(cluster) });
    let name = stranger.metadata.name.clone().expect("it has a name");
    let store = cluster.cluster.store();
    store.add(&stranger).expect("the pod is made");
    let document = told(cluster, "other-system", &["status"]);
    assert_eq!(document["verdict"], "CRITICAL");
    let found = finding(&document, "other-system").expect("it was found");
    assert_eq!(found["object"]["name"], name);
    let instances = document["instances"].as_array().expect("instances");
    let row = instances.iter().find(|it| it["pod"] == name);
    assert_eq!(row.expect("its row")["state"], "other system");
    store
        .remove::<Pod>(cluster.cluster.namespace(), &name, &DeleteOptions::now())
        .expect("the pod goes");
    healthy(cluster);
}

fn stranger(cluster: &Blocking) -> Result<Pod> {
    const START: &str = "printf %s \"$POSTGRES_PASSWORD\" >/tmp/password \
        && initdb -D \"$PGDATA\" -U \"$POSTGRES_USER\" --pwfile=/tmp/password -A scram-sha-256 --no-sync \
        && touch \"$PGDATA/standby.signal\" \
        && exec postgres -D \"$PGDATA\" -c listen_addresses=\"$PG_LISTEN_ADDRESSES\" \
            -c unix_socket_directories=/tmp -c hba_file=/etc/postgresql/pg_hba.conf";
    let namespace = cluster.cluster.namespace();
    let model: Pod = cluster.cluster.store().read(namespace, &full(REPLICA_0))?;
    let spec = model.spec.context("a pod without spec")?;
    let mut labels = model.metadata.labels.unwrap_or_default();
    labels.retain(|label, _| label.starts_with("app.kubernetes.io/"));
    let mut container = spec.containers.into_iter().next().context("a container")?;
    container.command = Some(["sh", "-c", START].map(str::to_owned).to_vec());
    (container.startup_probe, container.liveness_probe) = (None, None);
    container.readiness_probe = None;
    let mut volumes = spec.volumes.unwrap_or_default();
    for volume in volumes.iter_mut().filter(|volume| volume.name == "data") {
        *volume = Volume {
            name: "data".to_owned(),
            empty_dir: Some(EmptyDirVolumeSource::default()),
            ..Volume::default()
        };
    }
    Ok(Pod {
        metadata: ObjectMeta {
            name: Some(full("stranger-0")),
            namespace: Some(namespace.to_owned()),
            labels: Some(labels),
            ..ObjectMeta::default()
        },
        spec: Some(PodSpec {
            containers: vec![container],
            volumes: Some(volumes),
            security_context: spec.security_context,
            termination_grace_period_seconds: Some(0),
            automount_service_account_token: Some(false),
            ..PodSpec::default()
        }),
        status: None,
    })
}

fn a_standby_that_does_not_stream(cluster: &Blocking) {
    // It can't log in at its primary any more; a restart writes the file anew.
    cluster.sql(
        REPLICA_1,
        "copy (select '*:*:*:*:wrong') to '/var/run/postgresql/pgpass' (format text)",
    );
    let cut = format!(
        "select pg_terminate_backend(pid) from pg_stat_replication where application_name = '{}'",
        full(REPLICA_1)
    );
    cluster.sql(PRIMARY, &cut);
    let document = told(cluster, "standby-not-streaming", &["status"]);
    let found = finding(&document, "standby-not-streaming").expect("it was found");
    assert_eq!(found["object"]["name"], full(REPLICA_1));
    let (_, lag) = cluster.json(&["lag", "--sample", "0"]);
    assert_eq!(lag["standbys"][1]["sender"], Value::Null);
}

fn no_primary(cluster: &Blocking, sandbox: &SandboxCluster) {
    let freeze = FaultKind::Freeze {
        pod: full(PRIMARY),
        scope: HERE,
    };
    cluster.fault(sandbox, &freeze);
    let document = told(cluster, "no-primary", &["status", "--timeout", "2s"]);
    assert_eq!(document["verdict"], "CRITICAL");
    assert_eq!(document["findings"][0]["code"], "no-primary");
    cluster.fault(sandbox, &FaultKind::Clear);
    healthy(cluster);
}

fn fewer_replicas_than_wanted(cluster: &Blocking) {
    bounds(cluster, 3, 5);
    // It is told while the third clones, and not any more when it streams.
    told(cluster, "replicas-missing", &["status"]);
    cluster.until("three standbys", &["status"], |exit, document| {
        exit == 0 && document["summary"]["standbysStreaming"] == 3
    });
}

fn a_pod_without_a_node(cluster: &Blocking) {
    let store = cluster.cluster.store();
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
    assert_eq!(found["object"]["name"], full("replica-3"));
}

fn a_pod_that_restarts(cluster: &Blocking) {
    cluster.wait(cluster.cluster.kill(REPLICA_1));
    let document = told(cluster, "pod-restarting", &["status"]);
    let found = finding(&document, "pod-restarting").expect("it was found");
    assert_eq!(found["object"]["name"], full(REPLICA_1));
}

fn two_writable_primaries(cluster: &Blocking) {
    cluster.sql(REPLICA_0, "select pg_promote()");
    let document = told(cluster, "split-brain", &["status"]);
    assert_eq!(document["verdict"], "CRITICAL");
    assert_eq!(document["findings"][0]["code"], "split-brain");
}

/// The primary's volume is lost, and another pod is primary on a new timeline.
fn an_empty_volume_that_is_to_be_primary(cluster: &Blocking) {
    let store = cluster.cluster.store();
    let namespace = cluster.cluster.namespace();
    let claim = format!("data-{}", full(PRIMARY));
    let uncordon = |node: &mut Node| {
        node.spec.get_or_insert_default().unschedulable = None;
    };
    store
        .modify("", "sandbox-node-0", uncordon)
        .expect("it changes");
    let now = DeleteOptions::default();
    store
        .remove::<PersistentVolumeClaim>(namespace, &claim, &now)
        .expect("the claim goes");
    store
        .remove::<Pod>(namespace, &full(PRIMARY), &now)
        .expect("the pod goes");
    let document = told(cluster, "empty-primary-volume", &["status"]);
    let found = finding(&document, "empty-primary-volume").expect("it was found");
    assert_eq!(found["severity"], "critical");
    // Every standby that is left is on the old timeline; one that restarts does not say so before it answers again.
    let left = full(REPLICA_1);
    let (exit, _) = cluster.until(
        "a standby on the old timeline",
        &["status"],
        |_, document| {
            let findings = document["findings"].as_array().expect("findings");
            let is_it =
                |it: &Value| it["code"] == "other-timeline" && it["object"]["name"] == *left;
            findings.iter().any(is_it)
        },
    );
    assert_eq!(exit, 4);
}

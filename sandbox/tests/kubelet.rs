//! The kubelet: pods of the store run on this machine as on a real node.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Event, Node, Pod, Secret, Service};
use pgctl_sandbox::kubelet::{Kubelet, KubeletConfig};
use pgctl_sandbox::net::Slice;
use pgctl_sandbox::runtime::{
    ContainerRef, ExecRequest, Isolation, LogOptions, PodRuntime, RuntimeError,
};
use pgctl_sandbox::store::{DeleteOptions, EventKind, Selector, Store};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

const LIMIT: Duration = Duration::from_secs(120);
const NS: &str = "default";

struct Cluster {
    store: Store,
    kubelet: Arc<Kubelet>,
    dir: tempfile::TempDir,
    _slice: Slice,
}

impl Cluster {
    async fn new() -> Outcome<Self> {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut KubeletConfig)) -> Outcome<Self> {
        let dir = tempfile::tempdir()?;
        let slice = Slice::claim()?;
        let tools = Isolation::detect().await?;
        let mut config = KubeletConfig::new(dir.path().join("kubelet"), slice.network(), tools);
        config.backoff = Duration::from_millis(100);
        change(&mut config);
        let store = Store::new();
        let kubelet = Kubelet::start(&store, config)?;
        Ok(Self {
            store,
            kubelet,
            dir,
            _slice: slice,
        })
    }

    fn add<T: pgctl_sandbox::store::Stored>(&self, object: Value) -> Outcome {
        let mut object = object;
        if object.pointer("/metadata/namespace").is_none() {
            object["metadata"]["namespace"] = json!(NS);
        }
        self.store.add::<T>(&serde_json::from_value(object)?)?;
        Ok(())
    }

    /// Adds a pod of one container that runs a shell script.
    fn run(&self, name: &str, script: &str, spec: Value) -> Outcome {
        let mut pod = json!({
            "metadata": {"name": name, "labels": {"app": name}},
            "spec": {"containers": [{
                "name": "main", "image": "postgres:15", "command": ["sh", "-c", script],
            }]},
        });
        merge(&mut pod["spec"], spec);
        self.add::<Pod>(pod)
    }

    fn pod(&self, name: &str) -> Outcome<Value> {
        Ok(serde_json::to_value(self.store.read::<Pod>(NS, name)?)?)
    }

    async fn until(&self, name: &str, what: impl Fn(&Value) -> bool) -> Outcome<Value> {
        let mut changes = self.store.changes();
        let waited = tokio::time::timeout(LIMIT, async {
            loop {
                changes.borrow_and_update();
                if let Ok(pod) = self.pod(name)
                    && what(&pod)
                {
                    return pod;
                }
                if changes.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        })
        .await;
        match waited {
            Ok(pod) => Ok(pod),
            Err(_) => {
                Err(format!("{name} did not get there: {:#}", self.pod(name)?["status"]).into())
            }
        }
    }

    async fn until_gone(&self, name: &str) -> Outcome {
        let mut changes = self.store.changes();
        tokio::time::timeout(LIMIT, async {
            loop {
                changes.borrow_and_update();
                if self.pod(name).is_err() {
                    return;
                }
                drop(changes.changed().await);
            }
        })
        .await?;
        Ok(())
    }

    async fn sh(&self, pod: &str, script: &str) -> Outcome<(i32, String)> {
        let request = ExecRequest {
            command: ["sh", "-c", script].map(str::to_owned).to_vec(),
            stdout: true,
            ..ExecRequest::default()
        };
        let mut streams = self.kubelet.exec(target(pod), request).await?;
        let mut text = String::new();
        streams
            .stdout
            .take()
            .ok_or("no stdout")?
            .read_to_string(&mut text)
            .await?;
        Ok((streams.exit.await?, text))
    }

    /// Runs a script in the pod until it succeeds.
    async fn until_sh(&self, pod: &str, script: &str) -> Outcome<String> {
        tokio::time::timeout(LIMIT, async {
            loop {
                if let (0, text) = self.sh(pod, script).await? {
                    return Ok(text);
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await?
    }

    async fn log(&self, pod: &str, previous: bool) -> Outcome<String> {
        let options = LogOptions {
            previous,
            ..LogOptions::default()
        };
        let mut text = String::new();
        self.kubelet
            .logs(target(pod), options)
            .await?
            .read_to_string(&mut text)
            .await?;
        Ok(text)
    }

    fn reasons(&self) -> Outcome<Vec<String>> {
        let events = self
            .store
            .read_all::<Event>(Some(NS), &Selector::everything())?;
        Ok(events.items.into_iter().filter_map(|e| e.reason).collect())
    }

    fn delete(&self, name: &str) -> Outcome {
        self.store
            .remove::<Pod>(NS, name, &DeleteOptions::default())?;
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

fn knock(ip: &str) -> Result<(), std::io::ErrorKind> {
    let address = format!("{ip}:5432").parse().expect("an address");
    std::net::TcpStream::connect_timeout(&address, Duration::from_millis(300))
        .map(drop)
        .map_err(|error| error.kind())
}

/// The order at a pod's end: its container, its network, and only then what the API says of them.
#[tokio::test]
async fn the_address_of_a_pod_that_has_ended_is_silent_and_that_of_a_crashed_container_is_not()
-> Outcome {
    use std::io::ErrorKind::{ConnectionRefused, TimedOut};
    let cluster = Cluster::new().await?;
    let ports = json!({"containers": [{"ports": [{"containerPort": 5432}]}]});
    cluster.run("a", "sleep 1000", ports)?;
    let running = |pod: &Value| {
        pod.pointer("/status/containerStatuses/0/state/running")
            .is_some()
    };
    let pod = cluster.until("a", running).await?;
    let ip = pod["status"]["podIP"]
        .as_str()
        .ok_or("no address")?
        .to_owned();
    assert_eq!(knock(&ip), Err(ConnectionRefused));

    cluster.kubelet.kill_pod(NS, "a")?;
    let again = |pod: &Value| pod["status"]["containerStatuses"][0]["restartCount"] == 1;
    cluster.until("a", again).await?;
    assert_eq!(
        knock(&ip),
        Err(ConnectionRefused),
        "a crash leaves the network"
    );

    cluster.store.modify::<Pod>(NS, "a", |pod| {
        pod.metadata.finalizers = Some(vec!["example.org/kept".to_owned()]);
    })?;
    cluster.store.remove::<Pod>(
        NS,
        "a",
        &DeleteOptions {
            grace_seconds: Some(1),
            ..DeleteOptions::default()
        },
    )?;
    let ended = |pod: &Value| {
        pod.pointer("/status/containerStatuses/0/state/terminated")
            .is_some()
    };
    let pod = cluster.until("a", ended).await?;
    assert_eq!(knock(&ip), Err(TimedOut));
    // It will never run again, whatever its restart policy says.
    assert_eq!(pod["status"]["phase"], "Failed");
    cluster
        .store
        .modify::<Pod>(NS, "a", |pod| pod.metadata.finalizers = None)?;
    cluster.until_gone("a").await?;
    assert_eq!(knock(&ip), Err(TimedOut));
    Ok(())
}

fn target(pod: &str) -> ContainerRef {
    ContainerRef {
        namespace: NS.to_owned(),
        pod: pod.to_owned(),
        container: None,
    }
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(from)) if !into.is_empty() => {
            for (index, value) in from.into_iter().enumerate() {
                match into.get_mut(index) {
                    Some(old) => merge(old, value),
                    None => into.push(value),
                }
            }
        }
        (into, from) => *into = from,
    }
}

fn state<'a>(pod: &'a Value, kind: &str) -> &'a Value {
    &pod["status"]["containerStatuses"][0]["state"][kind]
}

fn is_running(pod: &Value) -> bool {
    state(pod, "running").is_object()
}

fn condition(pod: &Value, kind: &str) -> String {
    let conditions = pod["status"]["conditions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let found = conditions.iter().find(|c| c["type"] == kind);
    found
        .and_then(|c| c["status"].as_str())
        .unwrap_or_default()
        .to_owned()
}

/// A shell as PID 1 ignores SIGTERM until its trap is set, and the file says that it is.
const TRAPPED: &str = "test -e /tmp/trapped";
const SLEEP: &str = "trap 'exit 0' TERM; touch /tmp/trapped; while :; do sleep 0.02; done";

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_is_scheduled_runs_and_becomes_ready() -> Outcome {
    let c = Cluster::new().await?;
    c.run("web", SLEEP, json!({}))?;
    let pod = c.until("web", |p| condition(p, "Ready") == "True").await?;
    assert_eq!(pod["status"]["phase"], "Running");
    assert_eq!(pod["spec"]["nodeName"], "sandbox-node-0");
    for kind in ["PodScheduled", "Initialized", "ContainersReady"] {
        assert_eq!(condition(&pod, kind), "True", "{kind}");
    }
    let ip = pod["status"]["podIP"].as_str().unwrap_or_default();
    assert!(
        c.sh("web", "cat /etc/hosts")
            .await?
            .1
            .contains(&format!("{ip}\tweb"))
    );
    let reasons = c.reasons()?;
    for reason in ["Scheduled", "Pulled", "Created", "Started"] {
        assert!(
            reasons.iter().any(|r| r == reason),
            "{reason} in {reasons:?}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_termination_message_is_seen_before_the_object_goes() -> Outcome {
    let c = Cluster::new().await?;
    let script = "trap 'echo stopped > /dev/termination-log; exit 3' TERM; touch /tmp/trapped; while :; do sleep 0.02; done";
    c.run("db", script, json!({}))?;
    c.until("db", is_running).await?;
    c.until_sh("db", TRAPPED).await?;
    let mut watch = c.store.follow::<Pod>(Some(NS), c.store.revision())?;
    c.delete("db")?;
    let mut seen = None;
    'watching: loop {
        for (kind, pod) in tokio::time::timeout(LIMIT, watch.next()).await?? {
            if kind == EventKind::Deleted {
                break 'watching;
            }
            let pod = serde_json::to_value(pod)?;
            if state(&pod, "terminated").is_object() {
                seen = Some(state(&pod, "terminated").clone());
            }
        }
    }
    let seen = seen.ok_or("the pod went without a word")?;
    assert_eq!(seen["exitCode"], 3);
    assert_eq!(seen["message"], "stopped\n");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_ignores_sigterm_is_killed_after_the_grace_period() -> Outcome {
    let c = Cluster::new().await?;
    let spec = json!({"terminationGracePeriodSeconds": 1, "containers": [{"lifecycle": {"preStop": {"exec": {"command": ["touch", "/keep/hook"]}}}, "volumeMounts": [{"name": "keep", "mountPath": "/keep"}]}],
        "volumes": [{"name": "keep", "emptyDir": {}}]});
    c.run(
        "deaf",
        "trap '' TERM; while :; do if [ -e /keep/hook ]; then echo hooked; fi; sleep 0.02; done",
        spec,
    )?;
    c.until("deaf", is_running).await?;
    let mut watch = c.store.follow::<Pod>(Some(NS), c.store.revision())?;
    c.delete("deaf")?;
    let mut codes = Vec::new();
    'watching: loop {
        for (kind, pod) in tokio::time::timeout(LIMIT, watch.next()).await?? {
            let pod = serde_json::to_value(pod)?;
            codes.extend(state(&pod, "terminated")["exitCode"].as_i64());
            if kind == EventKind::Deleted {
                break 'watching;
            }
        }
    }
    assert_eq!(codes.first(), Some(&137));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_crashes_is_restarted_with_back_off() -> Outcome {
    let c = Cluster::new().await?;
    c.run("crash", "echo run; exit 5", json!({}))?;
    let waits = |p: &Value| state(p, "waiting")["reason"] == "CrashLoopBackOff";
    let pod = c
        .until("crash", |p| {
            waits(p) && p["status"]["containerStatuses"][0]["restartCount"] == 2
        })
        .await?;
    assert_eq!(pod["status"]["phase"], "Running");
    assert_eq!(
        pod["status"]["containerStatuses"][0]["lastState"]["terminated"]["exitCode"],
        5
    );
    assert_eq!(c.log("crash", true).await?, "run\n");
    assert!(c.reasons()?.iter().any(|r| r == "BackOff"));
    c.delete("crash")?;
    c.until_gone("crash").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_is_done_shows_its_phase() -> Outcome {
    let c = Cluster::new().await?;
    c.run("good", "exit 0", json!({"restartPolicy": "Never"}))?;
    c.run("bad", "echo why >&2; exit 1", json!({"restartPolicy": "Never", "containers": [{"terminationMessagePolicy": "FallbackToLogsOnError"}]}))?;
    c.until("good", |p| p["status"]["phase"] == "Succeeded")
        .await?;
    let bad = c.until("bad", |p| p["status"]["phase"] == "Failed").await?;
    assert_eq!(state(&bad, "terminated")["message"], "why\n");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn environment_and_volumes_come_from_objects_and_fields() -> Outcome {
    let c = Cluster::new().await?;
    c.add::<ConfigMap>(
        json!({"metadata": {"name": "config"}, "data": {"file": "one", "color": "red"}}),
    )?;
    c.add::<Secret>(json!({"metadata": {"name": "secret"}, "data": {"password": "aHVudGVyMg=="}}))?;
    let spec = json!({
        "containers": [{
            "env": [
                {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                {"name": "APP", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
                {"name": "PW", "valueFrom": {"secretKeyRef": {"name": "secret", "key": "password"}}},
                {"name": "NONE", "valueFrom": {"secretKeyRef": {"name": "secret", "key": "none", "optional": true}}},
                {"name": "ALL", "value": "$(POD)/$(APP)/$(PW)"},
            ],
            "envFrom": [{"configMapRef": {"name": "config"}, "prefix": "C_"}],
            "volumeMounts": [
                {"name": "config", "mountPath": "/etc/app"},
                {"name": "late", "mountPath": "/etc/late"},
                {"name": "info", "mountPath": "/etc/info"},
            ],
        }],
        "volumes": [
            {"name": "config", "configMap": {"name": "config"}},
            {"name": "late", "configMap": {"name": "late", "optional": true}},
            {"name": "info", "downwardAPI": {"items": [{"path": "who", "fieldRef": {"fieldPath": "metadata.name"}}]}},
        ],
    });
    c.run("env", SLEEP, spec)?;
    c.until("env", is_running).await?;
    let (_, seen) = c.sh("env", "echo $ALL $C_color ${NONE-unset} $(cat /etc/app/file /etc/info/who); echo $IP; ls /etc/late").await?;
    let pod = c.pod("env")?;
    let ip = pod["status"]["podIP"].as_str().unwrap_or_default();
    assert_eq!(seen, format!("env/env/hunter2 red unset oneenv\n{ip}\n"));

    // A change reaches the volume at once when the pod's own object changes, too.
    c.add::<ConfigMap>(json!({"metadata": {"name": "late"}, "data": {"primary": "other"}}))?;
    c.store.modify::<Pod>(NS, "env", |pod| {
        let annotations = pod.metadata.annotations.get_or_insert_default();
        annotations.insert("pgctl.io/term".to_owned(), "1".to_owned());
    })?;
    assert_eq!(c.until_sh("env", "cat /etc/late/primary").await?, "other");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_a_config_map_alone_waits_for_the_sync() -> Outcome {
    const PERIOD: Duration = Duration::from_millis(1500);
    let begun = std::time::Instant::now();
    let c = Cluster::with(|config| config.sync_period = PERIOD).await?;
    c.add::<ConfigMap>(json!({"metadata": {"name": "config"}, "data": {"file": "one"}}))?;
    let spec = json!({"containers": [{"volumeMounts": [{"name": "config", "mountPath": "/etc/app"}]}],
        "volumes": [{"name": "config", "configMap": {"name": "config"}}]});
    c.run("pod", SLEEP, spec)?;
    c.until("pod", is_running).await?;
    c.store.modify::<ConfigMap>(NS, "config", |map| {
        map.data
            .get_or_insert_default()
            .insert("file".to_owned(), "two".to_owned());
    })?;
    let at_once = c.sh("pod", "cat /etc/app/file").await?.1;
    assert!(at_once == "one" || begun.elapsed() > PERIOD, "{at_once}");
    c.until_sh("pod", "grep two /etc/app/file").await?;
    Ok(())
}

/// Somebody keeps its object, to read how it ended.
#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_is_deleted_while_its_container_waits_to_start_again_has_ended_as_that_did_last()
-> Outcome {
    // The first restart has no delay. After it the pod waits for longer than anybody takes to delete it.
    let c = Cluster::with(|config| config.backoff = config.max_backoff).await?;
    c.run("crash", "exit 5", json!({}))?;
    c.until("crash", |p| {
        state(p, "waiting")["reason"] == "CrashLoopBackOff"
    })
    .await?;
    c.store.modify::<Pod>(NS, "crash", |pod| {
        pod.metadata.finalizers = Some(vec!["example.org/kept".to_owned()]);
    })?;
    c.delete("crash")?;
    let pod = c
        .until("crash", |p| p["status"]["phase"] == "Failed")
        .await?;
    assert_eq!(state(&pod, "terminated")["exitCode"], 5);
    let restarts = pod["status"]["containerStatuses"][0]["restartCount"].as_u64();
    assert!(restarts > Some(0), "{restarts:?}");
    c.store
        .modify::<Pod>(NS, "crash", |pod| pod.metadata.finalizers = None)?;
    c.until_gone("crash").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_whose_volumes_are_late_sees_a_change_when_that_is_mended() -> Outcome {
    let c = Cluster::new().await?;
    c.add::<ConfigMap>(json!({"metadata": {"name": "config"}, "data": {"file": "one"}}))?;
    let spec = json!({"containers": [{"volumeMounts": [{"name": "config", "mountPath": "/etc/app"}]}],
        "volumes": [{"name": "config", "configMap": {"name": "config"}}]});
    c.run("pod", SLEEP, spec)?;
    c.until("pod", is_running).await?;
    c.kubelet.keep_volumes(NS, "pod")?;
    c.store.modify::<ConfigMap>(NS, "config", |map| {
        map.data
            .get_or_insert_default()
            .insert("file".to_owned(), "two".to_owned());
    })?;
    // What brings it at once otherwise; and a container that is started again finds what the pod has.
    c.store.modify::<Pod>(NS, "pod", |pod| {
        let annotations = pod.metadata.annotations.get_or_insert_default();
        annotations.insert("pgctl.io/term".to_owned(), "1".to_owned());
    })?;
    c.kubelet.kill_pod(NS, "pod")?;
    c.until("pod", |p| {
        p["status"]["containerStatuses"][0]["restartCount"] == 1 && is_running(p)
    })
    .await?;
    assert_eq!(c.sh("pod", "cat /etc/app/file").await?.1, "one");
    c.kubelet.mend()?;
    assert_eq!(c.sh("pod", "cat /etc/app/file").await?.1, "two");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_named_and_waited_for() -> Outcome {
    let c = Cluster::new().await?;
    let env =
        json!([{"name": "PW", "valueFrom": {"secretKeyRef": {"name": "later", "key": "pw"}}}]);
    c.run("needs-secret", SLEEP, json!({"containers": [{"env": env}]}))?;
    let pod = c
        .until("needs-secret", |p| {
            state(p, "waiting")["reason"] == "CreateContainerConfigError"
        })
        .await?;
    assert_eq!(
        state(&pod, "waiting")["message"],
        "secret \"later\" not found"
    );
    c.add::<Secret>(json!({"metadata": {"name": "later"}, "stringData": {"pw": "x"}}))?;
    c.until("needs-secret", is_running).await?;

    c.run(
        "needs-image",
        SLEEP,
        json!({"containers": [{"image": "nginx:1"}]}),
    )?;
    c.until("needs-image", |p| {
        state(p, "waiting")["reason"] == "ImagePullBackOff"
    })
    .await?;
    c.run(
        "needs-claim",
        SLEEP,
        json!({"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "none"}}]}),
    )?;
    let pod = c
        .until("needs-claim", |p| condition(p, "PodScheduled") == "False")
        .await?;
    assert_eq!(
        pod["status"]["conditions"][0]["message"],
        "persistentvolumeclaim \"none\" not found"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn init_containers_come_first_and_one_after_the_other() -> Outcome {
    let c = Cluster::new().await?;
    let mount = json!([{"name": "work", "mountPath": "/work"}]);
    let init = |name: &str, script: &str| json!({"name": name, "image": "postgres:15", "command": ["sh", "-c", script], "volumeMounts": mount});
    let spec = json!({
        "initContainers": [
            init("first", "if [ -e /work/tried ]; then echo 1 >> /work/order; else touch /work/tried; exit 1; fi"),
            init("second", "echo 2 >> /work/order"),
        ],
        "containers": [{"volumeMounts": mount}],
        "volumes": [{"name": "work", "emptyDir": {}}],
    });
    c.run("init", SLEEP, spec)?;
    let pod = c.until("init", is_running).await?;
    assert_eq!(c.sh("init", "cat /work/order").await?.1, "1\n2\n");
    assert_eq!(pod["status"]["initContainerStatuses"][0]["restartCount"], 1);
    assert_eq!(condition(&pod, "Initialized"), "True");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_decide_about_ready_and_restart() -> Outcome {
    let c = Cluster::new().await?;
    let probe = |file: &str, failures| json!({"exec": {"command": ["test", "-e", file]}, "periodSeconds": 1, "failureThreshold": failures});
    let spec = json!({"containers": [{
        "startupProbe": probe("/tmp/up", 30), "readinessProbe": probe("/tmp/ready", 1), "livenessProbe": probe("/tmp/up", 1),
    }]});
    c.run("probed", SLEEP, spec)?;
    let pod = c.until("probed", is_running).await?;
    assert_eq!(pod["status"]["containerStatuses"][0]["started"], false);
    c.sh("probed", "touch /tmp/up").await?;
    let pod = c
        .until("probed", |p| {
            p["status"]["containerStatuses"][0]["started"] == true
        })
        .await?;
    assert_eq!(condition(&pod, "Ready"), "False");
    c.sh("probed", "touch /tmp/ready").await?;
    c.until("probed", |p| condition(p, "Ready") == "True")
        .await?;
    c.sh("probed", "rm /tmp/ready").await?;
    c.until("probed", |p| condition(p, "Ready") == "False")
        .await?;
    c.sh("probed", "rm /tmp/up").await?;
    c.until("probed", |p| {
        p["status"]["containerStatuses"][0]["restartCount"] == 1
    })
    .await?;
    assert!(c.reasons()?.iter().any(|r| r == "Unhealthy"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_services_and_pods_lead_to_their_addresses() -> Outcome {
    let c = Cluster::new().await?;
    c.add::<Service>(json!({"metadata": {"name": "peers"}, "spec": {"clusterIP": "None", "publishNotReadyAddresses": true, "selector": {"app": "a"}}}))?;
    c.add::<Service>(json!({"metadata": {"name": "write"}, "spec": {"clusterIP": "127.9.9.9"}}))?;
    c.run("b", SLEEP, json!({}))?;
    c.until("b", is_running).await?;
    let never = json!({"exec": {"command": ["false"]}});
    c.run(
        "a",
        SLEEP,
        json!({"hostname": "a", "subdomain": "peers", "containers": [{"readinessProbe": never}]}),
    )?;
    let pod = c.until("a", is_running).await?;
    let ip = pod["status"]["podIP"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    for name in [
        "a.peers",
        "a.peers.default.svc.cluster.local",
        "peers",
        "peers.default.svc",
    ] {
        let found = c.until_sh("b", &format!("getent hosts {name}")).await?;
        assert!(found.starts_with(&ip), "{name}: {found}");
    }
    assert!(
        c.until_sh("b", "getent hosts write.default")
            .await?
            .starts_with("127.9.9.9")
    );
    c.delete("a")?;
    c.until_gone("a").await?;
    c.until_sh("b", "! getent hosts a.peers").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_on_a_lost_node_cannot_be_ended() -> Outcome {
    let c = Cluster::new().await?;
    let volumes = json!({"containers": [{"volumeMounts": [{"name": "d", "mountPath": "/d"}]}], "volumes": [{"name": "d", "emptyDir": {}}]});
    c.run(
        "lost",
        "trap 'exit 0' TERM; while :; do echo >> /d/beat; sleep 0.02; done",
        volumes,
    )?;
    let pod = c.until("lost", |p| condition(p, "Ready") == "True").await?;
    let uid = pod["metadata"]["uid"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let beat = c.path("kubelet/pods").join(uid).join("volumes/d/beat");
    c.until_sh("lost", "test -s /d/beat").await?;
    c.kubelet.cut_node("sandbox-node-0")?;
    c.until("lost", |p| condition(p, "Ready") == "False")
        .await?;
    let node: Node = c.store.read("", "sandbox-node-0")?;
    let ready = node.status.and_then(|s| s.conditions).unwrap_or_default();
    assert!(
        ready
            .iter()
            .any(|c| c.type_ == "Ready" && c.status == "Unknown")
    );
    assert!(
        matches!(c.sh("lost", "true").await, Err(e) if e.downcast_ref::<RuntimeError>().is_some_and(|e| matches!(e, RuntimeError::NodeDown { .. })))
    );

    c.delete("lost")?;
    let before = std::fs::metadata(&beat)?.len();
    while std::fs::metadata(&beat)?.len() < before + 20 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(c.pod("lost")?["metadata"]["deletionTimestamp"].is_string());
    c.run("new", SLEEP, json!({}))?;
    let new = c.until("new", is_running).await?;
    assert_ne!(new["spec"]["nodeName"], "sandbox-node-0");

    c.kubelet.restore_node("sandbox-node-0")?;
    c.until_gone("lost").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_pod_starts_again_and_a_frozen_one_goes_on() -> Outcome {
    let c = Cluster::new().await?;
    c.run("pod", SLEEP, json!({}))?;
    c.until("pod", is_running).await?;
    c.kubelet.kill_pod(NS, "pod")?;
    let pod = c
        .until("pod", |p| {
            p["status"]["containerStatuses"][0]["restartCount"] == 1 && is_running(p)
        })
        .await?;
    assert_eq!(
        pod["status"]["containerStatuses"][0]["lastState"]["terminated"]["exitCode"],
        137
    );
    c.until_sh("pod", TRAPPED).await?;
    c.kubelet.freeze_pod(NS, "pod")?;
    c.delete("pod")?;
    c.kubelet.unfreeze_pod(NS, "pod")?;
    c.until_gone("pod").await
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_keep_apart_when_they_ask_for_it() -> Outcome {
    let c = Cluster::new().await?;
    let apart = json!({"affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": {
        "topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}}}]}}});
    let mut nodes = std::collections::BTreeSet::new();
    for name in ["p0", "p1", "p2"] {
        c.run(name, SLEEP, apart.clone())?;
        let pod = c.until(name, is_running).await?;
        nodes.insert(pod["spec"]["nodeName"].to_string());
    }
    assert_eq!(nodes.len(), 3);
    Ok(())
}

//! `-A` over many clusters. They are objects only: what is asked of the API is the promise.

use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, PersistentVolumeClaim, Pod, Service};
use pgctl_sandbox::api::{Effect, Fault};
use pgctl_sandbox::{Options, Sandbox};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// More pods than fit on one page of 500.
const CLUSTERS: usize = 200;

/// More than anything is asked for: what is left of it tells how often it was.
const PLENTY: u64 = 1000;

/// Nothing takes so long, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(240);

/// Of 400 StatefulSets, 600 pods and claims, 400 Services, 200 ConfigMaps (a hundred to a page); and no password
/// is read for what does not run.
const LISTED: [(&str, u64); 8] = [
    ("statefulsets", 1),
    ("pods", 2),
    ("services", 1),
    ("persistentvolumeclaims", 2),
    ("configmaps", 2),
    ("poddisruptionbudgets", 0),
    ("networkpolicies", 0),
    ("secrets", 0),
];

/// What pgctl has made itself is a list of its own of each kind, which no label of a cluster leads to: journals, and the
/// pods and claims of throw-away servers.
fn and_own(mut listed: [(&str, u64); 8]) -> [(&str, u64); 8] {
    for (kind, lists) in &mut listed {
        *lists += u64::from(["pods", "persistentvolumeclaims", "configmaps"].contains(kind));
    }
    listed
}

#[test]
fn many_clusters_cost_as_many_lists_as_their_objects_have_pages() -> Result<()> {
    let sandbox = Sandbox::start(&Options {
        api_only: true,
        ..Options::default()
    })?;
    for number in 0..CLUSTERS {
        add(&sandbox, number)?;
    }
    let store = tempfile::tempdir()?;
    let store = store.path().to_string_lossy().into_owned();

    // Nothing runs, so nobody answers.
    let status = ["status", "-A", "-o", "json"];
    let (exit, document) = looks(&sandbox, &status, and_own(LISTED))?;
    assert_eq!(exit, Some(7));
    ensure!(items(&document)? == CLUSTERS);

    let arguments = ["backup", "list", "-A", "-o", "json", "--store", &store];
    // It does not matter to a backup whether an operation has ended.
    let (exit, document) = looks(&sandbox, &arguments, LISTED)?;
    assert_eq!(exit, Some(4), "none has a backup");
    ensure!(items(&document)? == CLUSTERS);

    // The objects are looked at twice: a snapshot does not keep them.
    let mut listed = and_own(LISTED.map(|(kind, pages)| (kind, pages * 2)));
    (listed[5].1, listed[6].1) = (1, 1);
    let (exit, document) = looks(&sandbox, &["doctor", "-A", "-o", "json"], listed)?;
    assert_eq!(exit, Some(7));
    ensure!(items(&document)? == CLUSTERS);
    assert_eq!(document["worst"], "critical");

    // Nobody runs, so no password is read.
    let (exit, document) = looks(&sandbox, &["query", "-A", "select 1", "-o", "json"], LISTED)?;
    assert_eq!(exit, Some(7));
    ensure!(items(&document)? == CLUSTERS);

    let metrics = runs(&sandbox, &["metrics", "-A"], and_own(LISTED))?;
    assert_eq!(metrics.status.code(), Some(7));
    let text = String::from_utf8(metrics.stdout)?;
    let verdicts = text.lines().filter(|it| it.starts_with("pgctl_verdict{"));
    assert_eq!(verdicts.count(), 3 * CLUSTERS);
    Ok(())
}

/// Two looks in turn would take twice as long where the API is slow.
#[test]
fn throw_away_servers_are_looked_for_while_the_clusters_are() -> Result<()> {
    let sandbox = Sandbox::start(&Options {
        api_only: true,
        ..Options::default()
    })?;
    add(&sandbox, 0)?;
    for command in ["status", "doctor", "metrics"] {
        for place in [&["-n", "team-0"][..], &["-A"]] {
            asks_for_both_at_once(&sandbox, &[&[command][..], place].concat())?;
        }
    }
    asks_for_both_at_once(&sandbox, &["report", "-n", "team-0"])
}

/// That pgctl asks for the pods and claims of throw-away servers although nobody answers with those of the cluster.
fn asks_for_both_at_once(sandbox: &Sandbox, arguments: &[&str]) -> Result<()> {
    let faults = sandbox.server()?.faults();
    let silent = ["pods", "persistentvolumeclaims"].map(|resource| {
        let silence = Fault::new(Effect::Delay { millis: 600_000 });
        faults.add(silence.verb("list").resource(resource).times(PLENTY))
    });
    let mut child = pgctl(sandbox, arguments)
        .args(["--timeout", "300s"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let asked = comes_true(&mut child, || {
        let left = faults.list();
        let left = silent.map(|fault| left.get(&fault).and_then(|it| it.count));
        left.iter().all(|it| *it <= Some(PLENTY - 2))
    });
    child.kill()?;
    child.wait()?;
    for fault in silent {
        faults.remove(fault);
    }
    ensure!(asked?, "{arguments:?} asks for one after the other");
    Ok(())
}

/// Whether it comes true while the program runs.
fn comes_true(child: &mut Child, is_so: impl Fn() -> bool) -> Result<bool> {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        if Instant::now() > end || child.try_wait()?.is_some() {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(true)
}

fn items(document: &Value) -> Result<usize> {
    Ok(document["items"].as_array().context("a list")?.len())
}

fn looks(
    sandbox: &Sandbox,
    arguments: &[&str],
    listed: [(&str, u64); 8],
) -> Result<(Option<i32>, Value)> {
    let output = runs(sandbox, arguments, listed)?;
    let document = serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    Ok((output.status.code(), document))
}

/// Runs pgctl, and counts how often it asks for a list of each kind.
fn runs(sandbox: &Sandbox, arguments: &[&str], listed: [(&str, u64); 8]) -> Result<Output> {
    let faults = sandbox.server()?.faults();
    let counters = listed.map(|(resource, _)| {
        let nothing = Effect::Delay { millis: 0 };
        let fault = Fault::new(nothing).verb("list").resource(resource);
        faults.add(fault.times(PLENTY))
    });
    let output = pgctl(sandbox, arguments).output()?;
    let left = faults.list();
    let asked = counters.map(|counter| {
        let left = left.get(&counter).and_then(|fault| fault.count);
        PLENTY - left.unwrap_or(0)
    });
    for counter in counters {
        faults.remove(counter);
    }
    assert_eq!(asked, listed.map(|(_, pages)| pages), "{arguments:?}");
    Ok(output)
}

fn pgctl(sandbox: &Sandbox, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgctl"));
    command
        .args(arguments)
        .env("KUBECONFIG", sandbox.kubeconfig())
        .env("PGCTL_CONFIG", "");
    command
}

/// A cluster of a primary and two standbys in a namespace of its own, as stored objects.
fn add(sandbox: &Sandbox, number: usize) -> Result<()> {
    let namespace = format!("team-{number}");
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
    sandbox.store().add(&typed::<Namespace>(object)?)?;
    let metadata = |name: &str, component: &str| {
        json!({"name": name, "namespace": namespace, "labels": {
            "app.kubernetes.io/name": "postgres", "app.kubernetes.io/instance": "shop",
            "app.kubernetes.io/component": component}})
    };
    let containers = json!([{"name": "postgres", "image": "postgres:17"}]);
    for (component, pods) in [("primary", 1), ("replica", 2)] {
        let name = format!("shop-postgres-{component}");
        let set = json!({"metadata": metadata(&name, component), "spec": {
            "serviceName": name, "replicas": pods, "selector": {"matchLabels": {"component": component}},
            "template": {"metadata": {"labels": {"component": component}}, "spec": {"containers": containers}}}});
        sandbox.store().add(&typed::<StatefulSet>(set)?)?;
        let service =
            json!({"metadata": metadata(&name, component), "spec": {"ports": [{"port": 5432}]}});
        sandbox.store().add(&typed::<Service>(service)?)?;
        for ordinal in 0..pods {
            let pod = format!("{name}-{ordinal}");
            let object =
                json!({"metadata": metadata(&pod, component), "spec": {"containers": containers}});
            sandbox.store().add(&typed::<Pod>(object)?)?;
            let claim = json!({"metadata": metadata(&format!("data-{pod}"), component), "spec": {
                "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
            sandbox
                .store()
                .add(&typed::<PersistentVolumeClaim>(claim)?)?;
        }
    }
    let scripts = json!({"metadata": metadata("shop-postgres-scripts", "primary"),
        "data": {"start.sh": "#".repeat(64 << 10)}});
    sandbox.store().add(&typed::<ConfigMap>(scripts)?)?;
    Ok(())
}

fn typed<K: DeserializeOwned>(object: Value) -> Result<K> {
    Ok(serde_json::from_value(object)?)
}

//! `-A` over many clusters. They are objects only: what is asked of the API is the promise.

use std::process::{Command, Output};

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

/// Of 400 StatefulSets, 600 pods and claims, 400 Services, 200 ConfigMaps (a hundred to a page); and no password
/// is read for what does not run. The ConfigMaps of pgctl itself (the journals) are a list of their own.
const LISTED: [(&str, u64); 8] = [
    ("statefulsets", 1),
    ("pods", 2),
    ("services", 1),
    ("persistentvolumeclaims", 2),
    ("configmaps", 3),
    ("poddisruptionbudgets", 0),
    ("networkpolicies", 0),
    ("secrets", 0),
];

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
    let (exit, document) = looks(&sandbox, &["status", "-A", "-o", "json"], LISTED)?;
    assert_eq!(exit, Some(7));
    ensure!(items(&document)? == CLUSTERS);

    let arguments = ["backup", "list", "-A", "-o", "json", "--store", &store];
    let mut listed = LISTED;
    // It does not matter to a backup whether an operation has ended.
    listed[4].1 = 2;
    let (exit, document) = looks(&sandbox, &arguments, listed)?;
    assert_eq!(exit, Some(4), "none has a backup");
    ensure!(items(&document)? == CLUSTERS);

    // The objects are looked at twice: a snapshot does not keep them.
    let twice = LISTED.map(|(kind, pages)| (kind, pages * 2));
    let mut listed = twice;
    (listed[4].1, listed[5].1, listed[6].1) = (5, 1, 1);
    let (exit, document) = looks(&sandbox, &["doctor", "-A", "-o", "json"], listed)?;
    assert_eq!(exit, Some(7));
    ensure!(items(&document)? == CLUSTERS);
    assert_eq!(document["worst"], "critical");

    // Nobody runs, so no password is read.
    let mut listed = LISTED;
    listed[4].1 = 2;
    let (exit, document) = looks(&sandbox, &["query", "-A", "select 1", "-o", "json"], listed)?;
    assert_eq!(exit, Some(7));
    ensure!(items(&document)? == CLUSTERS);

    let metrics = runs(&sandbox, &["metrics", "-A"], LISTED)?;
    assert_eq!(metrics.status.code(), Some(7));
    let text = String::from_utf8(metrics.stdout)?;
    let verdicts = text.lines().filter(|it| it.starts_with("pgctl_verdict{"));
    assert_eq!(verdicts.count(), 3 * CLUSTERS);
    Ok(())
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
    let output = Command::new(env!("CARGO_BIN_EXE_pgctl"))
        .args(arguments)
        .env("KUBECONFIG", sandbox.kubeconfig())
        .env("PGCTL_CONFIG", "")
        .output()?;
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

//! `pgctl status -A` over many clusters. They are objects only: what is asked of the API is the promise.

use std::process::Command;

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

#[test]
fn many_clusters_cost_as_many_lists_as_their_objects_have_pages() -> Result<()> {
    let sandbox = Sandbox::start(&Options {
        api_only: true,
        ..Options::default()
    })?;
    for number in 0..CLUSTERS {
        add(&sandbox, number)?;
    }
    let counted = |resource: &str| -> Result<u64> {
        let nothing = Effect::Delay { millis: 0 };
        let fault = Fault::new(nothing).verb("list").resource(resource);
        Ok(sandbox.server()?.faults().add(fault.times(PLENTY)))
    };
    let kinds = [
        "statefulsets",
        "pods",
        "services",
        "persistentvolumeclaims",
        "configmaps",
        "secrets",
    ];
    let counters = kinds.map(&counted);
    let output = Command::new(env!("CARGO_BIN_EXE_pgctl"))
        .args(["status", "-A", "-o", "json"])
        .env("KUBECONFIG", sandbox.kubeconfig())
        .output()?;
    let document: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    let items = document["items"].as_array().context("a list")?;
    ensure!(items.len() == CLUSTERS, "{} clusters", items.len());
    // Nothing runs, so nobody answers.
    ensure!(output.status.code() == Some(7), "{:?}", output.status);

    let left = sandbox.server()?.faults().list();
    let mut asked = Vec::new();
    for (kind, counter) in kinds.into_iter().zip(counters) {
        let left = left.get(&counter?).and_then(|fault| fault.count);
        asked.push((kind, PLENTY - left.unwrap_or(0)));
    }
    // 400 StatefulSets, 600 pods and claims, 400 Services, 200 ConfigMaps; no password for what does not run.
    let expected = [1, 2, 1, 2, 1, 0];
    assert_eq!(asked, kinds.into_iter().zip(expected).collect::<Vec<_>>());
    Ok(())
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

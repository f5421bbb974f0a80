//! `/etc/hosts` of pods, which stands in for the cluster's DNS.

use std::fs;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Service};
use serde_json::Value;

use super::context::Context;
use super::pod::PodState;
use super::pods::Pods;
use crate::store::{of, text};

/// Changes come in bursts: one round for each.
const SETTLE: Duration = Duration::from_millis(20);

/// Keeps the files of all pods up to date.
pub(super) async fn run(context: Arc<Context>, pods: Arc<Pods>) {
    let mut changes = context.store.changes();
    loop {
        changes.borrow_and_update();
        for pod in pods.all() {
            if pod.dir.exists() && context.is_up(&pod.node) {
                // The pod's folder may be going right now.
                drop(write(&context, &pod));
            }
        }
        if changes.changed().await.is_err() {
            return;
        }
        tokio::time::sleep(SETTLE).await;
    }
}

/// Writes the file of one pod when it has changed, in place: containers have it mounted.
pub(super) fn write(context: &Context, pod: &PodState) -> io::Result<()> {
    let path = pod.dir.join("hosts");
    let mut wanted = content(context, pod);
    let now = fs::read_to_string(&path).unwrap_or_default();
    if now.trim_end_matches('\n') == wanted.trim_end_matches('\n') {
        return Ok(());
    }
    // Never shorter than before, so that one write replaces the whole and no reader meets a part.
    while wanted.len() < now.len() {
        wanted.push('\n');
    }
    let mut file = fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)?;
    file.write_all(wanted.as_bytes())
}

fn content(context: &Context, pod: &PodState) -> String {
    let mut lines = vec![
        "# Kubernetes-managed hosts file (of a sandbox: it stands in for DNS, too).".to_owned(),
        "127.0.0.1\tlocalhost".to_owned(),
        "::1\tlocalhost ip6-localhost ip6-loopback".to_owned(),
    ];
    let subdomain = pod.pod().spec.as_ref().and_then(|s| s.subdomain.clone());
    let own = match subdomain.filter(|s| !s.is_empty()) {
        Some(sub) => format!(
            "{0}.{sub}.{1}.svc.cluster.local\t{0}",
            pod.name, pod.namespace
        ),
        None => pod.name.clone(),
    };
    lines.push(format!("{}\t{own}", pod.ip));
    let pods = context.store.list(of::<Pod>(), None).items;
    for service in context.store.list(of::<Service>(), None).items {
        let namespace = text(&service, "/metadata/namespace");
        let local = namespace == pod.namespace;
        let name = text(&service, "/metadata/name");
        match text(&service, "/spec/clusterIP") {
            "None" => headless(&mut lines, &service, &pods, local),
            "" => {}
            ip => lines.push(format!("{ip}\t{}", names(name, namespace, local))),
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

/// All forms in which a name of a Service can be asked for.
fn names(name: &str, namespace: &str, local: bool) -> String {
    let full =
        format!("{name}.{namespace}.svc.cluster.local {name}.{namespace}.svc {name}.{namespace}");
    if local {
        format!("{full} {name}")
    } else {
        full
    }
}

/// A line for each pod behind a headless Service: the Service's name, and the pod's own.
fn headless(lines: &mut Vec<String>, service: &Value, pods: &[Arc<Value>], local: bool) {
    let namespace = text(service, "/metadata/namespace");
    let name = text(service, "/metadata/name");
    let Some(selector) = service.pointer("/spec/selector").and_then(Value::as_object) else {
        return;
    };
    let all = service.pointer("/spec/publishNotReadyAddresses") == Some(&Value::Bool(true));
    for pod in pods {
        let labels = pod.pointer("/metadata/labels");
        let selected = text(pod, "/metadata/namespace") == namespace
            && selector
                .iter()
                .all(|(k, v)| labels.and_then(|l| l.get(k)) == Some(v));
        let ip = text(pod, "/status/podIP");
        if !selected || ip.is_empty() || !(all || ready(pod)) {
            continue;
        }
        let mut line = format!("{ip}\t{}", names(name, namespace, local));
        let hostname = match text(pod, "/spec/hostname") {
            "" => text(pod, "/metadata/name"),
            hostname => hostname,
        };
        if text(pod, "/spec/subdomain") == name {
            line.push(' ');
            line.push_str(&names(&format!("{hostname}.{name}"), namespace, local));
        }
        lines.push(line);
    }
}

fn ready(pod: &Value) -> bool {
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
    conditions
        .into_iter()
        .flatten()
        .any(|c| text(c, "/type") == "Ready" && text(c, "/status") == "True")
}

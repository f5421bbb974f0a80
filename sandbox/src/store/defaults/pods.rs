//! The defaults of pods and containers.

use serde_json::{Map, Value, json};

use super::fields::{items, put};

/// The defaults of a pod, or of a template.
pub(super) fn pod_spec(spec: &mut Map<String, Value>) {
    put(spec, "restartPolicy", json!("Always"));
    put(spec, "dnsPolicy", json!("ClusterFirst"));
    put(spec, "schedulerName", json!("default-scheduler"));
    put(spec, "terminationGracePeriodSeconds", json!(30));
    put(spec, "securityContext", json!({}));
    // The old name of the same field.
    if let Some(account) = spec
        .get("serviceAccountName")
        .cloned()
        .filter(|a| !a.is_null())
    {
        put(spec, "serviceAccount", account);
    }
    for list in ["initContainers", "containers"] {
        items(spec, list).for_each(container);
    }
    for volume in items(spec, "volumes") {
        for source in ["configMap", "secret", "projected", "downwardAPI"] {
            if let Some(source) = volume.get_mut(source).and_then(Value::as_object_mut) {
                put(source, "defaultMode", json!(420));
                for part in items(source, "sources") {
                    let token = part.get_mut("serviceAccountToken");
                    if let Some(token) = token.and_then(Value::as_object_mut) {
                        put(token, "expirationSeconds", json!(3600));
                    }
                }
            }
        }
        if let Some(path) = volume.get_mut("hostPath").and_then(Value::as_object_mut) {
            put(path, "type", json!(""));
        }
    }
}

fn container(container: &mut Map<String, Value>) {
    put(container, "resources", json!({}));
    put(
        container,
        "terminationMessagePath",
        json!("/dev/termination-log"),
    );
    put(container, "terminationMessagePolicy", json!("File"));
    let image = container
        .get("image")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let tag = image.rsplit('/').next().unwrap_or_default();
    let latest = !image.contains('@') && (tag.ends_with(":latest") || !tag.contains(':'));
    put(
        container,
        "imagePullPolicy",
        json!(if latest { "Always" } else { "IfNotPresent" }),
    );
    items(container, "ports").for_each(|p| put(p, "protocol", json!("TCP")));
    for variable in items(container, "env") {
        let source = variable
            .get_mut("valueFrom")
            .and_then(|v| v.get_mut("fieldRef"))
            .and_then(Value::as_object_mut);
        if let Some(field) = source {
            put(field, "apiVersion", json!("v1"));
        }
    }
    for name in ["startupProbe", "livenessProbe", "readinessProbe"] {
        let Some(probe) = container.get_mut(name).and_then(Value::as_object_mut) else {
            continue;
        };
        for (field, value) in [
            ("timeoutSeconds", 1),
            ("periodSeconds", 10),
            ("successThreshold", 1),
            ("failureThreshold", 3),
        ] {
            put(probe, field, json!(value));
        }
        if let Some(get) = probe.get_mut("httpGet").and_then(Value::as_object_mut) {
            put(get, "scheme", json!("HTTP"));
            put(get, "path", json!("/"));
        }
    }
}

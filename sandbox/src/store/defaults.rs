//! The defaults that Kubernetes fills in, where kubectl, pgctl or the kubelet notice.

use serde_json::{Map, Value, json};

use super::Resource;

mod fields;
mod pods;
mod workloads;

use fields::{items, object, put};
use pods::pod_spec;

/// Fills in the defaults of a kind.
pub fn defaults(resource: &Resource, value: &mut Value) {
    let Some(root) = value.as_object_mut() else {
        return;
    };
    match resource.plural {
        "secrets" => put(root, "type", json!("Opaque")),
        "namespaces" => namespace(root),
        "storageclasses" => {
            put(root, "reclaimPolicy", json!("Delete"));
            put(root, "volumeBindingMode", json!("Immediate"));
        }
        "endpointslices" => {
            for port in items(root, "ports") {
                put(port, "name", json!(""));
                put(port, "protocol", json!("TCP"));
            }
        }
        "endpoints" => {
            for subset in items(root, "subsets") {
                items(subset, "ports").for_each(|p| put(p, "protocol", json!("TCP")));
            }
        }
        "rolebindings" | "clusterrolebindings" => {
            for subject in items(root, "subjects") {
                if subject.get("kind").and_then(Value::as_str) != Some("ServiceAccount") {
                    put(subject, "apiGroup", json!("rbac.authorization.k8s.io"));
                }
            }
        }
        "pods" => {
            pod_status(root);
            if let Some(spec) = object(value, "spec") {
                put(spec, "enableServiceLinks", json!(true));
                put(spec, "serviceAccountName", json!("default"));
                pod_spec(spec);
            }
        }
        "persistentvolumeclaims" => claim(root),
        "persistentvolumes" => {
            put(root, "status", json!({"phase": "Pending"}));
            if let Some(spec) = object(value, "spec") {
                put(spec, "persistentVolumeReclaimPolicy", json!("Retain"));
                put(spec, "volumeMode", json!("Filesystem"));
            }
        }
        "statefulsets" => stateful_set(root),
        "jobs" => workloads::job(root),
        _ => {
            if let Some(spec) = object(value, "spec") {
                by_spec(resource, spec);
            }
        }
    }
}

fn by_spec(resource: &Resource, spec: &mut Map<String, Value>) {
    match resource.plural {
        "services" => service(spec),
        "horizontalpodautoscalers" => autoscaler(spec),
        "deployments" => workloads::deployment(spec),
        "replicasets" => workloads::replica_set(spec),
        "cronjobs" => workloads::cron_job(spec),
        "networkpolicies" => {
            let both = spec.get("egress").is_some_and(|e| !e.is_null());
            put(
                spec,
                "policyTypes",
                if both {
                    json!(["Ingress", "Egress"])
                } else {
                    json!(["Ingress"])
                },
            );
            for (direction, peers) in [("ingress", "ports"), ("egress", "ports")] {
                for rule in items(spec, direction) {
                    items(rule, peers).for_each(|p| put(p, "protocol", json!("TCP")));
                }
            }
        }
        _ => {}
    }
}

fn namespace(root: &mut Map<String, Value>) {
    put(root, "status", json!({"phase": "Active"}));
    put(root, "spec", json!({"finalizers": ["kubernetes"]}));
    let Some(meta) = root.get_mut("metadata").and_then(Value::as_object_mut) else {
        return;
    };
    let name = meta.get("name").cloned().unwrap_or_default();
    put(meta, "labels", json!({}));
    if let Some(labels) = meta.get_mut("labels").and_then(Value::as_object_mut) {
        labels.insert("kubernetes.io/metadata.name".to_owned(), name);
    }
}

fn pod_status(root: &mut Map<String, Value>) {
    put(root, "status", json!({}));
    if let Some(status) = root.get_mut("status").and_then(Value::as_object_mut) {
        put(status, "phase", json!("Pending"));
        put(status, "qosClass", json!("BestEffort"));
    }
}

fn claim(root: &mut Map<String, Value>) {
    put(root, "status", json!({"phase": "Pending"}));
    if let Some(spec) = root.get_mut("spec").and_then(Value::as_object_mut) {
        put(spec, "volumeMode", json!("Filesystem"));
    }
}

fn stateful_set(root: &mut Map<String, Value>) {
    let Some(spec) = root.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    put(spec, "replicas", json!(1));
    put(spec, "podManagementPolicy", json!("OrderedReady"));
    put(spec, "revisionHistoryLimit", json!(10));
    put(spec, "updateStrategy", json!({"type": "RollingUpdate"}));
    if let Some(strategy) = spec
        .get_mut("updateStrategy")
        .and_then(Value::as_object_mut)
    {
        put(strategy, "type", json!("RollingUpdate"));
        if strategy.get("type").and_then(Value::as_str) == Some("RollingUpdate") {
            put(strategy, "rollingUpdate", json!({}));
            if let Some(rolling) = strategy
                .get_mut("rollingUpdate")
                .and_then(Value::as_object_mut)
            {
                put(rolling, "partition", json!(0));
            }
        }
    }
    put(spec, "persistentVolumeClaimRetentionPolicy", json!({}));
    if let Some(policy) = spec
        .get_mut("persistentVolumeClaimRetentionPolicy")
        .and_then(Value::as_object_mut)
    {
        put(policy, "whenDeleted", json!("Retain"));
        put(policy, "whenScaled", json!("Retain"));
    }
    for template in items(spec, "volumeClaimTemplates") {
        put(template, "apiVersion", json!("v1"));
        put(template, "kind", json!("PersistentVolumeClaim"));
        claim(template);
    }
    if let Some(pod) = spec
        .get_mut("template")
        .and_then(|t| t.get_mut("spec"))
        .and_then(Value::as_object_mut)
    {
        pod_spec(pod);
    }
}

fn service(spec: &mut Map<String, Value>) {
    put(spec, "type", json!("ClusterIP"));
    put(spec, "sessionAffinity", json!("None"));
    if spec.get("type").and_then(Value::as_str) != Some("ExternalName") {
        put(spec, "internalTrafficPolicy", json!("Cluster"));
        put(spec, "ipFamilies", json!(["IPv4"]));
        put(spec, "ipFamilyPolicy", json!("SingleStack"));
        if let Some(address) = spec
            .get("clusterIP")
            .cloned()
            .filter(|a| a.as_str().is_some_and(|a| !a.is_empty()))
        {
            put(spec, "clusterIPs", json!([address]));
        }
    }
    for port in items(spec, "ports") {
        put(port, "protocol", json!("TCP"));
        let number = port.get("port").cloned().unwrap_or_default();
        put(port, "targetPort", number);
    }
}

fn autoscaler(spec: &mut Map<String, Value>) {
    put(spec, "minReplicas", json!(1));
    let cpu = json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}});
    put(spec, "metrics", json!([cpu]));
    let Some(behavior) = spec.get_mut("behavior").and_then(Value::as_object_mut) else {
        return;
    };
    let up = json!({
        "stabilizationWindowSeconds": 0, "selectPolicy": "Max",
        "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}],
    });
    let down = json!({"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]});
    for (side, rules) in [("scaleUp", up), ("scaleDown", down)] {
        put(behavior, side, json!({}));
        if let (Some(side), Some(rules)) = (
            behavior.get_mut(side).and_then(Value::as_object_mut),
            rules.as_object(),
        ) {
            rules.iter().for_each(|(k, v)| put(side, k, v.clone()));
        }
    }
}

//! Which columns each kind has, after pkg/printers/internalversion/printers.go. Priority 1 shows with `-o wide`.

use serde_json::{Value, json};

use super::cells::{self, age, at, count, joined, name, or};
use super::{pods, workloads};
use crate::store::{Resource, text};

pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) priority: u8,
    pub(super) cell: fn(&Value) -> Value,
}

const fn col(name: &'static str, cell: fn(&Value) -> Value) -> Column {
    Column {
        name,
        kind: "string",
        priority: 0,
        cell,
    }
}

const fn wide(name: &'static str, cell: fn(&Value) -> Value) -> Column {
    Column {
        name,
        kind: "string",
        priority: 1,
        cell,
    }
}

const fn number(name: &'static str, cell: fn(&Value) -> Value) -> Column {
    Column {
        name,
        kind: "integer",
        priority: 0,
        cell,
    }
}

static POD: &[Column] = &[
    col("Name", name),
    col("Ready", pods::ready),
    col("Status", pods::status),
    col("Restarts", pods::restarts),
    col("Age", age),
    wide("IP", |o| or(at(o, "/status/podIP"), "<none>")),
    wide("Node", |o| or(at(o, "/spec/nodeName"), "<none>")),
    wide("Nominated Node", |o| {
        or(at(o, "/status/nominatedNodeName"), "<none>")
    }),
    wide("Readiness Gates", |_| json!("<none>")),
];
static STATEFUL_SET: &[Column] = &[
    col("Name", name),
    col("Ready", |o| {
        let wish = o
            .pointer("/spec/replicas")
            .and_then(Value::as_i64)
            .unwrap_or(0);
        let ready = o
            .pointer("/status/readyReplicas")
            .and_then(Value::as_i64)
            .unwrap_or(0);
        json!(format!("{ready}/{wish}"))
    }),
    col("Age", age),
    wide("Containers", |o| {
        joined(o, "/spec/template/spec/containers", "name")
    }),
    wide("Images", |o| {
        joined(o, "/spec/template/spec/containers", "image")
    }),
];
static DEPLOYMENT: &[Column] = &[
    col("Name", name),
    col("Ready", |o| {
        let number = |pointer| o.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
        let (ready, wish) = (number("/status/readyReplicas"), number("/spec/replicas"));
        json!(format!("{ready}/{wish}"))
    }),
    number("Up-to-date", |o| {
        workloads::number(o, "/status/updatedReplicas")
    }),
    number("Available", |o| {
        workloads::number(o, "/status/availableReplicas")
    }),
    col("Age", age),
    wide("Containers", |o| {
        joined(o, "/spec/template/spec/containers", "name")
    }),
    wide("Images", |o| {
        joined(o, "/spec/template/spec/containers", "image")
    }),
    wide("Selector", |o| {
        cells::labels(o.pointer("/spec/selector/matchLabels"))
    }),
];
static REPLICA_SET: &[Column] = &[
    col("Name", name),
    number("Desired", |o| workloads::number(o, "/spec/replicas")),
    number("Current", |o| workloads::number(o, "/status/replicas")),
    number("Ready", |o| workloads::number(o, "/status/readyReplicas")),
    col("Age", age),
    wide("Containers", |o| {
        joined(o, "/spec/template/spec/containers", "name")
    }),
    wide("Images", |o| {
        joined(o, "/spec/template/spec/containers", "image")
    }),
    wide("Selector", |o| {
        cells::labels(o.pointer("/spec/selector/matchLabels"))
    }),
];
static JOB: &[Column] = &[
    col("Name", name),
    col("Status", workloads::job_status),
    col("Completions", workloads::job_completions),
    col("Duration", workloads::job_duration),
    col("Age", age),
    wide("Containers", |o| {
        joined(o, "/spec/template/spec/containers", "name")
    }),
    wide("Images", |o| {
        joined(o, "/spec/template/spec/containers", "image")
    }),
    wide("Selector", |o| {
        cells::labels(o.pointer("/spec/selector/matchLabels"))
    }),
];
static CRON_JOB: &[Column] = &[
    col("Name", name),
    col("Schedule", |o| at(o, "/spec/schedule")),
    col("Timezone", |o| or(at(o, "/spec/timeZone"), "<none>")),
    col("Suspend", |o| {
        let suspended = o.pointer("/spec/suspend") == Some(&Value::Bool(true));
        json!(if suspended { "True" } else { "False" })
    }),
    number("Active", |o| json!(count(o, "/status/active"))),
    col("Last Schedule", |o| {
        match text(o, "/status/lastScheduleTime") {
            "" => json!("<none>"),
            time => json!(cells::since(time)),
        }
    }),
    col("Age", age),
    wide("Containers", |o| {
        joined(o, "/spec/jobTemplate/spec/template/spec/containers", "name")
    }),
    wide("Images", |o| {
        joined(
            o,
            "/spec/jobTemplate/spec/template/spec/containers",
            "image",
        )
    }),
    wide("Selector", |o| {
        cells::labels(o.pointer("/spec/jobTemplate/spec/selector/matchLabels"))
    }),
];
static SERVICE: &[Column] = &[
    col("Name", name),
    col("Type", |o| at(o, "/spec/type")),
    col("Cluster-IP", |o| or(at(o, "/spec/clusterIP"), "<none>")),
    col("External-IP", |o| or(at(o, "/spec/externalName"), "<none>")),
    col("Port(s)", cells::service_ports),
    col("Age", age),
    wide("Selector", |o| cells::labels(o.pointer("/spec/selector"))),
];
static ENDPOINTS: &[Column] = &[
    col("Name", name),
    col("Endpoints", cells::endpoints),
    col("Age", age),
];
static ENDPOINT_SLICE: &[Column] = &[
    col("Name", name),
    col("AddressType", |o| at(o, "/addressType")),
    col("Ports", cells::slice_ports),
    col("Endpoints", cells::slice_endpoints),
    col("Age", age),
];
static CONFIG_MAP: &[Column] = &[
    col("Name", name),
    number("Data", |o| {
        json!(count(o, "/data") + count(o, "/binaryData"))
    }),
    col("Age", age),
];
static SECRET: &[Column] = &[
    col("Name", name),
    col("Type", |o| at(o, "/type")),
    number("Data", |o| json!(count(o, "/data"))),
    col("Age", age),
];
static EVENT: &[Column] = &[
    col("Last Seen", cells::event_last),
    col("Type", |o| at(o, "/type")),
    col("Reason", |o| at(o, "/reason")),
    col("Object", cells::event_object),
    wide("Subobject", |o| or(at(o, "/involvedObject/fieldPath"), "")),
    wide("Source", cells::event_source),
    col("Message", |o| {
        let message = if text(o, "/message").is_empty() {
            text(o, "/note")
        } else {
            text(o, "/message")
        };
        json!(message.trim())
    }),
    wide("First Seen", cells::event_first),
    wide("Count", cells::event_count),
    wide("Name", name),
];
static CLAIM: &[Column] = &[
    col("Name", name),
    col("Status", |o| {
        if text(o, "/metadata/deletionTimestamp").is_empty() {
            at(o, "/status/phase")
        } else {
            json!("Terminating")
        }
    }),
    col("Volume", |o| at(o, "/spec/volumeName")),
    col("Capacity", |o| at(o, "/status/capacity/storage")),
    col("Access Modes", |o| {
        cells::modes(o.pointer("/status/accessModes"))
    }),
    col("StorageClass", |o| at(o, "/spec/storageClassName")),
    col("VolumeAttributesClass", |o| {
        or(at(o, "/spec/volumeAttributesClassName"), "<unset>")
    }),
    col("Age", age),
    wide("VolumeMode", |o| or(at(o, "/spec/volumeMode"), "<unset>")),
];
static VOLUME: &[Column] = &[
    col("Name", name),
    col("Capacity", |o| at(o, "/spec/capacity/storage")),
    col("Access Modes", |o| {
        cells::modes(o.pointer("/spec/accessModes"))
    }),
    col("Reclaim Policy", |o| {
        at(o, "/spec/persistentVolumeReclaimPolicy")
    }),
    col("Status", |o| {
        if text(o, "/metadata/deletionTimestamp").is_empty() {
            at(o, "/status/phase")
        } else {
            json!("Terminating")
        }
    }),
    col("Claim", |o| {
        match (
            text(o, "/spec/claimRef/namespace"),
            text(o, "/spec/claimRef/name"),
        ) {
            (_, "") => json!(""),
            (namespace, name) => json!(format!("{namespace}/{name}")),
        }
    }),
    col("StorageClass", |o| at(o, "/spec/storageClassName")),
    col("VolumeAttributesClass", |o| {
        or(at(o, "/spec/volumeAttributesClassName"), "<unset>")
    }),
    col("Reason", |o| at(o, "/status/reason")),
    col("Age", age),
    wide("VolumeMode", |o| or(at(o, "/spec/volumeMode"), "<unset>")),
];
static NODE: &[Column] = &[
    col("Name", name),
    col("Status", workloads::node_status),
    col("Roles", workloads::node_roles),
    col("Age", age),
    col("Version", |o| at(o, "/status/nodeInfo/kubeletVersion")),
    wide("Internal-IP", |o| workloads::node_address(o, "InternalIP")),
    wide("External-IP", |o| workloads::node_address(o, "ExternalIP")),
    wide("OS-Image", |o| {
        or(at(o, "/status/nodeInfo/osImage"), "<unknown>")
    }),
    wide("Kernel-Version", |o| {
        or(at(o, "/status/nodeInfo/kernelVersion"), "<unknown>")
    }),
    wide("Container-Runtime", |o| {
        or(
            at(o, "/status/nodeInfo/containerRuntimeVersion"),
            "<unknown>",
        )
    }),
];
static AUTOSCALER: &[Column] = &[
    col("Name", name),
    col("Reference", |o| {
        json!(format!(
            "{}/{}",
            text(o, "/spec/scaleTargetRef/kind"),
            text(o, "/spec/scaleTargetRef/name")
        ))
    }),
    col("Targets", workloads::targets),
    col("MinPods", |o| {
        o.pointer("/spec/minReplicas")
            .map_or(json!("<unset>"), |v| json!(v.to_string()))
    }),
    number("MaxPods", |o| {
        o.pointer("/spec/maxReplicas").cloned().unwrap_or_default()
    }),
    number("Replicas", |o| {
        o.pointer("/status/currentReplicas")
            .cloned()
            .unwrap_or(json!(0))
    }),
    col("Age", age),
];
static BUDGET: &[Column] = &[
    col("Name", name),
    col("Min Available", |o| {
        cells::int_or_text(o.pointer("/spec/minAvailable"))
    }),
    col("Max Unavailable", |o| {
        cells::int_or_text(o.pointer("/spec/maxUnavailable"))
    }),
    number("Allowed Disruptions", |o| {
        o.pointer("/status/disruptionsAllowed")
            .cloned()
            .unwrap_or(json!(0))
    }),
    col("Age", age),
];
static NAMESPACE: &[Column] = &[
    col("Name", name),
    col("Status", |o| at(o, "/status/phase")),
    col("Age", age),
];
static LEASE: &[Column] = &[
    col("Name", name),
    col("Holder", |o| at(o, "/spec/holderIdentity")),
    col("Age", age),
];
static SERVICE_ACCOUNT: &[Column] = &[
    col("Name", name),
    number("Secrets", |o| json!(count(o, "/secrets"))),
    col("Age", age),
];
static REVISION: &[Column] = &[
    col("Name", name),
    col("Controller", workloads::controller),
    number("Revision", |o| {
        o.pointer("/revision").cloned().unwrap_or_default()
    }),
    col("Age", age),
];
static NETWORK_POLICY: &[Column] = &[
    col("Name", name),
    col("Pod-Selector", |o| {
        cells::labels(o.pointer("/spec/podSelector/matchLabels"))
    }),
    col("Age", age),
];
static ROLE: &[Column] = &[
    col("Name", name),
    col("Created At", |o| at(o, "/metadata/creationTimestamp")),
];
static BINDING: &[Column] = &[
    col("Name", name),
    col("Role", |o| {
        json!(format!(
            "{}/{}",
            text(o, "/roleRef/kind"),
            text(o, "/roleRef/name")
        ))
    }),
    col("Age", age),
    wide("Users", |o| workloads::subjects(o, "User")),
    wide("Groups", |o| workloads::subjects(o, "Group")),
    wide("ServiceAccounts", |o| {
        workloads::subjects(o, "ServiceAccount")
    }),
];
static STORAGE_CLASS: &[Column] = &[
    col("Name", name),
    col("Provisioner", |o| at(o, "/provisioner")),
    col("ReclaimPolicy", |o| at(o, "/reclaimPolicy")),
    col("VolumeBindingMode", |o| at(o, "/volumeBindingMode")),
    col("AllowVolumeExpansion", |o| {
        json!(
            o.pointer("/allowVolumeExpansion")
                .and_then(Value::as_bool)
                .unwrap_or(false)
        )
    }),
    col("Age", age),
];
static OTHER: &[Column] = &[col("Name", name), col("Age", age)];

pub(super) fn columns(resource: &Resource) -> &'static [Column] {
    match resource.plural {
        "pods" => POD,
        "statefulsets" => STATEFUL_SET,
        "deployments" => DEPLOYMENT,
        "replicasets" => REPLICA_SET,
        "jobs" => JOB,
        "cronjobs" => CRON_JOB,
        "services" => SERVICE,
        "endpoints" => ENDPOINTS,
        "endpointslices" => ENDPOINT_SLICE,
        "configmaps" => CONFIG_MAP,
        "secrets" => SECRET,
        "events" => EVENT,
        "persistentvolumeclaims" => CLAIM,
        "persistentvolumes" => VOLUME,
        "nodes" => NODE,
        "horizontalpodautoscalers" => AUTOSCALER,
        "poddisruptionbudgets" => BUDGET,
        "namespaces" => NAMESPACE,
        "leases" => LEASE,
        "serviceaccounts" => SERVICE_ACCOUNT,
        "controllerrevisions" => REVISION,
        "networkpolicies" => NETWORK_POLICY,
        "roles" | "clusterroles" => ROLE,
        "rolebindings" | "clusterrolebindings" => BINDING,
        "storageclasses" => STORAGE_CLASS,
        _ => OTHER,
    }
}

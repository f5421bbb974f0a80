//! The Node objects, and what becomes of a node that is cut off.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Node, NodeAddress, NodeCondition, NodeSpec, NodeStatus, NodeSystemInfo, Pod, Taint,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::context::Context;
use super::status::now;
use crate::controllers::{EventType, Recorder};
use crate::store::{Selector, StoreError};

const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// Adds the nodes that do not exist yet.
pub(super) fn register(context: &Context) -> Result<(), StoreError> {
    for (index, name) in context.node_names().into_iter().enumerate() {
        let added = context.store.add(&node(context, index, &name));
        if let Err(error) = added
            && !error.is_already_exists()
        {
            return Err(error);
        }
    }
    Ok(())
}

fn node(context: &Context, index: usize, name: &str) -> Node {
    let text = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        let own = |(k, v): &(&str, &str)| ((*k).to_owned(), (*v).to_owned());
        pairs.iter().map(own).collect()
    };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let quantity = |pairs: [(&str, String); 3]| -> BTreeMap<String, Quantity> {
        pairs.map(|(k, v)| (k.to_owned(), Quantity(v))).into()
    };
    let capacity = quantity([
        ("cpu", cpus.to_string()),
        ("memory", format!("{}Ki", memory_kib())),
        ("pods", "110".to_owned()),
    ]);
    let address = |kind: &str, value: String| NodeAddress {
        type_: kind.to_owned(),
        address: value,
    };
    let version = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    Node {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(text(&[
                ("kubernetes.io/hostname", name),
                ("kubernetes.io/os", "linux"),
                ("kubernetes.io/arch", arch),
                ("topology.kubernetes.io/region", "sandbox"),
                (
                    "topology.kubernetes.io/zone",
                    &format!(
                        "sandbox-{}",
                        (b'a' + u8::try_from(index % 26).unwrap_or(0)) as char
                    ),
                ),
            ])),
            ..ObjectMeta::default()
        },
        spec: Some(NodeSpec::default()),
        status: Some(NodeStatus {
            addresses: Some(vec![
                address("InternalIP", context.node_ip(name).unwrap_or_default()),
                address("Hostname", name.to_owned()),
            ]),
            allocatable: Some(capacity.clone()),
            capacity: Some(capacity),
            conditions: Some(vec![
                condition(
                    "MemoryPressure",
                    "False",
                    "KubeletHasSufficientMemory",
                    "kubelet has sufficient memory available",
                ),
                condition(
                    "DiskPressure",
                    "False",
                    "KubeletHasNoDiskPressure",
                    "kubelet has no disk pressure",
                ),
                condition(
                    "PIDPressure",
                    "False",
                    "KubeletHasSufficientPID",
                    "kubelet has sufficient PID available",
                ),
                ready(),
            ]),
            node_info: Some(NodeSystemInfo {
                architecture: arch.to_owned(),
                operating_system: "linux".to_owned(),
                os_image: "pgctl sandbox".to_owned(),
                kernel_version: version.trim().to_owned(),
                kubelet_version: "v1.33.0-pgctl-sandbox".to_owned(),
                container_runtime_version: format!("{:?}://", context.config.tools.isolation)
                    .to_lowercase(),
                ..NodeSystemInfo::default()
            }),
            ..NodeStatus::default()
        }),
    }
}

fn memory_kib() -> u64 {
    let info = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    info.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse().ok())
        .unwrap_or(0)
}

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> NodeCondition {
    NodeCondition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_heartbeat_time: Some(now()),
        last_transition_time: Some(now()),
    }
}

fn ready() -> NodeCondition {
    condition(
        "Ready",
        "True",
        "KubeletReady",
        "kubelet is posting ready status",
    )
}

/// What the node lifecycle controller does when a node's kubelet falls silent: the condition, the
/// taints, and its pods no longer ready. Evicting them after five minutes is left to the user.
pub(super) fn mark_unreachable(context: &Context, name: &str) -> Result<(), StoreError> {
    let node = context.store.modify::<Node>("", name, |node| {
        let silent = "Kubelet stopped posting node status.";
        let conditions = node
            .status
            .get_or_insert_default()
            .conditions
            .get_or_insert_default();
        for c in conditions.iter_mut() {
            *c = condition(&c.type_, "Unknown", "NodeStatusUnknown", silent);
        }
        let taint = |effect: &str| Taint {
            key: UNREACHABLE.to_owned(),
            effect: effect.to_owned(),
            time_added: Some(now()),
            value: None,
        };
        node.spec.get_or_insert_default().taints =
            Some(vec![taint("NoSchedule"), taint("NoExecute")]);
    })?;
    let recorder = Recorder::new(&context.store, "node-controller");
    let message = format!("Node {name} status is now: NodeNotReady");
    recorder.event(
        &serde_json::json!(node),
        EventType::Normal,
        "NodeNotReady",
        &message,
    );
    for pod in context
        .store
        .read_all::<Pod>(None, &Selector::everything())?
        .items
    {
        if pod.spec.as_ref().and_then(|s| s.node_name.as_deref()) != Some(name) {
            continue;
        }
        let namespace = pod.metadata.namespace.clone().unwrap_or_default();
        let pod_name = pod.metadata.name.clone().unwrap_or_default();
        // A pod that is gone by now needs no mark.
        drop(context.store.modify::<Pod>(&namespace, &pod_name, |pod| {
            let status = pod.status.get_or_insert_default();
            for c in status.conditions.iter_mut().flatten() {
                if c.type_ == "Ready" && c.status != "False" {
                    c.status = "False".to_owned();
                    c.last_transition_time = Some(now());
                }
            }
        }));
        recorder.event(
            &serde_json::json!(pod),
            EventType::Warning,
            "NodeNotReady",
            "Node is not ready",
        );
    }
    Ok(())
}

/// The kubelet reports again.
pub(super) fn mark_reachable(context: &Context, name: &str) -> Result<(), StoreError> {
    let index = context
        .node_names()
        .iter()
        .position(|n| n == name)
        .unwrap_or(0);
    let fresh = node(context, index, name).status.and_then(|s| s.conditions);
    context.store.modify::<Node>("", name, |node| {
        node.status
            .get_or_insert_default()
            .conditions
            .clone_from(&fresh);
        if let Some(taints) = node.spec.get_or_insert_default().taints.as_mut() {
            taints.retain(|t| t.key != UNREACHABLE);
        }
    })?;
    Ok(())
}

//! Kubernetes objects in `kind: ClusterStatus`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cluster::{
    Autoscaler, AutoscalerMetric, DataUsage, Instance, ServiceEndpoint, ServiceFacts,
    ServicePurpose, Snapshot, Topology, TopologySource, VolumeFacts,
};

/// Which pod is meant to be primary.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct TopologyDocument {
    /// Name of the pod that is meant to be the primary.
    primary: String,
    /// Grows by one with every change.
    term: u64,
    /// System identifier, once recorded.
    system_identifier: Option<String>,
    /// `default` (nothing recorded yet), `recorded`, or `unaware` (the pods do not read one).
    source: &'static str,
    /// The ConfigMap that records it.
    config_map: Option<String>,
}

impl From<&Topology> for TopologyDocument {
    fn from(topology: &Topology) -> Self {
        let (source, config_map) = match &topology.source {
            TopologySource::Default { config_map } => ("default", Some(config_map)),
            TopologySource::Recorded { config_map, .. } => ("recorded", Some(config_map)),
            TopologySource::Unaware => ("unaware", None),
        };
        Self {
            primary: topology.primary.clone(),
            term: topology.term,
            system_identifier: topology.system_identifier.clone(),
            source,
            config_map: config_map.cloned(),
        }
    }
}

/// A Service.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct ServiceDocument {
    /// Name.
    name: String,
    /// `write`, `read` or `headless`.
    purpose: &'static str,
    /// `spec.clusterIP`.
    cluster_ip: Option<String>,
    /// Port of the Service; null when it has none.
    port: Option<u16>,
    /// The addresses that it leads to, ready or not.
    endpoints: Vec<EndpointDocument>,
}

/// One address behind a Service.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct EndpointDocument {
    /// Pod, when it is one.
    pod: Option<String>,
    /// IP address that connections are led to.
    address: String,
    /// It gets traffic.
    ready: bool,
}

impl From<&ServiceFacts> for ServiceDocument {
    fn from(service: &ServiceFacts) -> Self {
        let endpoint = |endpoint: &ServiceEndpoint| EndpointDocument {
            pod: endpoint.pod.clone(),
            address: endpoint.address.clone(),
            ready: endpoint.ready,
        };
        Self {
            name: service.name.clone(),
            purpose: match service.purpose {
                ServicePurpose::Write => "write",
                ServicePurpose::Read => "read",
                ServicePurpose::Headless => "headless",
            },
            cluster_ip: service.cluster_ip.clone(),
            port: service.port,
            endpoints: service.endpoints.iter().map(endpoint).collect(),
        }
    }
}

/// The autoscaler.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct AutoscalerSection {
    /// Name.
    name: String,
    /// The StatefulSet that it scales.
    target: String,
    /// `spec.minReplicas`.
    min: u32,
    /// `spec.maxReplicas`.
    max: u32,
    /// `status.currentReplicas`.
    current: u32,
    /// Replicas that it wants.
    desired: u32,
    /// `spec.metrics`, with the values of `status.currentMetrics`.
    metrics: Vec<MetricDocument>,
    /// When it last scaled.
    last_scaled_at: Option<Timestamp>,
}

/// A metric with its target.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct MetricDocument {
    /// `cpu`, `memory`, or the name of another metric.
    name: String,
    /// Average use in % of the request; null when unknown.
    current_percent: Option<u32>,
    /// Target in % of the request; null when it is not a share of the request.
    target_percent: Option<u32>,
}

impl From<&AutoscalerMetric> for MetricDocument {
    fn from(metric: &AutoscalerMetric) -> Self {
        Self {
            name: metric.name.clone(),
            current_percent: metric.current_percent,
            target_percent: metric.target_percent,
        }
    }
}

impl From<&Autoscaler> for AutoscalerSection {
    fn from(autoscaler: &Autoscaler) -> Self {
        Self {
            name: autoscaler.name.clone(),
            target: autoscaler.target.clone(),
            min: autoscaler.min,
            max: autoscaler.max,
            current: autoscaler.current,
            desired: autoscaler.desired,
            metrics: autoscaler
                .metrics
                .iter()
                .map(MetricDocument::from)
                .collect(),
            last_scaled_at: autoscaler.last_scaled,
        }
    }
}

/// A data volume.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct VolumeDocument {
    /// PersistentVolumeClaim.
    claim: String,
    /// The pod that it belongs to by name.
    pod: String,
    /// Whether that pod exists.
    in_use: bool,
    /// `status.phase`.
    phase: String,
    /// `status.capacity.storage`.
    capacity_bytes: Option<u64>,
    /// Size of the filesystem, by the database's own look.
    size_bytes: Option<u64>,
    /// Used on the filesystem.
    used_bytes: Option<u64>,
    /// Of it WAL.
    wal_bytes: Option<u64>,
    /// Used of what the database may use, in %.
    used_percent: Option<f64>,
    /// Storage class.
    storage_class: Option<String>,
    /// When it was made.
    created_at: Option<Timestamp>,
    /// Since when it is being deleted.
    deleting_since: Option<Timestamp>,
}

impl VolumeDocument {
    pub(super) fn new(snapshot: &Snapshot, volume: &VolumeFacts) -> Self {
        let usage = snapshot
            .instance(&volume.pod)
            .and_then(Instance::facts)
            .map(|facts| &facts.usage);
        let size = usage.and_then(|usage| usage.size_bytes);
        let used = usage.and_then(|usage| usage.used_bytes);
        let percent = usage
            .and_then(DataUsage::full_percent)
            .map(|percent| (percent * 10.0).round() / 10.0);
        Self {
            claim: volume.claim.clone(),
            pod: volume.pod.clone(),
            in_use: volume.in_use,
            phase: volume.phase.clone(),
            capacity_bytes: volume.capacity_bytes,
            size_bytes: size,
            used_bytes: used,
            wal_bytes: usage.map(|usage| usage.wal_bytes),
            used_percent: percent,
            storage_class: volume.storage_class.clone(),
            created_at: volume.created,
            deleting_since: volume.deleting_since,
        }
    }
}

//! `kind: Autoscaler` and `kind: SynchronousReplication`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::API_VERSION;
use super::objects::MetricDocument;
use super::status::ClusterDocument;
use crate::cluster::{
    Autoscaler, ClusterId, Instance, Shape, Snapshot, SyncState, condition_words,
    synchronous_candidates, synchronous_names, why_not_scaling,
};
use crate::plan::Bounds;

/// `pgctl hpa`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct AutoscalerDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `Autoscaler`.
    #[schemars(extend("const" = "Autoscaler"))]
    kind: &'static str,
    /// The cluster whose replicas it scales.
    cluster: ClusterDocument,
    /// Name of the HorizontalPodAutoscaler.
    name: String,
    /// The StatefulSet that it governs.
    target: String,
    /// `spec.minReplicas`.
    min: u32,
    /// `spec.maxReplicas`.
    max: u32,
    /// Pods now.
    current: u32,
    /// Pods that it wants.
    desired: u32,
    /// It is held by `pgctl hpa pause` or `pgctl scale --pin`.
    paused: bool,
    /// `minReplicas` as somebody meant it: before a pause, and before a failover raised it so that
    /// the autoscaler can't delete the primary.
    meant_min: u32,
    /// `maxReplicas` as somebody meant it.
    meant_max: u32,
    /// Metrics against their targets.
    metrics: Vec<MetricDocument>,
    /// `status.conditions`.
    conditions: Vec<ConditionDocument>,
    /// When it scaled last.
    last_scaled_at: Option<Timestamp>,
    /// The same as `lastScaledAt`, by its older name.
    last_scaled: Option<Timestamp>,
    /// Why it does not scale; empty while it does.
    why_not_scaling: Vec<String>,
}

/// A condition of an autoscaler.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct ConditionDocument {
    /// `AbleToScale`, `ScalingActive`, `ScalingLimited`.
    r#type: String,
    /// It holds.
    holds: bool,
    /// Kubernetes' word.
    reason: String,
    /// Kubernetes' sentence.
    message: String,
    /// In plain words.
    words: String,
}

impl AutoscalerDocument {
    /// The document of an autoscaler.
    pub fn new(cluster: &ClusterId, autoscaler: &Autoscaler) -> Self {
        let meant = Bounds::meant(autoscaler);
        Self {
            api_version: API_VERSION,
            kind: "Autoscaler",
            cluster: cluster.into(),
            name: autoscaler.name.clone(),
            target: autoscaler.target.clone(),
            min: autoscaler.min,
            max: autoscaler.max,
            current: autoscaler.current,
            desired: autoscaler.desired,
            paused: Bounds::paused(autoscaler).is_some(),
            meant_min: meant.min,
            meant_max: meant.max,
            metrics: autoscaler
                .metrics
                .iter()
                .map(MetricDocument::from)
                .collect(),
            conditions: autoscaler
                .conditions
                .iter()
                .map(|it| ConditionDocument {
                    r#type: it.kind.clone(),
                    holds: it.holds,
                    reason: it.reason.clone(),
                    message: it.message.clone(),
                    words: condition_words(it),
                })
                .collect(),
            last_scaled_at: autoscaler.last_scaled,
            last_scaled: autoscaler.last_scaled,
            why_not_scaling: why_not_scaling(autoscaler),
        }
    }
}

/// `pgctl sync`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct SynchronousDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `SynchronousReplication`.
    #[schemars(extend("const" = "SynchronousReplication"))]
    kind: &'static str,
    /// Namespace and name of the cluster.
    cluster: ClusterDocument,
    /// For how many standbys commits are to wait (0: none); null when pgctl was never told.
    pub standbys: Option<u32>,
    /// The primary; null when none answers.
    pub primary: Option<String>,
    /// `synchronous_standby_names` on it.
    pub names: Option<String>,
    /// What it ought to be; null when pgctl was never told.
    pub expected_names: Option<String>,
    /// `synchronous_commit` on it: with `off` or `local` no commit waits, whatever the names are.
    pub synchronous_commit: Option<String>,
    /// The pods that may confirm.
    pub candidates: Vec<SynchronousStandbyDocument>,
    /// Commits do not wait in vain: as many standbys as are asked for stream.
    pub writes_flow: bool,
}

/// A pod that may confirm commits.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct SynchronousStandbyDocument {
    /// Name of the standby's pod.
    pub pod: String,
    /// It streams from the primary.
    pub streams: bool,
    /// `sync_state` as the primary sees it; null when it does not stream.
    pub state: Option<&'static str>,
}

impl SynchronousDocument {
    /// The document of a cluster.
    pub fn new(snapshot: &Snapshot) -> Self {
        let primary = snapshot.primary();
        let facts = primary.and_then(Instance::facts);
        let wanted_synchronous = snapshot.topology.synchronous;
        let name = primary.map_or(snapshot.topology.primary.as_str(), Instance::name);
        let standbys = synchronous_candidates(snapshot, &Shape::of(snapshot), name);
        let candidates: Vec<SynchronousStandbyDocument> = standbys
            .iter()
            .map(|pod| {
                let sender = facts.and_then(|facts| {
                    let mut senders = facts.senders.iter();
                    senders.find(|it| it.application_name == *pod && it.is_streaming())
                });
                SynchronousStandbyDocument {
                    pod: pod.clone(),
                    streams: sender.is_some(),
                    state: sender.map(|it| match it.sync_state {
                        SyncState::Async => "async",
                        SyncState::Potential => "potential",
                        SyncState::Sync => "sync",
                        SyncState::Quorum => "quorum",
                    }),
                }
            })
            .collect();
        let confirming = candidates.iter().filter(|it| it.streams).count();
        Self {
            api_version: API_VERSION,
            kind: "SynchronousReplication",
            cluster: (&snapshot.cluster).into(),
            standbys: wanted_synchronous,
            primary: primary.map(|it| it.name().to_owned()),
            names: facts.map(|facts| facts.settings.synchronous_standby_names.clone()),
            expected_names: wanted_synchronous.map(|count| synchronous_names(count, &standbys)),
            synchronous_commit: facts.map(|facts| facts.settings.synchronous_commit.clone()),
            candidates,
            writes_flow: primary.is_some()
                && confirming >= wanted_synchronous.unwrap_or(0) as usize,
        }
    }
}

//! `kind: ClusterStatus` and `kind: ClusterList`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::API_VERSION;
use super::behind::BehindDocument;
use super::fleet::UnreachedDocument;
use super::instance::InstanceDocument;
use super::objects::{AutoscalerSection, ServiceDocument, TopologyDocument, VolumeDocument};
use super::throw_away::ThrowAwayDocument;
use super::wal_protection::WalProtectionDocument;
use crate::backup::catalogue::LastBackup;
use crate::cluster::{ClusterId, Headline, Health, HealthFinding, HealthVerdict, Snapshot, words};
use crate::output::FleetView;
use crate::wal_archive::LastArchive;

/// Which cluster.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct ClusterDocument {
    /// `metadata.namespace` of its objects.
    namespace: String,
    /// Label `app.kubernetes.io/instance`.
    name: String,
}

impl From<&ClusterId> for ClusterDocument {
    fn from(id: &ClusterId) -> Self {
        Self {
            namespace: id.namespace.clone(),
            name: id.name.clone(),
        }
    }
}

/// The parts of the first line.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct SummaryDocument {
    /// Version of PostgreSQL, such as `15.18`.
    version: Option<String>,
    /// Timeline of the primary.
    timeline: Option<u32>,
    /// Pod of the primary, when there is exactly one.
    primary: Option<String>,
    /// Pod that is meant to be primary and does not answer pgctl, though others tell that it is
    /// alive.
    silent_primary: Option<String>,
    /// Standbys that stream from the primary now.
    standbys_streaming: u32,
    /// Standbys that there should be.
    standbys_wanted: u32,
    /// Pod that is furthest behind.
    worst_lag_pod: Option<String>,
    /// How far the furthest of them is behind; null when none streams.
    worst_lag: Option<BehindDocument>,
}

impl From<&Headline> for SummaryDocument {
    fn from(headline: &Headline) -> Self {
        let worst = headline.worst_lag.as_ref();
        Self {
            version: headline.version.map(words::server_version),
            timeline: headline.timeline.map(|timeline| timeline.0),
            primary: headline.primary.clone(),
            silent_primary: headline.silent_primary.clone(),
            standbys_streaming: headline.streaming,
            standbys_wanted: headline.wanted,
            worst_lag_pod: worst.map(|(pod, _)| pod.clone()),
            worst_lag: worst.map(|(_, behind)| BehindDocument::from(behind)),
        }
    }
}

/// Everything about one cluster (`pgctl status -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "ClusterStatus", deny_unknown_fields)]
pub struct ClusterStatusDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `ClusterStatus`.
    #[schemars(extend("const" = "ClusterStatus"))]
    kind: &'static str,
    /// Namespace and name of the cluster.
    cluster: ClusterDocument,
    /// When the looking began.
    taken_at: Timestamp,
    /// The worst that was found, in one word.
    verdict: HealthVerdict,
    /// The parts of the first line.
    summary: SummaryDocument,
    /// What is wrong, most urgent first.
    findings: Vec<HealthFinding>,
    /// Which pod is meant to be primary.
    topology: TopologyDocument,
    /// The pods with their databases.
    instances: Vec<InstanceDocument>,
    /// The Services.
    services: Vec<ServiceDocument>,
    /// The autoscaler of the replicas.
    autoscaler: Option<AutoscalerSection>,
    /// The data volumes.
    volumes: Vec<VolumeDocument>,
    /// The throw-away servers beside it, by name.
    throw_aways: Vec<ThrowAwayDocument>,
    /// The newest backup that is known to be whole; none when no store is configured.
    last_backup: Option<LastBackupDocument>,
    /// What is archived of its WAL; none when no store is configured, or it has no archive.
    wal_archive: Option<WalProtectionDocument>,
    /// What could not be looked at, and why.
    unseen: Vec<String>,
}

/// What a store of backups has of the cluster.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct LastBackupDocument {
    /// The store, as `--store` takes it.
    store: String,
    /// Name of the newest backup that was whole when it was last read; none when there is none.
    id: Option<String>,
    /// `logical`, `database` or `physical`.
    r#type: Option<&'static str>,
    /// When it was begun: what was committed before is in it.
    started_at: Option<Timestamp>,
    /// Seconds since then.
    age_seconds: Option<i64>,
    /// When it was last known to be whole.
    verified_at: Option<Timestamp>,
    /// Why the store could not be read; then nothing is known.
    problem: Option<String>,
}

impl LastBackupDocument {
    fn new(last: &LastBackup, now: Timestamp) -> Self {
        let newest = last.found.as_ref().ok().and_then(Option::as_ref);
        Self {
            store: last.store.clone(),
            id: newest.map(|one| one.id.clone()),
            r#type: newest.map(|one| one.kind.name()),
            started_at: newest.map(|one| one.started),
            age_seconds: newest.map(|one| now.duration_since(one.started).as_secs()),
            verified_at: newest.map(|one| one.verified),
            problem: last.found.as_ref().err().cloned(),
        }
    }
}

impl ClusterStatusDocument {
    /// The same with what a store has of the cluster.
    pub fn with_kept(mut self, backup: &LastBackup, archive: &LastArchive) -> Self {
        self.last_backup = Some(LastBackupDocument::new(backup, self.taken_at));
        self.wal_archive = WalProtectionDocument::of(archive, self.taken_at);
        self
    }

    /// What `-o json` and `-o yaml` print of it.
    pub fn new(snapshot: &Snapshot, health: &Health) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "ClusterStatus",
            cluster: (&snapshot.cluster).into(),
            taken_at: snapshot.taken,
            verdict: health.verdict,
            summary: (&health.headline).into(),
            findings: health.findings.clone(),
            topology: (&snapshot.topology).into(),
            instances: snapshot
                .instances
                .iter()
                .map(|instance| InstanceDocument::new(snapshot, health, instance))
                .collect(),
            services: snapshot.services.iter().map(Into::into).collect(),
            autoscaler: snapshot.autoscaler.as_ref().map(Into::into),
            volumes: snapshot
                .volumes
                .iter()
                .map(|volume| VolumeDocument::new(snapshot, volume))
                .collect(),
            throw_aways: snapshot.throw_aways.iter().map(Into::into).collect(),
            last_backup: None,
            wal_archive: None,
            unseen: snapshot.unseen.iter().map(ToString::to_string).collect(),
        }
    }
}

/// A line for each cluster (`pgctl status -A -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "ClusterList", deny_unknown_fields)]
pub struct ClusterListDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `ClusterList`.
    #[schemars(extend("const" = "ClusterList"))]
    kind: &'static str,
    /// When the looking began.
    taken_at: Timestamp,
    /// The worst verdict of all.
    verdict: HealthVerdict,
    /// By context, namespace and name.
    items: Vec<ClusterItemDocument>,
    /// The contexts that could not be looked at: nobody knows how the clusters there are.
    unreached: Vec<UnreachedDocument>,
}

/// One cluster of a list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct ClusterItemDocument {
    /// The context of the kubeconfig; `null` when only one was looked at.
    context: Option<String>,
    /// Namespace and name of the cluster.
    cluster: ClusterDocument,
    /// The worst that was found, in one word.
    verdict: HealthVerdict,
    /// The parts of the first line.
    summary: SummaryDocument,
    /// What is wrong, most urgent first.
    findings: Vec<HealthFinding>,
}

impl ClusterListDocument {
    /// What `-o json` and `-o yaml` print of it.
    pub fn new(taken_at: Timestamp, fleet: &FleetView<'_, &Health>) -> Self {
        let worst = fleet.clusters.iter().map(|(_, health)| health.verdict);
        let item = |(context, health): &(Option<&str>, &Health)| ClusterItemDocument {
            context: context.map(str::to_owned),
            cluster: (&health.headline.cluster).into(),
            verdict: health.verdict,
            summary: (&health.headline).into(),
            findings: health.findings.clone(),
        };
        Self {
            api_version: API_VERSION,
            kind: "ClusterList",
            taken_at,
            verdict: worst.max().unwrap_or(HealthVerdict::Healthy),
            items: fleet.clusters.iter().map(item).collect(),
            unreached: fleet.unreached.iter().map(Into::into).collect(),
        }
    }
}

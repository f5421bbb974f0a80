//! `kind: ClusterBackupList`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::API_VERSION;
use super::fleet::UnreachedDocument;
use super::status::ClusterDocument;
use crate::output::{ClusterBackups, FleetView};

/// What a store has of each of many clusters (`pgctl backup list -A -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "ClusterBackupList", deny_unknown_fields)]
pub struct ClusterBackupListDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `ClusterBackupList`.
    #[schemars(extend("const" = "ClusterBackupList"))]
    kind: &'static str,
    /// When the looking began.
    taken_at: Timestamp,
    /// The store, as `--store` takes it.
    store: String,
    /// By context, namespace and name.
    items: Vec<ClusterBackupsDocument>,
    /// The contexts that could not be looked at: nobody knows which clusters are there.
    unreached: Vec<UnreachedDocument>,
}

/// What the store has of one cluster.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct ClusterBackupsDocument {
    /// The context of the kubeconfig; `null` when only one was looked at.
    context: Option<String>,
    /// Namespace and name of the cluster.
    cluster: ClusterDocument,
    /// How many backups there are of it, whole or not.
    backups: usize,
    /// The newest that is known to be whole; `null` when none is.
    newest: Option<NewestDocument>,
    /// The last restore of one of them into a throw-away server; `null` when there was none.
    restore_test: Option<TriedDocument>,
}

/// A backup that is known to be whole.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct NewestDocument {
    /// The backup's name in the store.
    id: String,
    /// `logical`, `database` or `base`.
    r#type: String,
    /// When it was begun.
    started_at: Timestamp,
    /// When it was last known to be whole.
    verified_at: Timestamp,
    /// Seconds since it was begun.
    age_seconds: f64,
}

/// A restore into a throw-away server.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct TriedDocument {
    /// The backup's name in the store.
    id: String,
    /// When it ended.
    at: Timestamp,
    /// Whether it worked.
    restored: bool,
    /// The first reason why not.
    problem: Option<String>,
}

impl ClusterBackupListDocument {
    /// What `-o json` and `-o yaml` print of it.
    pub fn new(taken_at: Timestamp, store: &str, fleet: &FleetView<'_, &ClusterBackups>) -> Self {
        let item = |(context, backups): &(Option<&str>, &ClusterBackups)| ClusterBackupsDocument {
            context: context.map(str::to_owned),
            cluster: (&backups.cluster).into(),
            backups: backups.count,
            newest: backups.newest.as_ref().map(|it| NewestDocument {
                id: it.id.clone(),
                r#type: it.kind.name().to_owned(),
                started_at: it.started,
                verified_at: it.verified,
                age_seconds: taken_at.duration_since(it.started).as_secs_f64(),
            }),
            restore_test: backups.restored.as_ref().map(|it| TriedDocument {
                id: it.id.clone(),
                at: it.at,
                restored: it.problem.is_none(),
                problem: it.problem.clone(),
            }),
        };
        Self {
            api_version: API_VERSION,
            kind: "ClusterBackupList",
            taken_at,
            store: store.to_owned(),
            items: fleet.clusters.iter().map(item).collect(),
            unreached: fleet.unreached.iter().map(Into::into).collect(),
        }
    }
}

//! `kind: Poolers`.

use schemars::JsonSchema;
use serde::Serialize;

use super::API_VERSION;
use super::status::ClusterDocument;
use crate::cluster::{ClusterId, Pool, PoolerAnswer};
use crate::output::pooler::{PoolerView, purpose_word};

/// Who waits in the poolers of a cluster (`pgctl pooler -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "Poolers", deny_unknown_fields)]
pub struct PoolersDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `Poolers`.
    #[schemars(extend("const" = "Poolers"))]
    kind: &'static str,
    /// Namespace and name of the cluster.
    cluster: ClusterDocument,
    /// How long a client may wait, in seconds.
    max_wait_seconds: f64,
    /// The pods, those for writes first.
    poolers: Vec<PoolerDocument>,
}

/// A pooler's pod.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct PoolerDocument {
    /// Name of the pod.
    pod: String,
    /// `writes` or `reads`.
    purpose: &'static str,
    /// Why it says nothing; none when it does.
    no_answer: Option<String>,
    /// For how long the first client of all that wait has waited, in seconds; none when nobody waits.
    oldest_wait_seconds: Option<f64>,
    /// Whether that is more than `maxWaitSeconds`.
    waits_too_long: bool,
    /// Whether it was told to let its clients wait; none when it does not say.
    paused: Option<bool>,
    /// Names of the databases that it was told to let wait each alone; empty, too, when it says nothing.
    paused_databases: Vec<String>,
    /// Its pools, those first in which somebody waits for the longest.
    pools: Vec<PoolDocument>,
}

/// The servers and clients of one user and database.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct PoolDocument {
    /// The role that clients log in as.
    user: String,
    /// The database that they ask for.
    database: String,
    /// Clients, those that wait, too.
    clients: u64,
    /// Clients that wait for a server.
    clients_waiting: u64,
    /// For how long the first of them has, in seconds.
    oldest_wait_seconds: f64,
    /// Servers in a transaction.
    servers_active: u64,
    /// Servers that wait for one.
    servers_idle: u64,
    /// Servers that are being made.
    servers_connecting: u64,
}

impl PoolersDocument {
    /// What `-o json` and `-o yaml` print of it.
    pub fn new(cluster: &ClusterId, answers: &[PoolerAnswer], view: &PoolerView) -> Self {
        let poolers = answers.iter().map(|it| PoolerDocument {
            pod: it.pod.clone(),
            purpose: purpose_word(it.purpose),
            no_answer: it.answer.as_ref().err().cloned(),
            oldest_wait_seconds: it.oldest_wait(),
            waits_too_long: view.waits_too_long(it),
            paused: it.answer.as_ref().ok().and_then(|it| it.paused),
            paused_databases: it.paused_databases().to_vec(),
            pools: it.pools().iter().map(Into::into).collect(),
        });
        Self {
            api_version: API_VERSION,
            kind: "Poolers",
            cluster: cluster.into(),
            max_wait_seconds: view.max_wait_seconds,
            poolers: poolers.collect(),
        }
    }
}

impl From<&Pool> for PoolDocument {
    fn from(it: &Pool) -> Self {
        Self {
            user: it.user.clone(),
            database: it.database.clone(),
            clients: it.clients + it.waiting,
            clients_waiting: it.waiting,
            oldest_wait_seconds: it.oldest_wait_seconds,
            servers_active: it.servers_active,
            servers_idle: it.servers_idle,
            servers_connecting: it.servers_connecting,
        }
    }
}

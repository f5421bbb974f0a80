//! `kind: Connections`.

use schemars::JsonSchema;
use serde::Serialize;

use super::API_VERSION;
use super::answers::ServerAnswer;
use super::status::ClusterDocument;
use crate::cluster::{ClusterId, Connections, OldSession, PodAnswer, SessionCount, XminHolder};
use crate::output::connections::ConnectionsView;

/// Who is connected to the servers (`pgctl connections -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "Connections", deny_unknown_fields)]
pub struct ConnectionsDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `Connections`.
    #[schemars(extend("const" = "Connections"))]
    kind: &'static str,
    /// Namespace and name of the cluster.
    cluster: ClusterDocument,
    /// How many percent of the connections may be used.
    max_used_percent: u8,
    /// The servers, the primary first.
    servers: Vec<ServerAnswer<ServerConnections>>,
}

/// The connections of one server.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct ServerConnections {
    /// Connections of clients, without pgctl's own.
    used: u32,
    /// Connections that everybody may use: `max_connections` less those that are reserved.
    usable: u32,
    /// How many percent of those are used.
    used_percent: f64,
    /// Whether that is more than `maxUsedPercent`.
    near_limit: bool,
    /// `max_connections`.
    max_connections: u32,
    /// `superuser_reserved_connections`.
    superuser_reserved: u32,
    /// `reserved_connections`; 0 before PostgreSQL 16.
    reserved: u32,
    /// Sessions that are alike, taken together.
    sessions: Vec<SessionsDocument>,
    /// The oldest transaction of a client.
    oldest_transaction: Option<OldSessionDocument>,
    /// The session that has been idle in its transaction for the longest.
    oldest_idle_in_transaction: Option<OldSessionDocument>,
    /// What keeps dead rows from going, the oldest first.
    xmin_holders: Vec<XminHolderDocument>,
}

/// Sessions that are alike.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct SessionsDocument {
    /// `usename`.
    user: String,
    /// `datname`.
    database: String,
    /// `application_name`.
    application: String,
    /// Address of the client; `local` for the pod itself.
    client: String,
    /// `state`.
    state: String,
    /// Number of sessions.
    count: u32,
}

/// A session that has been at something for long.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct OldSessionDocument {
    /// Number of its process.
    pid: i32,
    /// `usename`.
    user: Option<String>,
    /// `datname`.
    database: Option<String>,
    /// `state`.
    state: Option<String>,
    /// For how long, in seconds.
    seconds: f64,
    /// Its query, or its last one.
    query: String,
}

/// What keeps dead rows from going.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct XminHolderDocument {
    /// `session`, `standby` (by `hot_standby_feedback`), `slot` or `prepared`.
    kind: &'static str,
    /// Number of the process, application of the standby, name of the slot, or global identifier.
    name: String,
    /// How many transactions ago what it wants to see is from.
    age: i64,
}

impl ConnectionsDocument {
    /// What `-o json` and `-o yaml` print of it.
    pub fn new(
        cluster: &ClusterId,
        answers: &[PodAnswer<Connections>],
        view: &ConnectionsView,
    ) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "Connections",
            cluster: cluster.into(),
            max_used_percent: view.max_used_percent,
            servers: ServerAnswer::list(answers, |it| ServerConnections {
                used: it.used(),
                usable: it.usable(),
                used_percent: it.used_percent(),
                near_limit: view.is_near_the_limit(it),
                max_connections: it.max,
                superuser_reserved: it.superuser_reserved,
                reserved: it.reserved,
                sessions: it.sessions.iter().map(Into::into).collect(),
                oldest_transaction: it.oldest_transaction.as_ref().map(Into::into),
                oldest_idle_in_transaction: it.oldest_idle.as_ref().map(Into::into),
                xmin_holders: it.oldest_holders().into_iter().map(Into::into).collect(),
            }),
        }
    }
}

impl From<&SessionCount> for SessionsDocument {
    fn from(it: &SessionCount) -> Self {
        Self {
            user: it.user.clone(),
            database: it.database.clone(),
            application: it.application.clone(),
            client: it.client.clone(),
            state: it.state.clone(),
            count: it.count,
        }
    }
}

impl From<&OldSession> for OldSessionDocument {
    fn from(it: &OldSession) -> Self {
        Self {
            pid: it.pid,
            user: it.user.clone(),
            database: it.database.clone(),
            state: it.state.clone(),
            seconds: it.seconds,
            query: it.query.clone(),
        }
    }
}

impl From<&XminHolder> for XminHolderDocument {
    fn from(it: &XminHolder) -> Self {
        Self {
            kind: it.kind.word(),
            name: it.name.clone(),
            age: it.age,
        }
    }
}

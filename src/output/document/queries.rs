//! `kind: Queries` and `kind: Statements`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::API_VERSION;
use super::answers::ServerAnswer;
use super::status::ClusterDocument;
use crate::cluster::{
    Activity, ActivityLine, ClusterId, PodAnswer, StatementCount, Statements, Which, Who,
};

/// What the servers do (`pgctl queries -o json`, `pgctl locks -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "Queries", deny_unknown_fields)]
pub struct QueriesDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `Queries`.
    #[schemars(extend("const" = "Queries"))]
    kind: &'static str,
    /// Namespace and name of the cluster.
    cluster: ClusterDocument,
    /// The servers, the primary first.
    servers: Vec<ServerAnswer<ServerQueries>>,
}

/// What one server does.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct ServerQueries {
    /// How many of its processes wait for a lock.
    blocked: usize,
    /// In the order of the tree: whoever waits comes after the one that it waits for.
    processes: Vec<ProcessDocument>,
}

/// A process, or a prepared transaction.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct ProcessDocument {
    /// Its number; null of a prepared transaction.
    pid: Option<i32>,
    /// Global identifier of a prepared transaction; null of a process.
    prepared: Option<String>,
    /// How deep in the tree of who waits for whom: 0 waits for nobody.
    depth: usize,
    /// How many wait for it, straight or through others.
    waiting: usize,
    /// `backend_type`.
    kind: Option<String>,
    /// Number of the process that it works for, of a parallel worker.
    leader: Option<i32>,
    /// `usename`.
    user: Option<String>,
    /// `datname`.
    database: Option<String>,
    /// `application_name`.
    application: Option<String>,
    /// Address of the client; `local` for the pod itself.
    client: Option<String>,
    /// `state`.
    state: Option<String>,
    /// `wait_event_type`.
    wait_event_type: Option<String>,
    /// `wait_event`.
    wait_event: Option<String>,
    /// The lock that it waits for: `ShareLock on transactionid`.
    lock: Option<String>,
    /// Numbers of the processes that it waits for.
    blocked_by: Vec<i32>,
    /// Global identifiers of the prepared transactions that it waits for.
    blocked_by_prepared: Vec<String>,
    /// When it began.
    started: Option<Timestamp>,
    /// When its query began.
    query_started: Option<Timestamp>,
    /// For how long its query has run, or, when it runs none, it has been in its state.
    seconds: Option<f64>,
    /// For how long its transaction has lasted.
    transaction_seconds: Option<f64>,
    /// How many transactions ago its snapshot is from.
    xmin_age: Option<i64>,
    /// Whether it is autovacuum against the wraparound of transaction ids.
    prevents_wraparound: bool,
    /// The query, or the last one.
    query: Option<String>,
}

impl QueriesDocument {
    /// What `-o json` and `-o yaml` print of it.
    pub fn new(cluster: &ClusterId, answers: &[PodAnswer<Activity>], which: Which) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "Queries",
            cluster: cluster.into(),
            servers: ServerAnswer::list(answers, |activity| ServerQueries {
                blocked: activity.blocked(),
                processes: activity.tree(which).iter().map(Into::into).collect(),
            }),
        }
    }
}

impl From<&ActivityLine<'_>> for ProcessDocument {
    fn from(line: &ActivityLine<'_>) -> Self {
        let (depth, waiting) = (line.depth, line.waiting);
        match line.who {
            Who::Backend(it) => Self {
                pid: Some(it.pid),
                prepared: None,
                depth,
                waiting,
                kind: Some(it.kind.clone()),
                leader: it.leader,
                user: it.user.clone(),
                database: it.database.clone(),
                application: Some(it.application.clone()),
                client: it.client.clone(),
                state: it.state.clone(),
                wait_event_type: it.wait_type.clone(),
                wait_event: it.wait_event.clone(),
                lock: it.lock.clone(),
                blocked_by: it.blocked_by.clone(),
                blocked_by_prepared: it.blocked_by_prepared.clone(),
                started: Some(it.backend_start),
                query_started: it.query_start,
                seconds: it.busy_seconds(),
                transaction_seconds: it.transaction_seconds,
                xmin_age: it.xmin_age,
                prevents_wraparound: it.prevents_wraparound(),
                query: Some(it.query.clone()),
            },
            Who::Prepared(it) => Self {
                prepared: Some(it.gid.clone()),
                depth,
                waiting,
                user: Some(it.owner.clone()),
                database: Some(it.database.clone()),
                seconds: Some(it.seconds),
                transaction_seconds: Some(it.seconds),
                xmin_age: Some(it.age),
                ..Self::default()
            },
        }
    }
}

/// The statements that took the most time (`pgctl queries --top -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "Statements", deny_unknown_fields)]
pub struct StatementsDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `Statements`.
    #[schemars(extend("const" = "Statements"))]
    kind: &'static str,
    /// Namespace and name of the cluster.
    cluster: ClusterDocument,
    /// The servers, the primary first.
    servers: Vec<ServerAnswer<ServerStatements>>,
}

/// The statements of one server.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct ServerStatements {
    /// `counted`; `not-loaded` when `shared_preload_libraries` lacks `pg_stat_statements`; `no-extension` when no
    /// database has its view.
    counting: &'static str,
    /// Since when it counts; null when unknown.
    since: Option<Timestamp>,
    /// Time that all statements together have taken.
    all_seconds: Option<f64>,
    /// Those that took the most, in that order.
    statements: Vec<StatementDocument>,
}

/// A statement, without its constants.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct StatementDocument {
    /// `queryid`, as a decimal.
    id: Option<String>,
    /// Name of the role that runs it; none when it was dropped.
    user: Option<String>,
    /// Name of the database; none when it was dropped.
    database: Option<String>,
    /// How often it was executed since the statistics began.
    calls: u64,
    /// Time that it took in all.
    total_seconds: f64,
    /// Time that it took on average.
    mean_seconds: f64,
    /// Rows that it gave or changed.
    rows: u64,
    /// Pages that were found in shared memory.
    shared_pages_hit: u64,
    /// Pages that had to be read.
    shared_pages_read: u64,
    /// Time that reading took; 0 without `track_io_timing`.
    read_seconds: f64,
    /// Pages of temporary files that it wrote.
    temp_pages_written: u64,
    /// Bytes of WAL that it wrote.
    wal_bytes: u64,
    /// Its text, with `$1` and so on for its constants.
    query: String,
}

impl StatementsDocument {
    /// What `-o json` and `-o yaml` print of it.
    pub fn new(cluster: &ClusterId, answers: &[PodAnswer<Statements>]) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "Statements",
            cluster: cluster.into(),
            servers: ServerAnswer::list(answers, Into::into),
        }
    }
}

impl From<&Statements> for ServerStatements {
    fn from(statements: &Statements) -> Self {
        let nothing = |counting| Self {
            counting,
            since: None,
            all_seconds: None,
            statements: Vec::new(),
        };
        match statements {
            Statements::Counted(counts) => Self {
                counting: "counted",
                since: counts.since,
                all_seconds: Some(counts.all_seconds),
                statements: counts.statements.iter().map(Into::into).collect(),
            },
            Statements::NoExtension => nothing("no-extension"),
            Statements::NotLoaded => nothing("not-loaded"),
        }
    }
}

impl From<&StatementCount> for StatementDocument {
    fn from(it: &StatementCount) -> Self {
        Self {
            id: it.id.clone(),
            user: it.user.clone(),
            database: it.database.clone(),
            calls: it.calls,
            total_seconds: it.total_seconds,
            mean_seconds: it.mean_seconds,
            rows: it.rows,
            shared_pages_hit: it.hit_pages,
            shared_pages_read: it.read_pages,
            read_seconds: it.read_seconds,
            temp_pages_written: it.temp_pages,
            wal_bytes: it.wal_bytes,
            query: it.query.clone(),
        }
    }
}

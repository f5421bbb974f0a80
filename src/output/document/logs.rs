//! `kind: LogEntry` and `kind: SlowStatements`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::API_VERSION;
use super::status::ClusterDocument;
use crate::cluster::{Role, Snapshot};
use crate::log::{LogEntry, LogFormat, LogLevel, SlowStatements};

/// An entry of a log (`pgctl logs -o json`: one a line).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "LogEntry", deny_unknown_fields)]
pub struct LogEntryDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `LogEntry`.
    #[schemars(extend("const" = "LogEntry"))]
    kind: &'static str,
    /// When it was written, by the clock of the pod's node; null when the log does not say.
    time: Option<Timestamp>,
    /// Name of the pod.
    pod: String,
    /// `primary` or `standby`, as it was when the entry was read; null when the pod did not say.
    role: Option<&'static str>,
    /// Who wrote it, and how: `stderr`, `csvlog` and `jsonlog` are PostgreSQL's, `start-script` is the
    /// deployment's, `other` somebody else.
    format: &'static str,
    /// How bad it is; null when it does not say, or in a word of a language that is not known.
    level: Option<LogLevel>,
    /// The severity as the server wrote it, in its language.
    severity: Option<String>,
    /// SQLSTATE; null also where the format does not have it.
    sqlstate: Option<String>,
    /// The time that the server gave it, as it wrote it.
    logged_at: Option<String>,
    /// Id of the process.
    pid: Option<u32>,
    /// The role of the session.
    user: Option<String>,
    /// The database of the session.
    database: Option<String>,
    /// `application_name`.
    application: Option<String>,
    /// The message; of other programs the whole line.
    message: String,
    /// DETAIL.
    detail: Option<String>,
    /// HINT.
    hint: Option<String>,
    /// CONTEXT.
    context: Option<String>,
    /// STATEMENT: what the session had sent.
    statement: Option<String>,
    /// QUERY: a statement within it.
    query: Option<String>,
    /// Bytes at its end that are left out: an entry of more than 64 KiB is cut.
    dropped_bytes: u64,
}

impl LogEntryDocument {
    /// An entry that a pod, which was this then, has written.
    pub fn new(pod: &str, role: Role, time: Option<Timestamp>, entry: &LogEntry) -> Self {
        let fields = entry.fields();
        Self {
            api_version: API_VERSION,
            kind: "LogEntry",
            time,
            pod: pod.to_owned(),
            role: match role {
                Role::Primary => Some("primary"),
                Role::Standby => Some("standby"),
                Role::Unknown => None,
            },
            format: match entry.format {
                LogFormat::Stderr => "stderr",
                LogFormat::Csv => "csvlog",
                LogFormat::Json => "jsonlog",
                LogFormat::StartScript => "start-script",
                LogFormat::Other => "other",
            },
            level: entry.level,
            severity: fields.severity,
            sqlstate: fields.sqlstate,
            logged_at: fields.time,
            pid: fields.pid,
            user: fields.user,
            database: fields.database,
            application: fields.application,
            message: fields.message,
            detail: fields.detail,
            hint: fields.hint,
            context: fields.context,
            statement: fields.statement,
            query: fields.query,
            dropped_bytes: entry.dropped,
        }
    }
}

/// What `log_min_duration_statement` wrote, by the shape of the statement (`pgctl logs --slow -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "SlowStatements", deny_unknown_fields)]
pub struct SlowStatementsDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `SlowStatements`.
    #[schemars(extend("const" = "SlowStatements"))]
    kind: &'static str,
    /// Namespace and name of the cluster.
    cluster: ClusterDocument,
    /// The shapes, by the time that they took in all, the most first.
    statements: Vec<SlowStatementDocument>,
    /// Statements that are not counted, because there were more than 2,000 shapes.
    uncounted: u64,
}

/// All statements of one shape.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct SlowStatementDocument {
    /// The statement, with `?` for each literal.
    statement: String,
    /// How often it was written.
    count: u64,
    /// All durations together, in seconds.
    total_seconds: f64,
    /// The longest of them.
    longest_seconds: f64,
    /// When the last was written, by the clock of the pod's node.
    last_at: Option<Timestamp>,
    /// Names of the pods that wrote it.
    pods: Vec<String>,
}

impl SlowStatementsDocument {
    /// What was slow in a cluster.
    pub fn new(snapshot: &Snapshot, slow: &SlowStatements) -> Self {
        let statements = slow.sorted().into_iter().map(|it| SlowStatementDocument {
            statement: it.shape.clone(),
            count: it.count,
            total_seconds: it.total_ms / 1000.0,
            longest_seconds: it.longest_ms / 1000.0,
            last_at: it.last,
            pods: it.pods.iter().cloned().collect(),
        });
        Self {
            api_version: API_VERSION,
            kind: "SlowStatements",
            cluster: ClusterDocument::from(&snapshot.cluster),
            statements: statements.collect(),
            uncounted: slow.uncounted,
        }
    }
}

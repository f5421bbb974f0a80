//! `kind: Databases` and `kind: Users`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::API_VERSION;
use super::answers::ServerAnswer;
use super::status::ClusterDocument;
use crate::cluster::{
    ClusterId, ClusterWide, DatabaseEntry, PodAnswer, RoleEntry, cluster_wide, differing_collations,
};

/// The databases (`pgctl databases -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "Databases", deny_unknown_fields)]
pub struct DatabasesDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `Databases`.
    #[schemars(extend("const" = "Databases"))]
    kind: &'static str,
    /// Namespace and name of the cluster.
    cluster: ClusterDocument,
    /// The servers that were asked, each with the sessions that it has; the list is of the first that
    /// answered.
    servers: Vec<ServerAnswer<SessionsOfServer>>,
    /// The databases.
    databases: Vec<DatabaseDocument>,
}

/// The sessions of a server.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct SessionsOfServer {
    /// Sessions in all databases, or of all roles, of the list.
    connections: u32,
}

/// A database.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct DatabaseDocument {
    /// `datname`.
    name: String,
    /// Its owner.
    owner: String,
    /// Its size; null when it may not be asked for.
    bytes: Option<u64>,
    /// Sessions of clients on all servers that answered, without pgctl's own.
    connections: u32,
    /// How many there may be on a server; null for no limit.
    connection_limit: Option<u32>,
    /// Its encoding.
    encoding: String,
    /// `datcollate`.
    collation: String,
    /// Version of the collation that its indexes were made with; null when it has none, or before
    /// PostgreSQL 15.
    collation_version: Option<String>,
    /// The servers that have another version of the collation.
    differing_collations: Vec<DifferingCollation>,
    /// Whether it takes connections.
    allows_connections: bool,
    /// Whether it is a template.
    template: bool,
    /// Whether every role may connect.
    public_connect: bool,
    /// Whether its drop was interrupted: it can only be dropped again.
    invalid: bool,
}

/// A server that sorts text by other rules than indexes were made with.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct DifferingCollation {
    /// Name of its pod.
    pod: String,
    /// The version that it has.
    version: String,
}

/// The roles (`pgctl users -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "Users", deny_unknown_fields)]
pub struct UsersDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `Users`.
    #[schemars(extend("const" = "Users"))]
    kind: &'static str,
    /// Namespace and name of the cluster.
    cluster: ClusterDocument,
    /// The servers that were asked, each with the sessions that it has; the list is of the first that
    /// answered.
    servers: Vec<ServerAnswer<SessionsOfServer>>,
    /// The roles.
    users: Vec<UserDocument>,
}

/// A role.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct UserDocument {
    /// `rolname`.
    name: String,
    /// Whether it can log in.
    login: bool,
    /// Whether it is a superuser.
    superuser: bool,
    /// Whether it may make roles.
    create_role: bool,
    /// Whether it may make databases.
    create_database: bool,
    /// Whether it may stream.
    replication: bool,
    /// Whether row security does not hold for it.
    bypasses_row_security: bool,
    /// Its sessions on all servers that answered, without pgctl's own.
    connections: u32,
    /// How many it may have on a server; null for no limit.
    connection_limit: Option<u32>,
    /// Until when its password is good; null for ever.
    valid_until: Option<Timestamp>,
    /// Whether that is over.
    expired: bool,
    /// How its password is stored: `scram`, `md5`, `none`, or `unknown` when we may not know.
    password: &'static str,
    /// The roles that it is a member of, itself.
    member_of: Vec<String>,
    /// The databases that it may connect to.
    databases: Vec<String>,
}

impl DatabasesDocument {
    /// What `-o json` and `-o yaml` print of it.
    pub fn new(cluster: &ClusterId, answers: &[PodAnswer<Vec<DatabaseEntry>>]) -> Self {
        let list = cluster_wide(answers).map(|(_, list)| list);
        let one = |(it, connections): (&DatabaseEntry, u32)| DatabaseDocument {
            name: it.name.clone(),
            owner: it.owner.clone(),
            bytes: it.bytes,
            connections,
            connection_limit: u32::try_from(it.limit).ok(),
            encoding: it.encoding.clone(),
            collation: it.collation.clone(),
            collation_version: it.recorded_version.clone(),
            differing_collations: differing_collations(answers, &it.name)
                .into_iter()
                .map(|(pod, version)| DifferingCollation {
                    pod: pod.to_owned(),
                    version: version.to_owned(),
                })
                .collect(),
            allows_connections: it.allows_connections,
            template: it.template,
            public_connect: it.public_connect,
            invalid: it.is_invalid(),
        };
        Self {
            api_version: API_VERSION,
            kind: "Databases",
            cluster: cluster.into(),
            servers: servers(answers),
            databases: list.into_iter().flatten().map(one).collect(),
        }
    }
}

impl UsersDocument {
    /// What `-o json` and `-o yaml` print of it.
    pub fn new(cluster: &ClusterId, answers: &[PodAnswer<Vec<RoleEntry>>]) -> Self {
        let list = cluster_wide(answers).map(|(_, list)| list);
        let one = |(it, connections): (&RoleEntry, u32)| UserDocument {
            name: it.name.clone(),
            login: it.login,
            superuser: it.superuser,
            create_role: it.create_role,
            create_database: it.create_database,
            replication: it.replication,
            bypasses_row_security: it.bypasses_row_security,
            connections,
            connection_limit: u32::try_from(it.limit).ok(),
            valid_until: it.valid_until,
            expired: it.expired,
            password: it.password.word(),
            member_of: it.member_of.clone(),
            databases: it.databases.clone(),
        };
        Self {
            api_version: API_VERSION,
            kind: "Users",
            cluster: cluster.into(),
            servers: servers(answers),
            users: list.into_iter().flatten().map(one).collect(),
        }
    }
}

fn servers<T: ClusterWide>(answers: &[PodAnswer<Vec<T>>]) -> Vec<ServerAnswer<SessionsOfServer>> {
    ServerAnswer::list(answers, |list| SessionsOfServer {
        connections: list.iter().map(ClusterWide::connections).sum(),
    })
}

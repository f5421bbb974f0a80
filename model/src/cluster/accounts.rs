//! The databases and roles of a cluster: one list on all servers, with the sessions of each server.

use jiff::Timestamp;
use serde::Deserialize;

use super::{PodAnswer, answered};

/// A database.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseEntry {
    /// `datname`.
    pub name: String,
    /// Its owner.
    pub owner: String,
    /// Its size; none when it may not be asked for.
    pub bytes: Option<u64>,
    /// Sessions of clients on this server.
    pub connections: u32,
    /// `datconnlimit`: -1 for none, -2 for a database whose drop was interrupted.
    pub limit: i32,
    /// Its encoding: `UTF8`.
    pub encoding: String,
    /// `datcollate`.
    pub collation: String,
    /// Version of the collation that its indexes were made with; none when it has none, or before
    /// PostgreSQL 15.
    pub recorded_version: Option<String>,
    /// The version that this server has now.
    pub actual_version: Option<String>,
    /// `datallowconn`.
    pub allows_connections: bool,
    /// `datistemplate`.
    pub template: bool,
    /// Whether every role may connect.
    pub public_connect: bool,
}

impl DatabaseEntry {
    /// Whether text is sorted by other rules than its indexes were made with.
    pub fn collation_differs(&self) -> bool {
        match (&self.recorded_version, &self.actual_version) {
            (Some(recorded), Some(actual)) => recorded != actual,
            _ => false,
        }
    }

    /// Whether its drop was interrupted: it can only be dropped again.
    pub const fn is_invalid(&self) -> bool {
        self.limit == -2
    }
}

/// A role.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleEntry {
    /// `rolname`.
    pub name: String,
    /// Whether it can log in.
    pub login: bool,
    /// `rolsuper`.
    pub superuser: bool,
    /// `rolcreaterole`.
    pub create_role: bool,
    /// `rolcreatedb`.
    pub create_database: bool,
    /// `rolreplication`.
    pub replication: bool,
    /// `rolbypassrls`.
    pub bypasses_row_security: bool,
    /// `rolconnlimit`: -1 for none.
    pub limit: i32,
    /// Sessions on this server.
    pub connections: u32,
    /// Until when its password is good; none for ever.
    pub valid_until: Option<Timestamp>,
    /// Whether that is over, by the server's clock.
    pub expired: bool,
    /// How its password is stored.
    pub password: PasswordKind,
    /// The roles that it is a member of, itself.
    pub member_of: Vec<String>,
    /// The databases that it may connect to, of those that take connections.
    pub databases: Vec<String>,
    /// Whether that is all of those.
    pub every_database: bool,
}

/// How a password is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PasswordKind {
    /// There is none.
    None,
    /// As a SCRAM-SHA-256 verifier.
    Scram,
    /// As an MD5 hash, which is as good as the password for whoever reads it.
    Md5,
    /// We may not know.
    Unknown,
}

impl PasswordKind {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Scram => "scram",
            Self::Md5 => "md5",
            Self::Unknown => "unknown",
        }
    }
}

impl RoleEntry {
    /// What it may besides what it was granted, in words.
    pub fn attributes(&self) -> Vec<&'static str> {
        let all = [
            (self.superuser, "superuser"),
            (self.create_role, "create role"),
            (self.create_database, "create db"),
            (self.replication, "replication"),
            (self.bypasses_row_security, "bypass rls"),
            (!self.login, "no login"),
        ];
        all.iter().filter(|it| it.0).map(|it| it.1).collect()
    }
}

/// Something that every server of a cluster has alike, but for the sessions.
pub trait ClusterWide {
    /// Its name.
    fn name(&self) -> &str;
    /// The sessions on one server.
    fn connections(&self) -> u32;
}

impl ClusterWide for DatabaseEntry {
    fn name(&self) -> &str {
        &self.name
    }

    fn connections(&self) -> u32 {
        self.connections
    }
}

impl ClusterWide for RoleEntry {
    fn name(&self) -> &str {
        &self.name
    }

    fn connections(&self) -> u32 {
        self.connections
    }
}

/// Each with its sessions.
type WithSessions<'a, T> = Vec<(&'a T, u32)>;

/// The list of the first server that has answered, which is the primary when it has, each with its sessions
/// on all servers that have answered. None when nobody has.
pub fn cluster_wide<T: ClusterWide>(
    answers: &[PodAnswer<Vec<T>>],
) -> Option<(&PodAnswer<Vec<T>>, WithSessions<'_, T>)> {
    let (who, list) = answered(answers).next()?;
    let of_all = |name: &str| -> u32 {
        let same = answered(answers).flat_map(|(_, list)| list);
        let same = same.filter(|it| it.name() == name);
        same.map(ClusterWide::connections).sum()
    };
    let entries = list.iter().map(|it| (it, of_all(it.name())));
    Some((who, entries.collect()))
}

/// On which servers text of a database is sorted by other rules than its indexes were made with, and which
/// version those have.
pub fn differing_collations<'a>(
    answers: &'a [PodAnswer<Vec<DatabaseEntry>>],
    name: &str,
) -> Vec<(&'a str, &'a str)> {
    let all = answered(answers).flat_map(|(who, list)| list.iter().map(move |it| (who, it)));
    let differ = all.filter(|(_, it)| it.name == name && it.collation_differs());
    differ
        .map(|(who, it)| {
            (
                who.pod.as_str(),
                it.actual_version.as_deref().unwrap_or_default(),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fixture::database_entry;
    use crate::cluster::{NoAnswer, Role};

    #[test]
    fn sessions_are_counted_on_all_servers_and_collations_told_of_each() {
        let of = |pod: &str, role, connections, actual: &str| PodAnswer {
            pod: pod.to_owned(),
            role,
            answer: Ok(vec![DatabaseEntry {
                connections,
                actual_version: Some(actual.to_owned()),
                ..database_entry("shop")
            }]),
        };
        let answers = [
            of("p", Role::Primary, 3, "2.36"),
            of("r", Role::Standby, 2, "2.41"),
            PodAnswer {
                pod: "s".to_owned(),
                role: Role::Unknown,
                answer: Err(NoAnswer::NotRunning),
            },
        ];
        let (who, list) = cluster_wide(&answers).expect("two have answered");
        assert_eq!((who.pod.as_str(), list.len(), list[0].1), ("p", 1, 5));
        assert_eq!(differing_collations(&answers, "shop"), [("r", "2.41")]);
        assert!(cluster_wide(&answers[2..]).is_none());
    }
}

//! The connections of a server, against their limit, and what keeps dead rows from going.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The connections of one server.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connections {
    /// `max_connections`.
    pub max: u32,
    /// `superuser_reserved_connections`.
    pub superuser_reserved: u32,
    /// `reserved_connections`, for members of `pg_use_reserved_connections`; 0 before PostgreSQL 16.
    pub reserved: u32,
    /// Clients' sessions without the one that asks, those alike taken together.
    pub sessions: Vec<SessionCount>,
    /// The oldest transaction of a client.
    pub oldest_transaction: Option<OldSession>,
    /// The session that has been idle in its transaction for the longest.
    pub oldest_idle: Option<OldSession>,
    /// What keeps dead rows from going, the oldest of each kind and name.
    pub holders: Vec<XminHolder>,
}

/// Sessions of clients that are alike.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionCount {
    /// `usename`.
    pub user: String,
    /// `datname`.
    pub database: String,
    /// `application_name`.
    pub application: String,
    /// Address; `local` for the pod itself.
    pub client: String,
    /// `state`.
    pub state: String,
    /// Number of sessions.
    pub count: u32,
}

/// A session that has been at something for long.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OldSession {
    /// Number of its process.
    pub pid: i32,
    /// `usename`.
    pub user: Option<String>,
    /// `datname`.
    pub database: Option<String>,
    /// `state`.
    pub state: Option<String>,
    /// For how long, in seconds.
    pub seconds: f64,
    /// Its query, or its last one.
    pub query: String,
}

/// What keeps dead rows from going: VACUUM leaves what somebody may still want to see.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct XminHolder {
    /// What it is.
    pub kind: HolderKind,
    /// PID, application of the standby, name of the slot, or global identifier.
    pub name: String,
    /// How many transactions ago what it wants to see is from.
    pub age: i64,
}

/// What can keep dead rows from going.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HolderKind {
    /// A session of this server.
    Session,
    /// A standby with `hot_standby_feedback`: a query of it.
    Standby,
    /// A replication slot.
    Slot,
    /// A prepared transaction.
    Prepared,
}

impl HolderKind {
    /// The stable word of documents.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Standby => "standby",
            Self::Slot => "slot",
            Self::Prepared => "prepared",
        }
    }
}

/// By what connections are taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    /// `usename`.
    User,
    /// `datname`.
    Database,
    /// `application_name`.
    Application,
    /// Address of the client.
    Client,
}

/// Connections that were taken together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectionGroup {
    /// What they have in common, in the order that was asked for.
    pub key: Vec<String>,
    /// All of them.
    pub total: u32,
    /// Those that run a query.
    pub active: u32,
    /// Those that do nothing.
    pub idle: u32,
    /// Those that do nothing in an open transaction.
    pub idle_in_transaction: u32,
}

impl Connections {
    /// How many there are.
    pub fn used(&self) -> u32 {
        self.sessions.iter().map(|it| it.count).sum()
    }

    /// How many everybody may have together who is nobody special.
    pub fn usable(&self) -> u32 {
        let reserved = self.superuser_reserved + self.reserved;
        self.max.saturating_sub(reserved)
    }

    /// How many percent of those are used.
    pub fn used_percent(&self) -> f64 {
        match self.usable() {
            0 => 100.0,
            usable => f64::from(self.used()) * 100.0 / f64::from(usable),
        }
    }

    /// Taken together, most first.
    pub fn groups(&self, by: &[GroupBy]) -> Vec<ConnectionGroup> {
        let mut groups: BTreeMap<Vec<String>, ConnectionGroup> = BTreeMap::new();
        for session in &self.sessions {
            let part = |by: &GroupBy| match by {
                GroupBy::User => session.user.clone(),
                GroupBy::Database => session.database.clone(),
                GroupBy::Application => session.application.clone(),
                GroupBy::Client => session.client.clone(),
            };
            let key: Vec<String> = by.iter().map(part).collect();
            let group = groups.entry(key.clone()).or_default();
            group.key = key;
            group.total += session.count;
            match session.state.as_str() {
                "active" | "fastpath function call" => group.active += session.count,
                "idle" => group.idle += session.count,
                state if state.starts_with("idle in transaction") => {
                    group.idle_in_transaction += session.count;
                }
                _ => {}
            }
        }
        let mut groups: Vec<ConnectionGroup> = groups.into_values().collect();
        groups.sort_by_key(|it| std::cmp::Reverse(it.total));
        groups
    }

    /// What holds back the most, first; without those that hold back nothing.
    pub fn oldest_holders(&self) -> Vec<&XminHolder> {
        let mut holders: Vec<&XminHolder> = self.holders.iter().filter(|it| it.age > 0).collect();
        holders.sort_by_key(|it| std::cmp::Reverse(it.age));
        holders
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(user: &str, application: &str, state: &str, count: u32) -> SessionCount {
        SessionCount {
            user: user.to_owned(),
            database: "shop".to_owned(),
            application: application.to_owned(),
            client: "10.0.0.9".to_owned(),
            state: state.to_owned(),
            count,
        }
    }

    fn connections() -> Connections {
        Connections {
            max: 100,
            superuser_reserved: 3,
            reserved: 7,
            sessions: vec![
                session("app", "web", "active", 40),
                session("app", "web", "idle in transaction (aborted)", 1),
                session("app", "job", "idle", 40),
                session("bob", "", "disabled", 1),
            ],
            oldest_transaction: None,
            oldest_idle: None,
            holders: Vec::new(),
        }
    }

    #[test]
    fn what_is_reserved_is_nobody_s() {
        let connections = connections();
        assert_eq!(connections.used(), 82);
        assert_eq!(connections.usable(), 90);
        assert!(connections.used_percent() > 91.0);
        let none = Connections {
            max: 5,
            ..connections
        };
        assert_eq!(none.used_percent(), 100.0);
    }

    #[test]
    fn they_are_taken_together_by_what_was_asked_for() {
        let groups = connections().groups(&[GroupBy::User]);
        assert_eq!(groups[0].key, ["app"]);
        let of = |it: &ConnectionGroup| (it.total, it.active, it.idle, it.idle_in_transaction);
        assert_eq!(of(&groups[0]), (81, 40, 40, 1));
        // A state that nobody reports counts all the same.
        assert_eq!(of(&groups[1]), (1, 0, 0, 0));
        let groups = connections().groups(&[GroupBy::User, GroupBy::Application]);
        assert_eq!(groups[0].key, ["app", "web"]);
        assert_eq!(groups.len(), 3);
    }

    #[test]
    fn who_holds_back_nothing_is_not_named() {
        let holder = |name: &str, age| XminHolder {
            kind: HolderKind::Slot,
            name: name.to_owned(),
            age,
        };
        let connections = Connections {
            holders: vec![holder("idle", 0), holder("a", 2), holder("b", 7)],
            ..connections()
        };
        let names = connections.oldest_holders();
        let names: Vec<&str> = names.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["b", "a"]);
    }
}

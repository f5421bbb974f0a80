//! Whether standbys can still log in at a server.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::DatabaseFacts;

/// The standbys' role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicationRole {
    /// `rolcanlogin`.
    pub can_log_in: bool,
    /// `rolreplication`.
    pub can_replicate: bool,
    /// It may connect to the database `postgres`.
    pub connects: bool,
    /// `rolvaliduntil`, when that is a moment.
    pub valid_until: Option<Timestamp>,
}

/// Whether a standby that starts would be let in. Streams that are open say nothing about that: they
/// were let in before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "login")]
pub enum ReplicationLogin {
    /// It was not tried: the pod template names no password for it, or pgctl could not read it.
    #[default]
    Unknown,
    /// It works.
    Works,
    /// The server does not let it in.
    Refused {
        /// Why, for people.
        reason: String,
    },
    /// The server has no connection left for who is no superuser.
    NoConnectionLeft {
        /// PostgreSQL's own words.
        reason: String,
    },
}

impl DatabaseFacts {
    /// Why standbys are not let in any more, and SQL that mends it, when one statement does. Streams
    /// that are open say nothing about that: they were let in before.
    pub fn keeps_standbys_out(&self) -> Option<(String, Option<&'static str>)> {
        const RIGHTS: &str = "alter role replicator login replication valid until 'infinity'";
        if let Some(role) = &self.replication_role {
            let lost = if !role.can_log_in {
                Some("the role replicator may not log in (NOLOGIN)".to_owned())
            } else if !role.can_replicate {
                Some("the role replicator may not replicate (NOREPLICATION)".to_owned())
            } else {
                role.valid_until
                    .filter(|until| *until <= self.clock)
                    .map(|until| {
                        format!("the password of the role replicator was valid until {until}")
                    })
            };
            if let Some(lost) = lost {
                return Some((lost, Some(RIGHTS)));
            }
            if !role.connects {
                return Some((
                    "the role replicator may not connect to the database postgres".to_owned(),
                    Some("grant connect on database postgres to replicator"),
                ));
            }
        }
        match &self.replication_login {
            ReplicationLogin::Refused { reason } => Some((reason.clone(), None)),
            ReplicationLogin::Unknown
            | ReplicationLogin::Works
            | ReplicationLogin::NoConnectionLeft { .. } => None,
        }
    }

    /// What keeps a standby that starts from being let in for as long as applications have all
    /// connections, in PostgreSQL's own words.
    pub fn no_connection_left(&self) -> Option<&str> {
        match &self.replication_login {
            ReplicationLogin::NoConnectionLeft { reason } => Some(reason),
            ReplicationLogin::Unknown
            | ReplicationLogin::Works
            | ReplicationLogin::Refused { .. } => None,
        }
    }
}

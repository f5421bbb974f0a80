//! Whether standbys can still log in at a server.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
        /// Why not, in a sentence for people.
        reason: String,
    },
    /// The server has no connection left for who is no superuser.
    NoConnectionLeft {
        /// PostgreSQL's own words.
        reason: String,
    },
}

//! A pod and the database in it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Database, DatabaseFacts, PodFacts, StartDecision};

/// One instance: a pod and what the database in it says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    /// What Kubernetes says of its pod.
    pub pod: PodFacts,
    /// What its server said, or why nothing was heard.
    pub database: Database,
    /// Why the start script holds PostgreSQL back, when it does.
    pub waiting: Option<StartDecision>,
    /// The last thing that PostgreSQL called fatal before its container ended, when it crashed.
    #[serde(default)]
    pub last_words: Option<String>,
    /// When the certificate expired by which its server could not prove who it is; none when something else kept it from
    /// being asked, or nothing.
    #[serde(default)]
    pub expired_certificate: Option<Timestamp>,
}

/// What an instance is, by what its database does; never by labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Out of recovery: it accepts writes (or would, if it were not set read-only).
    Primary,
    /// In recovery.
    Standby,
    /// It did not say.
    Unknown,
}

impl Instance {
    /// Its role.
    pub fn role(&self) -> Role {
        match self.database.facts() {
            Some(facts) if facts.recovery.is_none() => Role::Primary,
            Some(_) => Role::Standby,
            None => Role::Unknown,
        }
    }

    /// What the database says, when it answered.
    pub fn facts(&self) -> Option<&DatabaseFacts> {
        self.database.facts()
    }

    /// The pod's name.
    pub fn name(&self) -> &str {
        &self.pod.name
    }
}

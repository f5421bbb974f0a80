//! The pods of poolers, which lead clients to a cluster.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Which way a pooler leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PoolerPurpose {
    /// Through the write Service, to the primary.
    Write,
    /// Through the read Service.
    Read,
}

/// Whether a pooler lets its clients wait because somebody has told it to, who alone ends that.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HandPause {
    /// It was not asked.
    #[default]
    NotAsked,
    /// Its clients are served.
    Served,
    /// They wait; when pgctl paused it, where the history says so and its container is not younger.
    Paused(Option<Timestamp>),
    /// Why nobody knows.
    Unknown(String),
}

/// What Kubernetes says of a pooler's pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolerPod {
    /// Name of the pod.
    pub name: String,
    /// Which way it leads.
    pub purpose: PoolerPurpose,
    /// Why its container does not run; none when it does.
    pub stopped: Option<String>,
    /// Since when its container runs. A pause ends with the process.
    #[serde(default)]
    pub started: Option<Timestamp>,
    /// Whether it is being deleted.
    pub leaving: bool,
    /// Name of the Secret with its passwords, as its volume says.
    pub secret: Option<String>,
    /// Whether it is paused by hand, as far as it was asked.
    #[serde(default)]
    pub pause: HandPause,
}

impl PoolerPod {
    /// Whether it has clients that write and that can be let wait. One that leaves listens to nobody any more.
    pub fn can_hold(&self) -> bool {
        self.purpose == PoolerPurpose::Write && self.stopped.is_none() && !self.leaving
    }

    /// Whether somebody has paused it by hand: it is left to them.
    pub const fn is_paused(&self) -> bool {
        matches!(self.pause, HandPause::Paused(_))
    }
}

/// The servers and clients of one user and database in a pooler's pod.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// The database that clients ask for.
    pub database: String,
    /// The role that they log in as.
    pub user: String,
    /// Clients that have a server, or nothing to do.
    pub clients: u64,
    /// Clients that wait for a server.
    pub waiting: u64,
    /// For how long the first of them has, in seconds.
    pub oldest_wait_seconds: f64,
    /// Servers in a transaction.
    pub servers_active: u64,
    /// Servers that wait for one, or are being looked at.
    pub servers_idle: u64,
    /// Servers that are being made.
    pub servers_connecting: u64,
}

/// What a pooler says of itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PoolerState {
    /// Whether it was told to let its clients wait; none when it does not say.
    pub paused: Option<bool>,
    /// For how long a client may wait for a server until it gets an error, in seconds (`query_wait_timeout`); none for
    /// ever.
    pub wait_limit_seconds: Option<f64>,
    /// Its pools, those first in which somebody waits for the longest.
    pub pools: Vec<Pool>,
}

/// What a pooler's pod says of itself, or why it says nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolerAnswer {
    /// Name of the pod.
    pub pod: String,
    /// Which way it leads.
    pub purpose: PoolerPurpose,
    /// What it says.
    pub answer: Result<PoolerState, String>,
}

impl PoolerAnswer {
    /// Its pools; none when it says nothing.
    pub fn pools(&self) -> &[Pool] {
        self.answer.as_ref().map_or(&[], |it| &it.pools)
    }

    /// Whether it lets its clients wait, because it was told to.
    pub fn is_paused(&self) -> bool {
        self.answer.as_ref().is_ok_and(|it| it.paused == Some(true))
    }

    /// For how long somebody waits there, in seconds; none when nobody does or it does not say.
    pub fn oldest_wait(&self) -> Option<f64> {
        let waits = self.pools().iter().filter(|it| it.waiting > 0);
        waits
            .map(|it| it.oldest_wait_seconds)
            .max_by(f64::total_cmp)
    }
}

/// What was seen of a cluster's poolers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Poolers {
    /// Their pods.
    Seen(Vec<PoolerPod>),
    /// Why nobody knows.
    Unseen(String),
}

impl Default for Poolers {
    fn default() -> Self {
        Self::Seen(Vec::new())
    }
}

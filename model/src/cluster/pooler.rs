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

impl HandPause {
    /// What its console has said: whether all of its clients wait, if it says so, and which databases wait alone. Where it does
    /// not say the latter, that it is paused is known all the same, and that it is not is only half an answer.
    pub fn told(
        paused: Result<Option<bool>, String>,
        databases: Result<Vec<String>, String>,
    ) -> (Self, Vec<String>) {
        let pause = match (paused, &databases) {
            (Ok(Some(true)), _) => Self::Paused(None),
            (Ok(Some(false)), Ok(_)) => Self::Served,
            (Ok(Some(false)), Err(why)) => Self::Unknown(format!("of its databases: {why}")),
            (Ok(None), _) => Self::Unknown("it does not say".to_owned()),
            (Err(why), _) => Self::Unknown(why),
        };
        (pause, databases.unwrap_or_default())
    }
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
    /// Names of the databases that somebody has paused by hand, each alone, as far as it was asked.
    #[serde(default)]
    pub paused_databases: Vec<String>,
}

impl PoolerPod {
    /// Whether it has clients that write and that can be let wait. One that leaves listens to nobody any more.
    pub fn can_hold(&self) -> bool {
        self.purpose == PoolerPurpose::Write && self.can_be_asked()
    }

    /// Whether its console may answer.
    pub fn can_be_asked(&self) -> bool {
        self.stopped.is_none() && !self.leaving
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
    /// Names of the databases that were told so alone (`PAUSE shop`): that ends with a `RESUME` of the same. One that has
    /// neither clients nor servers is none of those that it tells of.
    pub paused_databases: Vec<String>,
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

    /// Names of the databases that it was told to let wait alone; none when it says nothing.
    pub fn paused_databases(&self) -> &[String] {
        self.answer
            .as_ref()
            .map_or(&[], |it| it.paused_databases.as_slice())
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

/// `the database shop`, `the databases shop, stock`; none of none.
pub fn databases_in_words(names: &[String]) -> Option<String> {
    match names {
        [] => None,
        [only] => Some(format!("the database {only}")),
        several => Some(format!("the databases {}", several.join(", "))),
    }
}

/// What is said of databases that somebody has paused by hand, each alone, and that are left so: their names by the pooler. None of
/// none.
pub fn databases_left_paused<'a>(
    poolers: impl IntoIterator<Item = (String, &'a [String])>,
) -> Option<String> {
    let mut count = 0;
    let mut all = Vec::new();
    for (pooler, names) in poolers {
        count += names.len();
        all.extend(databases_in_words(names).map(|it| format!("{it} of {pooler}")));
    }
    let whose = match count {
        0 => return None,
        1 => "its clients wait until somebody resumes it",
        _ => "their clients wait until somebody resumes them",
    };
    Some(format!(
        "paused by hand, and left so: {}; {whose} at the pooler's console",
        all.join(", ")
    ))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_that_is_known_stays_known_when_the_databases_are_not() {
        let shop = || vec!["shop".to_owned()];
        let silent = || "no answer within 3 s".to_owned();
        let unknown = |why: &str| HandPause::Unknown(why.to_owned());
        let paused = HandPause::Paused(None);
        assert_eq!(
            HandPause::told(Ok(Some(true)), Err(silent())),
            (paused.clone(), Vec::new())
        );
        assert_eq!(
            HandPause::told(Ok(Some(true)), Ok(shop())),
            (paused, shop())
        );
        assert_eq!(
            HandPause::told(Ok(Some(false)), Ok(shop())),
            (HandPause::Served, shop())
        );
        // Clients of some may wait.
        assert_eq!(
            HandPause::told(Ok(Some(false)), Err(silent())),
            (
                unknown("of its databases: no answer within 3 s"),
                Vec::new()
            )
        );
        assert_eq!(
            HandPause::told(Ok(None), Ok(shop())),
            (unknown("it does not say"), shop())
        );
        assert_eq!(
            HandPause::told(Err(silent()), Ok(shop())),
            (unknown("no answer within 3 s"), shop())
        );
    }
}

//! What the sessions of a server do, and who waits for whom.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;

/// What goes on in one server.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Activity {
    /// Its processes (`pg_stat_activity`), without the one that asks.
    pub backends: Vec<Backend>,
    /// Transactions that were prepared and not ended (`pg_prepared_xacts`).
    pub prepared: Vec<PreparedTransaction>,
}

/// A process of a server.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Backend {
    /// Its process ID in the pod.
    pub pid: i32,
    /// The process that it works for, when it is a parallel worker.
    pub leader: Option<i32>,
    /// `backend_type`: `client backend`, `autovacuum worker`, `walsender`; empty when we may not know.
    pub kind: String,
    /// `usename`.
    pub user: Option<String>,
    /// `datname`.
    pub database: Option<String>,
    /// `application_name`, as the client says it.
    pub application: String,
    /// Address of the client, or `local` for the pod itself; none when there is no client.
    pub client: Option<String>,
    /// `state`; none for processes that have none.
    pub state: Option<String>,
    /// `wait_event_type`.
    pub wait_type: Option<String>,
    /// `wait_event`.
    pub wait_event: Option<String>,
    /// When it began: tells it from another process of the same number.
    pub backend_start: Timestamp,
    /// When its query began.
    pub query_start: Option<Timestamp>,
    /// For how long its transaction has lasted, in seconds by the server's clock.
    pub transaction_seconds: Option<f64>,
    /// For how long its query has run, in seconds; of one that runs none, how long ago the last one began.
    pub query_seconds: Option<f64>,
    /// For how long it has been in its state, in seconds.
    pub state_seconds: Option<f64>,
    /// How many transactions ago its snapshot is from (`age(backend_xmin)`): dead rows since then stay.
    pub xmin_age: Option<i64>,
    /// The query, or the last one.
    pub query: String,
    /// What it waits for, when it waits for a lock: `ShareLock on transactionid`.
    pub lock: Option<String>,
    /// The processes that it waits for (`pg_blocking_pids`).
    pub blocked_by: Vec<i32>,
    /// The prepared transactions that it waits for, by their global identifiers.
    pub blocked_by_prepared: Vec<String>,
}

/// A transaction that was prepared: it holds its locks without a session, over restarts, too.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreparedTransaction {
    /// Its global identifier.
    pub gid: String,
    /// Who has prepared it.
    pub owner: String,
    /// Name of the database.
    pub database: String,
    /// How long ago, in seconds.
    pub seconds: f64,
    /// How many transactions ago.
    pub age: i64,
}

impl Backend {
    /// Whether it is a client's session.
    pub fn is_client(&self) -> bool {
        self.kind == "client backend"
    }

    /// Whether it runs a query now.
    pub fn is_active(&self) -> bool {
        matches!(
            self.state.as_deref(),
            Some("active" | "fastpath function call")
        )
    }

    /// Whether it has a transaction open, and nothing to do.
    pub fn is_idle_in_transaction(&self) -> bool {
        let state = self.state.as_deref();
        state.is_some_and(|it| it.starts_with("idle in transaction"))
    }

    /// Whether it waits for a lock that somebody else has.
    pub fn is_blocked(&self) -> bool {
        !self.blocked_by.is_empty() || !self.blocked_by_prepared.is_empty()
    }

    /// Whether it is autovacuum that keeps transaction ids from running out: who ends it has it back, and
    /// has lost what it had done.
    pub fn prevents_wraparound(&self) -> bool {
        self.kind == "autovacuum worker" && self.query.ends_with("(to prevent wraparound)")
    }

    /// Whether replay waits here for queries of a standby.
    fn is_held_up_replay(&self) -> bool {
        let event = self.wait_event.as_deref().unwrap_or_default();
        self.kind == "startup" && event.starts_with("RecoveryConflict")
    }

    /// For how long it has been at what it does now, in seconds: its query, or its idleness.
    pub fn busy_seconds(&self) -> Option<f64> {
        match self.is_active() {
            true => self.query_seconds,
            false => self.state_seconds,
        }
    }

    /// Whether it is one of those that do something.
    fn runs(&self) -> bool {
        match self.kind.as_str() {
            "client backend" | "autovacuum worker" | "parallel worker" | "" => {
                self.state.as_deref() != Some("idle")
            }
            _ => self.is_held_up_replay(),
        }
    }
}

/// Which processes are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those that do something, and those that others wait for.
    Running,
    /// All, also idle ones and the server's own.
    All,
    /// Those that wait for a lock, and those that they wait for.
    Blocking,
}

/// A line of the tree of who waits for whom.
#[derive(Debug, Clone, PartialEq)]
pub struct ActivityLine<'a> {
    /// How deep below a line that waits for nobody.
    pub depth: usize,
    /// What is on it.
    pub who: Who<'a>,
    /// How many wait for it, straight or through others.
    pub waiting: usize,
}

/// A process, or what holds locks without one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Who<'a> {
    /// A process.
    Backend(&'a Backend),
    /// A prepared transaction.
    Prepared(&'a PreparedTransaction),
}

/// What a line of the tree is called, in this server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Pid(i32),
    Gid(String),
}

impl Activity {
    /// The processes as a tree: who waits for a lock stands below the one that it waits for, and a
    /// parallel worker below the one that it works for. What most wait for comes first, then what has lasted
    /// longest.
    pub fn tree(&self, which: Which) -> Vec<ActivityLine<'_>> {
        let mut parents = BTreeMap::new();
        for backend in &self.backends {
            if let Some(parent) = self.parent(backend) {
                parents.insert(Key::Pid(backend.pid), parent);
            }
        }
        self.break_circles(&mut parents);
        let mut children: BTreeMap<&Key, Vec<Key>> = BTreeMap::new();
        for (child, parent) in &parents {
            children.entry(parent).or_default().push(child.clone());
        }
        let mut roots: Vec<Key> = self
            .keys()
            .filter(|key| !parents.contains_key(key))
            .collect();
        let mut lines = Vec::new();
        self.sort(&mut roots, &children);
        for root in &roots {
            self.add(root, 0, &children, which, &mut lines);
        }
        lines
    }

    /// How many wait for a lock.
    pub fn blocked(&self) -> usize {
        self.backends.iter().filter(|it| it.is_blocked()).count()
    }

    fn keys(&self) -> impl Iterator<Item = Key> {
        let pids = self.backends.iter().map(|it| Key::Pid(it.pid));
        let gids = self.prepared.iter().map(|it| Key::Gid(it.gid.clone()));
        pids.chain(gids)
    }

    /// Below whom it stands.
    fn parent(&self, backend: &Backend) -> Option<Key> {
        let known = |pid: &&i32| self.backends.iter().any(|it| it.pid == **pid);
        let others = |pid: &&i32| **pid != backend.pid;
        let gid = backend.blocked_by_prepared.first();
        backend
            .blocked_by
            .iter()
            .chain(&backend.leader)
            .filter(others)
            .find(known)
            .map(|pid| Key::Pid(*pid))
            .or_else(|| gid.map(|gid| Key::Gid(gid.clone())))
    }

    /// Until `deadlock_timeout` has passed everybody may wait for everybody.
    fn break_circles(&self, parents: &mut BTreeMap<Key, Key>) {
        for key in self.keys() {
            let mut seen = BTreeSet::from([key.clone()]);
            let mut at = key.clone();
            while let Some(parent) = parents.get(&at).cloned() {
                if !seen.insert(parent.clone()) {
                    parents.remove(&key);
                    break;
                }
                at = parent;
            }
        }
    }

    fn who(&self, key: &Key) -> Option<Who<'_>> {
        match key {
            Key::Pid(pid) => self
                .backends
                .iter()
                .find(|it| it.pid == *pid)
                .map(Who::Backend),
            Key::Gid(gid) => self
                .prepared
                .iter()
                .find(|it| it.gid == *gid)
                .map(Who::Prepared),
        }
    }

    fn sort(&self, keys: &mut [Key], children: &BTreeMap<&Key, Vec<Key>>) {
        let lasted = |key: &Key| match self.who(key) {
            Some(Who::Backend(it)) => [it.transaction_seconds, it.busy_seconds()]
                .into_iter()
                .flatten()
                .max_by(f64::total_cmp),
            Some(Who::Prepared(it)) => Some(it.seconds),
            None => None,
        };
        keys.sort_by(|a, b| {
            let waiting = |key| self.waiting(key, children);
            waiting(b)
                .cmp(&waiting(a))
                .then_with(|| {
                    lasted(b)
                        .unwrap_or(0.0)
                        .total_cmp(&lasted(a).unwrap_or(0.0))
                })
                .then_with(|| a.cmp(b))
        });
    }

    /// How many wait for it, straight or through others.
    fn waiting(&self, key: &Key, children: &BTreeMap<&Key, Vec<Key>>) -> usize {
        let below = children.get(key).into_iter().flatten();
        below
            .map(|child| {
                let blocked = matches!(self.who(child), Some(Who::Backend(it)) if it.is_blocked());
                usize::from(blocked) + self.waiting(child, children)
            })
            .sum()
    }

    fn add<'a>(
        &'a self,
        key: &Key,
        depth: usize,
        children: &BTreeMap<&Key, Vec<Key>>,
        which: Which,
        lines: &mut Vec<ActivityLine<'a>>,
    ) {
        let Some(who) = self.who(key) else { return };
        let waiting = self.waiting(key, children);
        let (blocked, runs) = match who {
            Who::Backend(it) => (it.is_blocked(), it.runs()),
            Who::Prepared(_) => (false, true),
        };
        let shown = match which {
            Which::All => true,
            Which::Running => runs || blocked || waiting > 0,
            Which::Blocking => blocked || waiting > 0,
        };
        if shown {
            lines.push(ActivityLine {
                depth,
                who,
                waiting,
            });
        }
        let mut below = children.get(key).cloned().unwrap_or_default();
        self.sort(&mut below, children);
        for child in &below {
            self.add(child, depth + usize::from(shown), children, which, lines);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fixture::{backend, prepared};

    fn tree(activity: &Activity, which: Which) -> Vec<String> {
        let lines = activity.tree(which);
        let name = |line: &ActivityLine<'_>| match line.who {
            Who::Backend(it) => it.pid.to_string(),
            Who::Prepared(it) => it.gid.clone(),
        };
        lines
            .iter()
            .map(|it| format!("{}{} {}", "-".repeat(it.depth), name(it), it.waiting))
            .collect()
    }

    fn blocked(pid: i32, by: &[i32]) -> Backend {
        Backend {
            blocked_by: by.to_vec(),
            ..backend(pid, "active")
        }
    }

    fn of(backends: Vec<Backend>) -> Activity {
        Activity {
            backends,
            prepared: Vec::new(),
        }
    }

    #[test]
    fn who_waits_stands_below_the_one_it_waits_for() {
        let activity = of(vec![
            backend(5, "active"),
            blocked(4, &[3]),
            blocked(3, &[1]),
            backend(2, "idle"),
            backend(1, "idle in transaction"),
        ]);
        assert_eq!(
            tree(&activity, Which::Running),
            ["1 2", "-3 1", "--4 0", "5 0"]
        );
        assert_eq!(tree(&activity, Which::Blocking), ["1 2", "-3 1", "--4 0"]);
        assert_eq!(tree(&activity, Which::All).len(), 5);
        assert_eq!(activity.blocked(), 2);
    }

    #[test]
    fn an_idle_session_that_others_wait_for_is_shown() {
        let activity = of(vec![backend(1, "idle"), blocked(2, &[1])]);
        assert_eq!(tree(&activity, Which::Running), ["1 1", "-2 0"]);
    }

    #[test]
    fn a_deadlock_is_a_tree_all_the_same() {
        let activity = of(vec![blocked(1, &[2]), blocked(2, &[1]), blocked(3, &[3])]);
        let lines = tree(&activity, Which::Blocking);
        assert_eq!(lines.len(), 3, "{lines:?}");
    }

    #[test]
    fn a_prepared_transaction_blocks_without_a_session() {
        let waits = Backend {
            blocked_by: vec![0],
            blocked_by_prepared: vec!["two".to_owned()],
            ..backend(7, "active")
        };
        let activity = Activity {
            backends: vec![waits],
            prepared: vec![prepared("one"), prepared("two")],
        };
        assert_eq!(tree(&activity, Which::Blocking), ["two 1", "-7 0"]);
        assert_eq!(tree(&activity, Which::Running), ["two 1", "-7 0", "one 0"]);
    }

    #[test]
    fn a_parallel_worker_stands_below_its_leader_and_waits_for_nobody() {
        let worker = Backend {
            leader: Some(1),
            kind: "parallel worker".to_owned(),
            ..backend(2, "active")
        };
        let activity = of(vec![worker, backend(1, "active")]);
        assert_eq!(tree(&activity, Which::Running), ["1 0", "-2 0"]);
        assert!(tree(&activity, Which::Blocking).is_empty());
    }

    #[test]
    fn a_blocker_that_is_not_listed_leaves_a_root() {
        let activity = of(vec![blocked(2, &[99])]);
        assert_eq!(tree(&activity, Which::Blocking), ["2 0"]);
    }

    #[test]
    fn vacuum_against_wraparound_is_told_by_its_words() {
        let mut vacuum = backend(1, "active");
        vacuum.kind = "autovacuum worker".to_owned();
        vacuum.query = "autovacuum: VACUUM public.t (to prevent wraparound)".to_owned();
        assert!(vacuum.prevents_wraparound());
        vacuum.query = "autovacuum: VACUUM public.t".to_owned();
        assert!(!vacuum.prevents_wraparound());
    }
}

//! Whether a query may be cancelled, or a session ended, and what that costs.

use super::{ChangeCheck, ChangeProposal};
use crate::cluster::{Activity, Backend, UnfinishedOperation, Which, Who, words};

/// How it is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendEnd {
    /// Only the query that runs (`pg_cancel_backend`).
    Cancel,
    /// The session, with its transaction (`pg_terminate_backend`).
    Terminate,
}

impl BackendEnd {
    /// The word of the command.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Terminate => "terminate",
        }
    }
}

/// The most of a query that is repeated to people.
const QUERY_BYTES: usize = 300;

/// What ending it would do, and what speaks against it. `process` is whether it was said that it may be one of
/// the server's own processes.
pub fn propose_backend_end(
    pod: &str,
    activity: &Activity,
    backend: &Backend,
    end: BackendEnd,
    process: bool,
    unfinished: Option<&UnfinishedOperation>,
) -> ChangeProposal {
    let pid = backend.pid;
    let (title, of) = match end {
        BackendEnd::Cancel => (
            format!("cancel of the query of PID {pid} on {pod}"),
            "query",
        ),
        BackendEnd::Terminate => (
            format!("end of the session of PID {pid} on {pod}"),
            "session",
        ),
    };
    // A query is told from the next of the same session by when it began.
    let began = match end {
        BackendEnd::Cancel => backend.query_start,
        BackendEnd::Terminate => None,
    };
    let began = began
        .map(|it| format!(", query of {it}"))
        .unwrap_or_default();
    ChangeProposal {
        title,
        identity: format!(
            "{of} of PID {pid} of {} on {pod}{began}",
            backend.backend_start
        ),
        wanted: "yes".to_owned(),
        facts: facts(activity, backend),
        checks: vec![
            kind(backend, process),
            work(backend, end),
            operation(backend, unfinished),
        ],
        undo: Vec::new(),
    }
}

fn facts(activity: &Activity, backend: &Backend) -> Vec<String> {
    let or_dash = |it: &Option<String>| it.clone().unwrap_or_else(|| "-".to_owned());
    let mut facts = vec![format!(
        "user {}, database {}, application {}, client {}",
        or_dash(&backend.user),
        or_dash(&backend.database),
        match backend.application.as_str() {
            "" => "-",
            name => name,
        },
        or_dash(&backend.client)
    )];
    let busy = backend.busy_seconds().map(words::seconds);
    let state = backend
        .state
        .clone()
        .unwrap_or_else(|| backend.kind.clone());
    let mut line = match busy {
        Some(busy) => format!("{state} for {busy}"),
        None => state,
    };
    if let Some(seconds) = backend.transaction_seconds {
        line += &format!(", its transaction for {}", words::seconds(seconds));
    }
    facts.push(line);
    let tree = activity.tree(Which::Blocking);
    let own = tree
        .iter()
        .find(|it| matches!(it.who, Who::Backend(it) if it.pid == backend.pid));
    match own.map_or(0, |it| it.waiting) {
        0 => {}
        1 => facts.push("1 session waits for it".to_owned()),
        count => facts.push(format!("{count} sessions wait for it")),
    }
    let query = backend
        .query
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    if !query.is_empty() {
        let shown = words::shortened(&query, QUERY_BYTES);
        let more = if shown.len() < query.len() {
            " ..."
        } else {
            ""
        };
        facts.push(format!("query: {shown}{more}"));
    }
    facts
}

/// Whose process it is.
fn kind(backend: &Backend, process: bool) -> ChangeCheck {
    const CHECK: &str = "process";
    let (price, next) = match backend.kind.as_str() {
        "client backend" => return ChangeCheck::pass(CHECK, "it is a client's session"),
        "parallel worker" => {
            let reason = "it is a parallel worker: its leader's query fails with it";
            return match backend.leader {
                Some(leader) => ChangeCheck::refuse(CHECK, reason).next(format!(
                    "end the leader's query: pgctl queries cancel {leader}"
                )),
                None => ChangeCheck::warn(CHECK, reason),
            };
        }
        "autovacuum worker" if backend.prevents_wraparound() => (
            "it keeps transaction ids from running out; it comes back at once and begins anew, and \
             when it never gets to its end the database stops taking writes",
            "add --process when that is meant",
        ),
        "autovacuum worker" => {
            let reason = "it is autovacuum: it comes back, and has to begin anew";
            return ChangeCheck::warn(CHECK, reason);
        }
        "walsender" => (
            "it is a walsender: a standby, a backup or a subscriber loses its stream",
            "see whose it is: pgctl lag; add --process when that is meant",
        ),
        "autovacuum launcher" | "logical replication launcher" => (
            "it is one of the server's own processes, which starts it again at once",
            "add --process when that is meant",
        ),
        "startup" | "checkpointer" | "background writer" | "walwriter" | "archiver"
        | "walreceiver" | "walsummarizer" | "io worker" | "slotsync worker" => {
            let reason = format!(
                "it is the {}: PostgreSQL does not let it be ended",
                backend.kind
            );
            return ChangeCheck::refuse(CHECK, reason).next("pgctl queries");
        }
        _ => (
            "it is no client's session, but an extension's or a subscription's worker",
            "add --process when that is meant",
        ),
    };
    if process {
        return ChangeCheck::warn(CHECK, price);
    }
    ChangeCheck::refuse(CHECK, price).next(next)
}

/// Whether there is anything to end.
fn work(backend: &Backend, end: BackendEnd) -> ChangeCheck {
    const CHECK: &str = "work";
    let nothing_to_cancel = backend.is_client() && !backend.is_active();
    match end {
        BackendEnd::Cancel if nothing_to_cancel => {
            let state = backend.state.as_deref().unwrap_or("idle");
            ChangeCheck::refuse(
                CHECK,
                format!("it is {state}: it runs no query that could be cancelled"),
            )
            .next(format!(
                "end the session: pgctl queries terminate {}",
                backend.pid
            ))
        }
        BackendEnd::Cancel => ChangeCheck::pass(
            CHECK,
            "the query fails; its transaction is rolled back, the session stays",
        ),
        BackendEnd::Terminate => match backend.transaction_seconds {
            Some(_) => ChangeCheck::pass(CHECK, "its transaction is rolled back, the session ends"),
            None => ChangeCheck::pass(CHECK, "it has no transaction open; the session ends"),
        },
    }
}

/// An operator must be able to end what a switchover waits for; but not what pgctl works with.
fn operation(backend: &Backend, unfinished: Option<&UnfinishedOperation>) -> ChangeCheck {
    const CHECK: &str = "operation";
    let own = backend.application == "pgctl";
    let Some(found) = unfinished else {
        return match own {
            true => ChangeCheck::warn(CHECK, "it is a session of pgctl itself"),
            false => ChangeCheck::pass(CHECK, "no operation is unfinished"),
        };
    };
    let running = found.holder.is_some();
    let reason = format!("the {} has not ended", found.title);
    if own && running {
        return ChangeCheck::refuse(CHECK, format!("{reason}, and this session may be its own"))
            .next(found.resume.clone());
    }
    ChangeCheck::warn(CHECK, format!("{reason}; it does not need this session"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fixture::backend;
    use crate::plan::CheckVerdict;

    fn proposal(backend: &Backend, end: BackendEnd, process: bool) -> ChangeProposal {
        let activity = Activity {
            backends: vec![backend.clone()],
            prepared: Vec::new(),
        };
        propose_backend_end("p-0", &activity, backend, end, process, None)
    }

    fn of_kind(kind: &str) -> Backend {
        Backend {
            kind: kind.to_owned(),
            ..backend(7, "active")
        }
    }

    #[test]
    fn a_query_is_told_from_the_next_one_and_a_session_is_not() {
        let first = backend(7, "active");
        let mut next = first.clone();
        next.query_start = first
            .query_start
            .map(|it| it + jiff::SignedDuration::from_millis(1));
        let identity = |backend: &Backend, end| proposal(backend, end, false).identity;
        let (cancel, terminate) = (BackendEnd::Cancel, BackendEnd::Terminate);
        assert_ne!(identity(&first, cancel), identity(&next, cancel));
        assert_eq!(identity(&first, terminate), identity(&next, terminate));
    }

    #[test]
    fn what_runs_nothing_has_nothing_to_cancel() {
        let idle = backend(7, "idle in transaction");
        assert!(proposal(&idle, BackendEnd::Cancel, true).is_refused());
        assert!(!proposal(&idle, BackendEnd::Terminate, false).is_refused());
    }

    #[test]
    fn the_servers_own_processes_only_when_that_is_said() {
        for kind in ["walsender", "autovacuum launcher", "my extension"] {
            let process = of_kind(kind);
            assert!(
                proposal(&process, BackendEnd::Terminate, false).is_refused(),
                "{kind}"
            );
            assert!(
                !proposal(&process, BackendEnd::Terminate, true).is_refused(),
                "{kind}"
            );
        }
        let startup = of_kind("startup");
        assert!(proposal(&startup, BackendEnd::Terminate, true).is_refused());
    }

    #[test]
    fn vacuum_against_wraparound_takes_a_word_more_than_any_other() {
        let mut vacuum = of_kind("autovacuum worker");
        let verdict = |it: &Backend| proposal(it, BackendEnd::Terminate, false).checks[0].verdict;
        assert_eq!(verdict(&vacuum), CheckVerdict::Warn);
        vacuum.query = "autovacuum: VACUUM public.t (to prevent wraparound)".to_owned();
        assert_eq!(verdict(&vacuum), CheckVerdict::Refuse);
    }

    #[test]
    fn a_session_of_a_running_operation_is_left_alone() {
        let mut own = backend(7, "active");
        own.application = "pgctl".to_owned();
        let unfinished = UnfinishedOperation {
            id: "failover-1".to_owned(),
            title: "switchover".to_owned(),
            holder: Some("ann".to_owned()),
            resume: "pgctl failover --resume".to_owned(),
            abort: None,
        };
        let check = operation(&own, Some(&unfinished));
        assert_eq!(check.verdict, CheckVerdict::Refuse);
        let other = operation(&backend(7, "active"), Some(&unfinished));
        assert_eq!(other.verdict, CheckVerdict::Warn);
    }
}

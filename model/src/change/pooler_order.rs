//! What poolers are told at their consoles: to let clients wait, to let them go on, to read their settings again.

use std::time::Duration;

use super::{ChangeCheck, ChangeProposal};
use crate::cluster::{PoolerAnswer, UnfinishedOperation, words};
use crate::plan::CheckVerdict;

/// What they are told (documentation of PgBouncer, "Process controlling commands").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolerOrder {
    /// `PAUSE`: nobody begins a transaction, and every server is given back once its transaction has ended.
    Pause,
    /// `RESUME`.
    Resume,
    /// `RELOAD`.
    Reload,
}

impl PoolerOrder {
    /// As it is typed: `pgctl pooler pause`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Reload => "reload",
        }
    }
}

/// What would be told to these poolers, and what speaks against it. `limit`: how long transactions that are under way may
/// take to end when they are to pause.
pub fn propose_pooler_order(
    order: PoolerOrder,
    poolers: &[PoolerAnswer],
    limit: Duration,
    unfinished: Option<&UnfinishedOperation>,
) -> ChangeProposal {
    let names: Vec<&str> = poolers.iter().map(|it| it.pod.as_str()).collect();
    let which = match names.as_slice() {
        [only] => format!("the pooler {only}"),
        several => format!("{} poolers", several.len()),
    };
    let names = names.join(", ");
    let during = match order {
        // A switchover lets the same clients wait, and lets them go on at its end.
        PoolerOrder::Pause => CheckVerdict::Refuse,
        PoolerOrder::Resume | PoolerOrder::Reload => CheckVerdict::Warn,
    };
    ChangeProposal {
        title: format!("{} of {which}", order.word()),
        identity: format!("{} of {names}", order.word()),
        wanted: "yes".to_owned(),
        facts: std::iter::once(names)
            .chain(facts(order, poolers, limit))
            .collect(),
        checks: vec![
            answering(order, poolers),
            ChangeCheck::no_operation(unfinished, during),
        ],
        undo: match order {
            PoolerOrder::Pause => vec!["pgctl pooler resume".to_owned()],
            PoolerOrder::Resume | PoolerOrder::Reload => Vec::new(),
        },
    }
}

fn facts(order: PoolerOrder, poolers: &[PoolerAnswer], limit: Duration) -> Vec<String> {
    let pools = || poolers.iter().flat_map(PoolerAnswer::pools);
    let clients: u64 = pools().map(|it| it.clients + it.waiting).sum();
    match order {
        PoolerOrder::Pause => {
            let states = poolers.iter().filter_map(|it| it.answer.as_ref().ok());
            let shortest = states.filter_map(|it| it.wait_limit_seconds);
            let then = match shortest.min_by(f64::total_cmp) {
                Some(seconds) => format!(
                    "who has waited for {} gets an error (query_wait_timeout)",
                    words::seconds(seconds)
                ),
                None => "nothing ends their wait by itself (query_wait_timeout is 0)".to_owned(),
            };
            vec![
                format!(
                    "{clients} clients begin no transaction until `pgctl pooler resume`; {then}"
                ),
                format!(
                    "transactions that are under way have {} to end, else no client of any of them waits",
                    words::seconds(limit.as_secs_f64())
                ),
            ]
        }
        PoolerOrder::Resume => vec![format!("{clients} clients go on")],
        PoolerOrder::Reload => vec![
            "each reads its files again, as it does by itself when the ConfigMap or the Secret has reached its pod".to_owned(),
        ],
    }
}

/// A pooler that is not told lets its clients go on: half a pause is none.
fn answering(order: PoolerOrder, poolers: &[PoolerAnswer]) -> ChangeCheck {
    const CHECK: &str = "poolers";
    let silent = poolers.iter().find_map(|it| {
        let why = it.answer.as_ref().err()?;
        Some(format!("{} does not answer: {why}", it.pod))
    });
    match (silent, order) {
        (None, _) => ChangeCheck::pass(CHECK, "all of them answer"),
        (Some(why), PoolerOrder::Pause) => {
            ChangeCheck::refuse(CHECK, format!("{why}; its clients would go on"))
                .next("pgctl pooler")
        }
        (Some(why), PoolerOrder::Resume | PoolerOrder::Reload) => {
            ChangeCheck::warn(CHECK, format!("{why}; it is not told")).next("pgctl pooler")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Pool, PoolerPurpose, PoolerState};

    fn pooler(answer: Result<PoolerState, String>) -> PoolerAnswer {
        PoolerAnswer {
            pod: "pooler-1".to_owned(),
            purpose: PoolerPurpose::Write,
            answer,
        }
    }

    fn state() -> PoolerState {
        PoolerState {
            paused: Some(false),
            wait_limit_seconds: Some(120.0),
            pools: vec![Pool {
                database: "shop".to_owned(),
                user: "app".to_owned(),
                clients: 5,
                waiting: 2,
                oldest_wait_seconds: 0.1,
                servers_active: 5,
                servers_idle: 0,
                servers_connecting: 0,
            }],
        }
    }

    fn propose(order: PoolerOrder, poolers: &[PoolerAnswer]) -> ChangeProposal {
        propose_pooler_order(order, poolers, Duration::from_secs(10), None)
    }

    #[test]
    fn a_pause_says_who_waits_until_when_and_how_it_ends() {
        let proposal = propose(PoolerOrder::Pause, &[pooler(Ok(state()))]);
        assert!(!proposal.is_refused());
        let facts = proposal.facts.join("\n");
        assert!(facts.contains("7 clients"), "{facts}");
        assert!(facts.contains("query_wait_timeout"), "{facts}");
        assert_eq!(proposal.undo, ["pgctl pooler resume"]);
    }

    #[test]
    fn half_of_the_poolers_are_not_paused_and_may_be_resumed() {
        let poolers = [
            pooler(Ok(state())),
            pooler(Err("no answer within 10 s".to_owned())),
        ];
        assert!(propose(PoolerOrder::Pause, &poolers).is_refused());
        assert!(!propose(PoolerOrder::Resume, &poolers).is_refused());
        assert!(!propose(PoolerOrder::Reload, &poolers).is_refused());
    }
}

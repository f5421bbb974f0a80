//! What poolers are told at their consoles: to let clients wait, to let them go on, to read their settings again.

use std::time::Duration;

use jiff::Timestamp;

use super::{ChangeCheck, ChangeOutcome, ChangeProposal, ChangeRecord};
use crate::cluster::{PoolerAnswer, UnfinishedOperation, databases_left_paused, words};
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
    let title = match names.as_slice() {
        [only] => title_of_one(order, only),
        several => title_of_several(order, several.len()),
    };
    let names = names.join(", ");
    ChangeProposal {
        title,
        identity: format!("{} of {names}", order.word()),
        wanted: "yes".to_owned(),
        facts: std::iter::once(names)
            .chain(facts(order, poolers, limit))
            .chain(databases(order, poolers))
            .collect(),
        checks: vec![answering(order, poolers), operation(order, unfinished)],
        undo: match order {
            PoolerOrder::Pause => vec!["pgctl pooler resume".to_owned()],
            PoolerOrder::Resume | PoolerOrder::Reload => Vec::new(),
        },
    }
}

fn title_of_one(order: PoolerOrder, pod: &str) -> String {
    format!("{} of the pooler {pod}", order.word())
}

fn title_of_several(order: PoolerOrder, count: usize) -> String {
    format!("{} of {count} poolers", order.word())
}

/// When pgctl paused a pooler that is paused, by the history of small changes, oldest first: the last order that may have been
/// about it was a pause, and was about it for certain. None where the container that has run since `started` is younger, or may
/// be: a pause ends with its process. What was said at the console since then nobody has written down. `all`: how many poolers
/// there are, as a line about several only counts them.
pub fn paused_since(
    history: &[ChangeRecord],
    pod: &str,
    started: Option<Timestamp>,
    all: usize,
) -> Option<Timestamp> {
    let may_be = |it: &ChangeRecord, order: PoolerOrder| {
        let several = it.change.strip_prefix(&format!("{} of ", order.word()));
        it.change == title_of_one(order, pod) || several.is_some_and(|it| it.ends_with(" poolers"))
    };
    let last = history.iter().rev().find(|it| {
        it.outcome != ChangeOutcome::Refused
            && (may_be(it, PoolerOrder::Pause) || may_be(it, PoolerOrder::Resume))
    })?;
    let certain = [
        title_of_one(PoolerOrder::Pause, pod),
        title_of_several(PoolerOrder::Pause, all),
    ];
    let done = last.outcome == ChangeOutcome::Done && certain.contains(&last.change);
    let ran = started.is_some_and(|it| it <= last.started);
    (done && ran).then_some(last.started)
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

/// Databases that were paused each alone: `RESUME` without a name does not end that.
fn databases(order: PoolerOrder, poolers: &[PoolerAnswer]) -> Option<String> {
    match order {
        PoolerOrder::Pause | PoolerOrder::Resume => databases_left_paused(
            poolers
                .iter()
                .map(|it| (it.pod.clone(), it.paused_databases())),
        ),
        PoolerOrder::Reload => None,
    }
}

/// A switchover lets the same clients wait, and lets them go on at its end. What is resumed while it holds those of the others is
/// led to a primary that stops.
fn operation(order: PoolerOrder, unfinished: Option<&UnfinishedOperation>) -> ChangeCheck {
    let during = match order {
        PoolerOrder::Pause => CheckVerdict::Refuse,
        PoolerOrder::Resume | PoolerOrder::Reload => CheckVerdict::Warn,
    };
    let mut check = ChangeCheck::no_operation(unfinished, during);
    if order == PoolerOrder::Resume && unfinished.is_some() {
        check.reason += "; clients that are resumed before it has ended may see errors";
    }
    check
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
            paused_databases: Vec::new(),
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
    fn a_database_that_is_paused_alone_stays_so_and_that_is_said() {
        let paused = PoolerState {
            paused_databases: vec!["shop".to_owned()],
            ..state()
        };
        let poolers = [pooler(Ok(state())), pooler(Ok(paused))];
        let said = |order| propose(order, &poolers).facts.join("\n");
        for order in [PoolerOrder::Pause, PoolerOrder::Resume] {
            let facts = said(order);
            assert!(
                facts.contains("left so: the database shop of pooler-1; its clients wait until"),
                "{facts}"
            );
        }
        assert!(!said(PoolerOrder::Reload).contains("left so"));
        let facts = propose(PoolerOrder::Resume, &poolers[..1]).facts.join("\n");
        assert!(!facts.contains("left so"), "{facts}");
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

    fn line(change: &str, second: i64, outcome: ChangeOutcome) -> ChangeRecord {
        ChangeRecord {
            id: second.to_string(),
            change: change.to_owned(),
            by: "ann".to_owned(),
            started: Timestamp::from_second(second).expect("a time"),
            outcome,
            reason: None,
            undo: Vec::new(),
        }
    }

    #[test]
    fn a_pause_is_dated_only_where_the_history_says_so_for_certain() {
        let done = |change: &str, second| line(change, second, ChangeOutcome::Done);
        let since = |history: &[ChangeRecord]| {
            let started = Timestamp::from_second(7).ok();
            paused_since(history, "pooler-1", started, 4).map(Timestamp::as_second)
        };
        let all = done("pause of 4 poolers", 7);
        assert_eq!(since(&[]), None);
        assert_eq!(since(std::slice::from_ref(&all)), Some(7));
        let one = done("pause of the pooler pooler-1", 8);
        assert_eq!(since(&[all.clone(), one]), Some(8));
        // Of another, and one that was refused, change nothing.
        let other = done("resume of the pooler pooler-2", 8);
        let refused = line("resume of 4 poolers", 9, ChangeOutcome::Refused);
        assert_eq!(since(&[all.clone(), other, refused]), Some(7));
        // Which two they were nobody knows, nor how one ended that has no end.
        for change in [
            "resume of 4 poolers",
            "resume of 2 poolers",
            "pause of 2 poolers",
        ] {
            assert_eq!(since(&[all.clone(), done(change, 8)]), None, "{change}");
        }
        let begun = line("pause of 4 poolers", 8, ChangeOutcome::Begun);
        assert_eq!(since(&[all, begun]), None);
    }

    #[test]
    fn a_pause_that_a_container_can_not_have_seen_is_no_date_of_its_own() {
        let history = [line("pause of 4 poolers", 7, ChangeOutcome::Done)];
        for (started, since) in [(Some(6), Some(7)), (Some(8), None), (None, None)] {
            let container = started.and_then(|it| Timestamp::from_second(it).ok());
            let found = paused_since(&history, "pooler-1", container, 4);
            assert_eq!(found.map(Timestamp::as_second), since, "{started:?}");
        }
    }

    #[test]
    fn a_resumption_while_the_primary_moves_says_that_clients_may_see_errors() {
        let found = UnfinishedOperation {
            id: "1".to_owned(),
            title: "failover".to_owned(),
            holder: None,
            resume: "pgctl failover --resume".to_owned(),
            abort: None,
        };
        let why = |order, unfinished: Option<&UnfinishedOperation>| {
            let poolers = [pooler(Ok(state()))];
            let limit = Duration::from_secs(10);
            let proposal = propose_pooler_order(order, &poolers, limit, unfinished);
            let mut checks = proposal.checks.into_iter();
            let check = checks.find(|it| it.check == "operation").expect("a row");
            (check.verdict, check.reason)
        };
        let words = "may see errors";
        let (verdict, reason) = why(PoolerOrder::Resume, Some(&found));
        assert_eq!(verdict, CheckVerdict::Warn);
        assert!(reason.ends_with(words), "{reason}");
        let (verdict, reason) = why(PoolerOrder::Pause, Some(&found));
        assert_eq!(verdict, CheckVerdict::Refuse);
        assert!(!reason.contains(words), "{reason}");
        assert_eq!(why(PoolerOrder::Resume, None).0, CheckVerdict::Pass);
    }
}

//! How an operation ended, and what can be done about it.

use crate::cluster::words;
use crate::engine::{Ending, Journal, Report};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::plan::Operation;

/// An operation that was run, as far as it came.
pub struct Ran {
    /// How it ended; none when it was interrupted.
    pub ending: Option<Ending>,
    /// What was done, entry by entry.
    pub journal: Journal,
}

/// What came of an operation that is done, and the exit code for that.
///
/// # Errors
/// When it is not done: why, and the ways on.
pub fn outcome(ran: Ran) -> Result<(Report, ExitCode), Failure> {
    let Ran { ending, journal } = ran;
    let plan = &journal.plan;
    let ways_on = |failure: Failure| {
        let failure = failure.next(plan.resume_command());
        let forward_only = journal
            .progress()
            .is_ok_and(|progress| progress.past_point_of_no_return(plan));
        if let (true, Operation::Failover { to, .. }) = (forward_only, &plan.operation) {
            failure.next(format!("or, when {to} is lost for good: pgctl failover"))
        } else if forward_only {
            failure
        } else if journal.is_in_use() {
            failure.next(format!(
                "or put everything back, without what clients have written since: {}",
                plan.abort_command()
            ))
        } else {
            failure.next(format!("or put everything back: {}", plan.abort_command()))
        }
    };
    match ending {
        Some(Ending::Done) => {
            let report = Report::of(plan, &journal.entries);
            let exit = if report.timed_out() {
                ExitCode::TimedOut
            } else if report.left_undone() {
                ExitCode::Incomplete
            } else {
                ExitCode::Done
            };
            Ok((report, exit))
        }
        Some(Ending::RolledBack { reason, left }) => Err(rolled_back(&journal, reason, &left)),
        Some(Ending::Replaced { reason }) => Err(Failure::new(
            ExitCode::Refused,
            format!(
                "the {} has ended: another change of the primary has taken its place",
                plan.operation
            ),
        )
        .because(reason)
        .next("pgctl status")),
        Some(Ending::Paused { .. }) => Err(paused(&journal)),
        Some(Ending::Incomplete { reason, .. }) => Err(ways_on(
            Failure::new(
                ExitCode::Incomplete,
                format!("the {} has stopped in between", plan.operation),
            )
            .because(reason),
        )),
        None => Err(ways_on(Failure::new(
            ExitCode::Incomplete,
            format!("the {} was interrupted", plan.operation),
        ))),
    }
}

/// It waits, as was asked for: what can be looked at, and the two ways on.
fn paused(journal: &Journal) -> Failure {
    let plan = &journal.plan;
    let report = Report::of(plan, &journal.entries);
    let mut failure = Failure::new(
        ExitCode::Incomplete,
        format!(
            "the {} is paused, as asked: no client is let in yet",
            plan.operation
        ),
    );
    if let Some(to) = &report.recovered {
        let commit = to.last_commit.map(words::moment);
        let commit = commit.unwrap_or_else(|| "none after the backup".to_owned());
        failure = failure.because(format!("the last commit that is in: {commit}"));
    }
    if let Some(scope) = plan.operation.restore() {
        failure = failure.next(format!(
            "look: pgctl psql {} -n {}",
            scope.pod, plan.cluster.namespace
        ));
    }
    failure
        .next(format!("as it should be: {}", plan.resume_command()))
        .next(format!("put everything back: {}", plan.abort_command()))
}

/// What was put back, and what is left of it where it can't be nothing.
fn rolled_back(journal: &Journal, reason: String, left: &[String]) -> Failure {
    let plan = &journal.plan;
    let rest = match left {
        // What was deleted can't come back; what takes its place has.
        [] if plan.operation.restart().is_some() => {
            "its pod streams, and is another one if it had been deleted".to_owned()
        }
        [] => "everything is as it was".to_owned(),
        some => format!("everything is as it was, but for this: {}", some.join("; ")),
    };
    let mut failure = Failure::new(
        ExitCode::RolledBack,
        format!("the {} was rolled back; {rest}", plan.operation),
    )
    .because(reason);
    if !left.is_empty() {
        failure = failure.next("pgctl status");
    }
    let taken = Report::of(plan, &journal.entries).taken_away;
    let Some(data) = taken.last() else {
        return failure;
    };
    failure
        .because(format!(
            "the restored data had been started: it is kept as {data}, with whatever somebody has written to it past the write Service"
        ))
        .next("when nobody needs that: pgctl restore --discard-old")
}

//! Going on with an operation that was left unfinished, or putting it back.

use super::ending::Ran;
use super::run::{Target, Tell, ending_or_interruption, lock_failure, real_cluster};
use crate::confirmation::{Confirmed, GoOn};
use crate::engine::{Executor, Journal};
use crate::events::RunEvent;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::plan::{OperationKind, Plan};
use crate::world::{journal_of, who};

/// The unfinished operation of the same command, when it can go where it is to go.
///
/// # Errors
/// When there is none, what is unfinished is another's, or it can't be put back any more.
pub async fn unfinished(
    target: &Target,
    kind: OperationKind,
    option: GoOn,
) -> Result<Journal, Failure> {
    let found = journal_of(
        &target.kube,
        &target.observed.snapshot.cluster,
        target.record,
    )
    .await?;
    let (journal, unfinished) = found
        .and_then(|journal| Some((journal.unfinished()?, journal)))
        .map(|(unfinished, journal)| (journal, unfinished))
        .ok_or_else(|| nothing(option))?;
    if journal.plan.operation.kind().command() != kind.command() {
        return Err(Failure::new(
            ExitCode::Refused,
            format!("what is unfinished is the {}", unfinished.title),
        )
        .next(journal.plan.resume_command()));
    }
    if option == GoOn::Abort && unfinished.past_point_of_no_return {
        return Err(Failure::new(
            ExitCode::Refused,
            format!("the {} can only go forward", unfinished.title),
        )
        .next(journal.plan.resume_command()));
    }
    Ok(journal)
}

fn nothing(option: GoOn) -> Failure {
    let word = match option {
        GoOn::Abort => "abort",
        GoOn::Resume => "resume",
    };
    Failure::new(
        ExitCode::Refused,
        format!("there is nothing to {word}: every operation has ended"),
    )
    .next("pgctl history")
}

/// Takes an unfinished operation over, to its end or back. It has to be the one that was `confirmed`.
///
/// # Errors
/// When it could not be taken over; nothing was changed then.
pub async fn go_on(
    target: Target,
    option: GoOn,
    confirmed: &Confirmed,
    tell: &Tell,
    interrupted: impl Future<Output = ()>,
) -> Result<Ran, Failure> {
    let cluster = real_cluster(target, tell)?;
    cluster.lock.take(true).await.map_err(lock_failure)?;
    // Once more, now that nobody else writes.
    let journal = match cluster.journal.load().await {
        Ok(Some(journal)) if journal.unfinished().is_some() => journal,
        Ok(_) => {
            cluster.lock.release().await;
            return Err(nothing(option));
        }
        Err(error) => {
            cluster.lock.release().await;
            return Err(error.into());
        }
    };
    let reporter = |plan: &Plan, notice: &RunEvent| tell(plan, notice);
    let mut executor = match Executor::new(&cluster, journal, confirmed, &reporter) {
        Ok(executor) => executor,
        Err(error) => {
            cluster.lock.release().await;
            return Err(Failure::new(
                ExitCode::Refused,
                "another operation has begun meanwhile; nothing was changed",
            )
            .because(error.to_string())
            .next("pgctl history"));
        }
    };
    let by = who();
    let ending = match option {
        GoOn::Resume => ending_or_interruption(executor.resume(&by), interrupted).await,
        GoOn::Abort => ending_or_interruption(executor.abort(&by), interrupted).await,
    };
    cluster.lock.release().await;
    Ok(Ran {
        ending,
        journal: executor.journal().clone(),
    })
}

//! Running a plan that somebody has agreed to.

use std::sync::Arc;

use super::ending::Ran;
use crate::confirmation::Confirmed;
use crate::engine::{Ending, Executor, Journal};
use crate::events::RunEvent;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::{Kube, Selection};
use crate::observe::{Observed, login};
use crate::plan::{Operation, Plan};
use crate::world::{Backups, LockError, RealCluster, RecordOf, who};

/// A cluster that was looked at, and what is needed to act on it.
pub struct Target {
    /// The way to it.
    pub kube: Kube,
    /// All that was seen of it, and the credentials.
    pub observed: Observed,
    /// By what it was found, and is found again.
    pub selection: Selection,
    /// Where backups are, for restores.
    pub backups: Option<Backups>,
    /// Where it is written down what is done.
    pub record: RecordOf,
}

/// Is told what happens while an operation runs.
pub type Tell = Arc<dyn Fn(&Plan, &RunEvent) + Send + Sync>;

/// Runs a plan from its beginning. `seen` is the version in which the journal was when it was planned;
/// whoever has written to it since makes this a refusal. When `interrupted` resolves the operation is
/// left as a dying process would leave it.
///
/// # Errors
/// When it could not be begun; nothing was changed then.
pub async fn run(
    target: Target,
    plan: Plan,
    confirmed: &Confirmed,
    seen: Option<&str>,
    tell: &Tell,
    interrupted: impl Future<Output = ()>,
) -> Result<Ran, Failure> {
    let cluster = real_cluster(target, tell)?;
    cluster.lock.take(false).await.map_err(lock_failure)?;
    let journal = match fresh_journal(&cluster, plan, seen).await {
        Ok(journal) => journal,
        Err(failure) => {
            cluster.lock.release().await;
            return Err(failure);
        }
    };
    let reporter = |plan: &Plan, notice: &RunEvent| tell(plan, notice);
    let mut executor = match Executor::new(&cluster, journal, confirmed, &reporter) {
        Ok(executor) => executor,
        Err(error) => {
            cluster.lock.release().await;
            return Err(Failure::new(ExitCode::Refused, error.to_string()));
        }
    };
    let by = who();
    let ending = ending_or_interruption(executor.run(&by), interrupted).await;
    cluster.lock.release().await;
    Ok(Ran {
        ending,
        journal: executor.journal().clone(),
    })
}

/// An interruption leaves the operation as a dying process would: `--resume` goes on with it.
pub(super) async fn ending_or_interruption(
    work: impl Future<Output = Ending>,
    interrupted: impl Future<Output = ()>,
) -> Option<Ending> {
    tokio::select! {
        ending = work => Some(ending),
        () = interrupted => None,
    }
}

pub(super) fn real_cluster(target: Target, tell: &Tell) -> Result<RealCluster, Failure> {
    let Target {
        kube,
        observed,
        selection,
        backups,
        record,
    } = target;
    let credentials = observed.credentials.as_ref().ok_or_else(|| {
        Failure::new(
            ExitCode::Refused,
            "the database's credentials could not be read; nothing was changed",
        )
        .next("pgctl status")
    })?;
    let timeout = kube.timeout();
    let tell = Arc::clone(tell);
    Ok(RealCluster::new(
        kube,
        login(credentials, timeout),
        &observed.snapshot,
        record,
    )
    .listening(Box::new(move |plan, notice| tell(plan, notice)))
    .found_by(selection)
    .with_backups(backups))
}

pub(super) fn lock_failure(error: LockError) -> Failure {
    match error {
        LockError::Held(holder) => Failure::new(ExitCode::Refused, holder.to_string())
            .next(format!("wait until it is done; {}", holder.command())),
        LockError::Kube(error) => error.into(),
    }
}

/// The journal of the new operation, if nobody was faster since it was planned.
async fn fresh_journal(
    cluster: &RealCluster,
    plan: Plan,
    seen: Option<&str>,
) -> Result<Journal, Failure> {
    let before = cluster.journal.load().await?;
    let written_since = cluster.journal.version().await.as_deref() != seen;
    let Some(before) = before.filter(|_| !written_since) else {
        if written_since {
            return Err(overtaken());
        }
        return Ok(Journal::new(plan, Vec::new()));
    };
    let unfinished = before.unfinished();
    let replaced = matches!(
        (&plan.operation, &unfinished),
        (
            Operation::Failover { replaces: Some(id), .. } | Operation::Reinit { replaces: Some(id), .. },
            Some(found),
        ) if *id == found.id
    );
    if unfinished.is_some() && !replaced {
        return Err(overtaken());
    }
    Ok(if replaced {
        before.replaced_by(plan)
    } else {
        Journal::new(plan, before.history)
    })
}

fn overtaken() -> Failure {
    Failure::new(
        ExitCode::Refused,
        "another operation has run since this was planned; nothing was changed",
    )
    .next("look again: pgctl history")
}

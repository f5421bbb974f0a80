//! What every guided operation does: observe, plan, confirm, run, render.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;

use futures::future::join_all;
use jiff::Timestamp;

use super::context::Context;
use crate::cli::OperationArgs;
use crate::cluster::{ArgoApplication, Snapshot};
use crate::engine::{Confirmed, Ending, Executor, Journal, Notice, Report};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::{Call, Kube, Verb};
use crate::observe::{Observed, login, unlogged_tables};
use crate::output::{
    OperationDocument, Screen, candidates_screen, checks_screen, encode, notice_line, plain,
    plan_screen, refusal_screen, report_screen, write_stderr,
};
use crate::plan::{
    Grounds, Operation, PERMISSIONS, Permission, Permitted, Plan, REINIT_PERMISSIONS,
    RESTORE_PERMISSIONS, Refusal, applications, drift,
};
use crate::world::{Backups, LockError, RealCluster, journal_of, lock_holder, seen_journal, who};

/// Plans and runs an operation, or goes on with one, or puts it back.
pub(super) async fn run(
    context: &Context,
    args: &OperationArgs,
    kind: &str,
    make: impl Fn(&Snapshot, &Grounds, Timestamp) -> Result<Plan, Refusal>,
) -> Result<ExitCode, Failure> {
    let kube = context.connect().await?;
    let observed = context.observe(&kube).await?;
    let place = Place {
        kube,
        observed,
        backups: None,
    };
    if args.resume || args.abort {
        return go_on(context, place, kind, args.abort).await;
    }
    execute(context, args, kind, place, make).await
}

/// A cluster that was looked at, and what is needed to act on it.
pub(super) struct Place {
    pub(super) kube: Kube,
    pub(super) observed: Observed,
    /// Where backups are, for restores.
    pub(super) backups: Option<Backups>,
}

/// Plans, shows the plan, asks, and runs it; or says why there is none.
pub(super) async fn execute(
    context: &Context,
    args: &OperationArgs,
    kind: &str,
    place: Place,
    make: impl Fn(&Snapshot, &Grounds, Timestamp) -> Result<Plan, Refusal>,
) -> Result<ExitCode, Failure> {
    let nothing_more = async |_: &Kube, _: &Observed| Ok(());
    execute_looking_again(context, args, kind, place, make, nothing_more).await
}

/// The same for a plan that is made of more than the snapshot: `again` finds that out once more
/// after somebody was asked.
pub(super) async fn execute_looking_again(
    context: &Context,
    args: &OperationArgs,
    kind: &str,
    place: Place,
    make: impl Fn(&Snapshot, &Grounds, Timestamp) -> Result<Plan, Refusal>,
    again: impl AsyncFn(&Kube, &Observed) -> Result<(), Failure>,
) -> Result<ExitCode, Failure> {
    let grounds = grounds(&place.kube, &place.observed, kind).await?;
    let plan = match make(&place.observed.snapshot, &grounds, Timestamp::now()) {
        Ok(plan) => plan,
        Err(refusal) => return refused(context, &refusal),
    };
    let stderr = Screen::of_stderr(context.screen.color);
    if args.dry_run {
        let text = if context.format.is_document() {
            encode(&OperationDocument::new("Plan", &plan, 0), context.format)
        } else {
            shown(&plan, &context.screen)
        };
        context.print(&text)?;
        return Ok(ExitCode::Done);
    }
    if !context.quiet {
        write_stderr(&shown(&plan, &stderr));
    }
    let confirmed = confirm(&plan, args.yes).await?;
    let mut seen = grounds.journal_version;
    if !args.yes {
        match changed_since(context, &place.kube, &plan, &make, &again).await? {
            Unchanged::Since(version) => seen = version,
            Unchanged::Refused(refusal) => return refused(context, &refusal),
        }
    }
    let live = live(context, place)?;
    live.lock.take(false).await.map_err(lock_failure)?;
    let journal = match fresh_journal(&live, plan, seen.as_deref()).await {
        Ok(journal) => journal,
        Err(failure) => {
            live.lock.release().await;
            return Err(failure);
        }
    };
    let reporter = reporter(context);
    let mut executor = Executor::new(&live, journal, &reporter);
    let by = who();
    let ending = executor.run(&confirmed, &by);
    finish(
        context,
        &live,
        ending_or_interruption(ending).await,
        executor.journal(),
    )
    .await
}

/// What has become of a plan while somebody was asked.
enum Unchanged {
    /// It would be made in the same way, and the journal was seen in this version.
    Since(Option<String>),
    /// It would not be made any more.
    Refused(Box<Refusal>),
}

/// While a person read and typed, the cluster went on: what was agreed to is only run when it would
/// be planned in the same way now.
async fn changed_since(
    context: &Context,
    kube: &Kube,
    plan: &Plan,
    make: impl Fn(&Snapshot, &Grounds, Timestamp) -> Result<Plan, Refusal>,
    again: impl AsyncFn(&Kube, &Observed) -> Result<(), Failure>,
) -> Result<Unchanged, Failure> {
    let observed = context.observe(kube).await?;
    again(kube, &observed).await?;
    let grounds = grounds(kube, &observed, plan.operation.kind()).await?;
    match make(&observed.snapshot, &grounds, plan.made) {
        Err(refusal) => Ok(Unchanged::Refused(Box::new(refusal))),
        Ok(now) if now.steps == plan.steps => Ok(Unchanged::Since(grounds.journal_version)),
        Ok(_) => Err(Failure::new(
            ExitCode::Refused,
            "the cluster has changed since this plan was shown, and another one would be needed; nothing was changed",
        )
        .next("give the command again to see the new plan")),
    }
}

fn shown(plan: &Plan, screen: &Screen) -> String {
    let mut text = checks_screen(&plan.checks, screen) + "\n";
    if plan.candidates.len() > 1 {
        text += &candidates_screen(&plan.candidates, screen);
        text += "\n";
    }
    text + &plan_screen(plan, screen)
}

/// What was found out besides the snapshot.
async fn grounds(kube: &Kube, observed: &Observed, kind: &str) -> Result<Grounds, Failure> {
    let snapshot = &observed.snapshot;
    let more: &[_] = match kind {
        "reinit" | "scale" => &REINIT_PERMISSIONS,
        "restore" => &RESTORE_PERMISSIONS,
        _ => &[],
    };
    let calls: Vec<Call> = PERMISSIONS
        .iter()
        .chain(more)
        .map(|(verb, group, resource)| {
            Call::new(verb_of(verb), group, resource).within(&snapshot.cluster.namespace)
        })
        .collect();
    let unlogged = async {
        match kind {
            "failover" => unlogged_tables(kube, observed).await,
            _ => None,
        }
    };
    let (missing, lock, journal, argo, unlogged) = futures::join!(
        kube.not_allowed(&calls),
        lock_holder(kube, &snapshot.cluster),
        seen_journal(kube, &snapshot.cluster),
        argo_applications(kube, snapshot),
        unlogged,
    );
    let missing = missing?;
    let permissions = calls
        .iter()
        .map(|call| Permitted {
            permission: Permission::new(call.verb.as_str(), call.group, call.resource),
            allowed: !missing.contains(&call),
        })
        .collect();
    let (journal, journal_version) =
        journal.map_err(|error| Failure::new(ExitCode::Failed, error.reason))?;
    Ok(Grounds {
        journal_version,
        permissions,
        // Without the permission to read it, the check of the permissions says so.
        lock: lock.unwrap_or_default(),
        unfinished: journal.and_then(|journal| journal.unfinished()),
        drift: drift(snapshot, &argo),
        unlogged,
    })
}

/// The Applications of Argo CD that can be read: of the others nobody knows what they would do.
async fn argo_applications(kube: &Kube, snapshot: &Snapshot) -> BTreeMap<String, ArgoApplication> {
    let read = applications(snapshot).into_iter().map(async |name| {
        let found = kube.argo_application(&name).await;
        Some((name, found.ok().flatten()?))
    });
    join_all(read).await.into_iter().flatten().collect()
}

fn verb_of(word: &str) -> Verb {
    match word {
        "list" => Verb::List,
        "watch" => Verb::Watch,
        "create" => Verb::Create,
        "update" => Verb::Update,
        "patch" => Verb::Patch,
        "delete" => Verb::Delete,
        _ => Verb::Get,
    }
}

fn refused(context: &Context, refusal: &Refusal) -> Result<ExitCode, Failure> {
    if context.format.is_document() {
        let exit = ExitCode::Refused.number();
        context.print(&encode(
            &OperationDocument::new("Refusal", refusal, exit),
            context.format,
        ))?;
    }
    let screen = Screen::of_stderr(context.screen.color);
    write_stderr(&refusal_screen(refusal, &screen, context.verbose));
    write_stderr(&format!(
        "{} refused; nothing was changed\n",
        plain(&refusal.operation)
    ));
    Ok(ExitCode::Refused)
}

/// Asks, unless `--yes` has answered. Without a terminal there is nobody to ask.
pub(super) async fn confirm(plan: &Plan, yes: bool) -> Result<Confirmed, Failure> {
    if let Some(confirmed) = Confirmed::by_flag(yes) {
        return Ok(confirmed);
    }
    let declined = |what: &str| Failure::new(ExitCode::Refused, what);
    // Where the question does not show, nobody can answer it.
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Err(
            declined("there is no terminal to confirm on; nothing was changed")
                .next("add --yes to agree without being asked"),
        );
    }
    write_stderr(&format!(
        "\n{}\nType {} to go on: ",
        plain(&plan.operation.to_string()),
        plain(Confirmed::wanted(plan))
    ));
    let typed = typed_line().await;
    Confirmed::by_typing(plan, &typed).ok_or_else(|| declined("not confirmed; nothing was changed"))
}

/// What somebody types. It is read on a thread of its own: Ctrl-C must be heard while it waits.
pub(super) async fn typed_line() -> String {
    tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    })
    .await
    .ok()
    .and_then(Result::ok)
    .unwrap_or_default()
}

fn live(context: &Context, place: Place) -> Result<RealCluster, Failure> {
    let Place {
        kube,
        observed,
        backups,
    } = place;
    let credentials = observed.credentials.as_ref().ok_or_else(|| {
        Failure::new(
            ExitCode::Refused,
            "the database's credentials could not be read; nothing was changed",
        )
        .next("pgctl status")
    })?;
    let timeout = kube.timeout();
    let live = RealCluster::new(kube, login(credentials, timeout), &observed.snapshot);
    Ok(live
        .listening(Box::new(reporter(context)))
        .found_by(context.selection.clone())
        .with_backups(backups))
}

fn lock_failure(error: LockError) -> Failure {
    match error {
        LockError::Held(holder) => Failure::new(ExitCode::Refused, holder.to_string())
            .next(format!("wait until it is done; {}", holder.command())),
        LockError::Kube(error) => error.into(),
    }
}

/// The journal of the new operation, if nobody was faster since it was planned.
async fn fresh_journal(
    live: &RealCluster,
    plan: Plan,
    seen: Option<&str>,
) -> Result<Journal, Failure> {
    let before = live
        .journal
        .load()
        .await
        .map_err(|error| Failure::new(ExitCode::Failed, error.reason))?;
    let written_since = live.journal.version().await.as_deref() != seen;
    let Some(before) = before.filter(|_| !written_since) else {
        if written_since {
            return Err(overtaken());
        }
        return Ok(Journal::new(plan, Vec::new()));
    };
    let unfinished = before.unfinished();
    let replaced = matches!(
        (&plan.operation, &unfinished),
        (Operation::Failover { replaces: Some(id), .. }, Some(found)) if *id == found.id
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

pub(super) async fn go_on(
    context: &Context,
    place: Place,
    kind: &str,
    back: bool,
) -> Result<ExitCode, Failure> {
    let nothing = || {
        let word = if back { "abort" } else { "resume" };
        Failure::new(
            ExitCode::Refused,
            format!("there is nothing to {word}: every operation has ended"),
        )
        .next("pgctl history")
    };
    let found = journal_of(&place.kube, &place.observed.snapshot.cluster)
        .await
        .map_err(|error| Failure::new(ExitCode::Failed, error.reason))?;
    let unfinished = found
        .as_ref()
        .and_then(Journal::unfinished)
        .ok_or_else(nothing)?;
    let own = found.as_ref().map(|it| it.plan.operation.kind());
    if own != Some(kind) {
        return Err(Failure::new(
            ExitCode::Refused,
            format!("what is unfinished is the {}", unfinished.title),
        )
        .next(found.map(|it| it.plan.resume_command()).unwrap_or_default()));
    }
    if back && unfinished.past_point_of_no_return {
        return Err(Failure::new(
            ExitCode::Refused,
            format!("the {} can only go forward", unfinished.title),
        )
        .next(found.map(|it| it.plan.resume_command()).unwrap_or_default()));
    }
    let live = live(context, place)?;
    live.lock.take(true).await.map_err(lock_failure)?;
    // Once more, now that nobody else writes.
    let journal = match live.journal.load().await {
        Ok(Some(journal)) if journal.unfinished().is_some() => journal,
        Ok(_) => {
            live.lock.release().await;
            return Err(nothing());
        }
        Err(error) => {
            live.lock.release().await;
            return Err(Failure::new(ExitCode::Failed, error.reason));
        }
    };
    let reporter = reporter(context);
    let mut executor = Executor::new(&live, journal, &reporter);
    let by = who();
    let ending = if back {
        ending_or_interruption(executor.abort(&by)).await
    } else {
        ending_or_interruption(executor.resume(&by)).await
    };
    finish(context, &live, ending, executor.journal()).await
}

fn reporter(context: &Context) -> impl Fn(&Plan, &Notice) + Send + Sync + use<> {
    let quiet = context.quiet;
    let screen = Screen::of_stderr(context.screen.color);
    move |_: &Plan, notice: &Notice| {
        if let (Some(line), false) = (notice_line(notice, &screen), quiet) {
            write_stderr(&format!("{line}\n"));
        }
    }
}

/// An interruption leaves the operation as a dying process would: `--resume` goes on with it.
async fn ending_or_interruption(work: impl Future<Output = Ending>) -> Option<Ending> {
    tokio::select! {
        ending = work => Some(ending),
        () = super::run::interruption() => None,
    }
}

async fn finish(
    context: &Context,
    live: &RealCluster,
    ending: Option<Ending>,
    journal: &Journal,
) -> Result<ExitCode, Failure> {
    live.lock.release().await;
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
            let text = if context.format.is_document() {
                encode(
                    &OperationDocument::new("Report", &report, exit.number()),
                    context.format,
                )
            } else {
                report_screen(&report, &context.screen)
            };
            context.print(&text)?;
            Ok(exit)
        }
        Some(Ending::RolledBack { reason, left }) => Err(rolled_back(journal, reason, &left)),
        Some(Ending::Replaced { reason }) => Err(Failure::new(
            ExitCode::Refused,
            format!(
                "the {} has ended: another change of the primary has taken its place",
                plan.operation
            ),
        )
        .because(reason)
        .next("pgctl status")),
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

/// What was put back, and what is left of it where it can't be nothing.
fn rolled_back(journal: &Journal, reason: String, left: &[String]) -> Failure {
    let plan = &journal.plan;
    let rest = match left {
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

//! What every guided operation shows, asks and prints.

use std::sync::Arc;

use jiff::Timestamp;

use super::confirming::confirm;
use super::context::Context;
use super::intent::Intent;
use crate::cli::ChangeArgs;
use crate::cluster::Snapshot;
use crate::confirmation::{Confirmed, GoOn};
use crate::engine::Report;
use crate::events::RunEvent;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::observe::Observed;
use crate::operate::{Replanned, Target, Tell, outcome, replan, requirements, unfinished};
use crate::output::{
    OperationDocument, Screen, candidates_screen, checks_screen, encode, plain, plan_screen,
    refusal_screen, report_screen,
};
use crate::plan::{Circumstances, OperationKind, Plan, Refusal};
use crate::world::{Backups, RecordOf};

/// Plans and runs an operation, or goes on with one, or puts it back.
pub(super) async fn run<R>(
    context: &Context,
    kind: OperationKind,
    intent: Intent<'_, R>,
    make: impl Fn(&R, &Snapshot, &Circumstances, Timestamp) -> Result<Plan, Refusal>,
) -> Result<ExitCode, Failure> {
    let kube = context.connect().await?;
    let observed = context.observe(&kube).await?;
    let target = target(context, kube, observed, None);
    match intent {
        Intent::Plan { request, change } => {
            let make = |snapshot: &Snapshot, circumstances: &Circumstances, now| {
                make(&request, snapshot, circumstances, now)
            };
            execute(context, change, kind, target, make).await
        }
        Intent::Resume => go_on(context, target, kind, GoOn::Resume, None).await,
        Intent::Abort => go_on(context, target, kind, GoOn::Abort, None).await,
    }
}

/// A cluster that was looked at, to act on.
pub(super) fn target(
    context: &Context,
    kube: Kube,
    observed: Observed,
    backups: Option<Backups>,
) -> Target {
    Target {
        kube,
        observed,
        selection: context.selection.clone(),
        backups,
        record: RecordOf::Cluster,
    }
}

/// Plans, shows the plan, asks, and runs it; or says why there is none.
pub(super) async fn execute(
    context: &Context,
    args: &ChangeArgs,
    kind: OperationKind,
    target: Target,
    make: impl Fn(&Snapshot, &Circumstances, Timestamp) -> Result<Plan, Refusal>,
) -> Result<ExitCode, Failure> {
    let nothing_more = async |_: &Kube, _: &Observed| Ok(());
    execute_looking_again(context, args, kind, target, make, nothing_more).await
}

/// The same for a plan that is made of more than the snapshot: `again` finds that out once more
/// after somebody was asked.
pub(super) async fn execute_looking_again(
    context: &Context,
    args: &ChangeArgs,
    kind: OperationKind,
    target: Target,
    make: impl Fn(&Snapshot, &Circumstances, Timestamp) -> Result<Plan, Refusal>,
    again: impl AsyncFn(&Kube, &Observed) -> Result<(), Failure>,
) -> Result<ExitCode, Failure> {
    let circumstances = requirements(&target.kube, &target.observed, kind, target.record).await?;
    let plan = match make(&target.observed.snapshot, &circumstances, Timestamp::now()) {
        Ok(plan) => plan,
        Err(refusal) => return refused(context, &refusal),
    };
    let stderr = context.stderr();
    if args.dry_run {
        let text = if context.format.is_document() {
            encode(&OperationDocument::new("Plan", &plan, 0), context.format)
        } else {
            shown(&plan, &context.screen, context.verbose)
        };
        context.print(&text)?;
        return Ok(ExitCode::Done);
    }
    if !context.quiet {
        context.telling.say(&shown(&plan, &stderr, context.verbose));
    }
    context.telling.about(&plan.id.0);
    context.telling.only_event(&RunEvent::Planned {
        title: plan.operation.to_string(),
        steps: plan.steps.iter().map(|step| step.name).collect(),
    });
    let confirmed = confirm(context, &plan.operation.to_string(), &plan, args.yes).await?;
    let mut seen = circumstances.journal_version;
    if !args.yes {
        let observed = context.observe(&target.kube).await?;
        again(&target.kube, &observed).await?;
        match replan(&target.kube, &observed, &plan, &make).await? {
            Replanned::Same(version) => seen = version,
            Replanned::Refused(refusal) => return refused(context, &refusal),
        }
    }
    let tell = tell(context);
    let ran = crate::operate::run(
        target,
        plan,
        &confirmed,
        seen.as_deref(),
        &tell,
        super::interruption::interruption(),
    );
    let (report, exit) = outcome(ran.await?)?;
    finish(context, &report, exit)
}

/// Goes on with what was left unfinished, or puts it back. What agrees to it is the option, where nobody
/// has been asked.
pub(super) async fn go_on(
    context: &Context,
    target: Target,
    kind: OperationKind,
    option: GoOn,
    confirmed: Option<Confirmed>,
) -> Result<ExitCode, Failure> {
    let journal = unfinished(&target, kind, option).await?;
    let confirmed = confirmed.unwrap_or_else(|| Confirmed::by_option(&journal.plan, option));
    context.telling.about(&journal.plan.id.0);
    let tell = tell(context);
    let ran = crate::operate::go_on(
        target,
        option,
        &confirmed,
        &tell,
        super::interruption::interruption(),
    );
    let (report, exit) = outcome(ran.await?)?;
    finish(context, &report, exit)
}

fn shown(plan: &Plan, screen: &Screen, all: bool) -> String {
    let mut text = checks_screen(&plan.checks, screen, all) + "\n";
    if plan.candidates.len() > 1 {
        text += &candidates_screen(&plan.candidates, screen);
        text += "\n";
    }
    text + &plan_screen(plan, screen)
}

pub(super) fn refused(context: &Context, refusal: &Refusal) -> Result<ExitCode, Failure> {
    if context.format.is_document() {
        let exit = ExitCode::Refused.number();
        context.print(&encode(
            &OperationDocument::new("Refusal", refusal, exit),
            context.format,
        ))?;
    }
    let screen = context.stderr();
    context.telling.only_event(&RunEvent::Refused {
        title: refusal.operation.clone(),
        checks: refusal.checks.clone(),
    });
    let telling = &context.telling;
    telling.say(&refusal_screen(refusal, &screen, context.verbose));
    telling.say(&format!(
        "{} refused; nothing was changed\n",
        plain(&refusal.operation)
    ));
    Ok(ExitCode::Refused)
}

/// Tells what happens while an operation runs, in words or as events.
pub(super) fn tell(context: &Context) -> Tell {
    let telling = context.telling.clone();
    Arc::new(move |_: &Plan, event: &RunEvent| telling.event(event))
}

/// Prints what came of it.
pub(super) fn finish(
    context: &Context,
    report: &Report,
    exit: ExitCode,
) -> Result<ExitCode, Failure> {
    let text = if context.format.is_document() {
        encode(
            &OperationDocument::new("Report", report, exit.number()),
            context.format,
        )
    } else {
        report_screen(report, &context.screen)
    };
    context.print(&text)?;
    Ok(exit)
}

//! From the command line to a rollout, or on with an interrupted one.

use super::proposal::request;
use super::undo::undo;
use super::whole::plan_and_run;
use crate::cli::RolloutArgs;
use crate::commands::context::Context;
use crate::commands::interruption::interruption;
use crate::commands::operation;
use crate::confirmation::{Confirmed, GoOn};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::operate::{Target, outcome, unfinished};
use crate::plan::OperationKind;

pub(in crate::commands) async fn run(
    context: &Context,
    args: &RolloutArgs,
) -> Result<ExitCode, Failure> {
    let kube = context.connect().await?;
    let go_on = args.operation.go_on.clone();
    if args.undo && !go_on.resume && !go_on.abort {
        return undo(context, args, &kube, &request(args)).await;
    }
    if !go_on.resume && !go_on.abort {
        return plan_and_run(context, args, &kube, &request(args), None).await;
    }
    let observed = context.observe(&kube).await?;
    let target = operation::target(context, kube.clone(), observed, None);
    if go_on.resume {
        resume(context, args, &kube, target).await
    } else {
        operation::go_on(context, target, OperationKind::Rollout, GoOn::Abort, None).await
    }
}

/// First what was interrupted, then what is left of the rollout that it was a part of.
async fn resume(
    context: &Context,
    args: &RolloutArgs,
    kube: &Kube,
    target: Target,
) -> Result<ExitCode, Failure> {
    let option = GoOn::Resume;
    let journal = unfinished(&target, OperationKind::Rollout, option).await?;
    let confirmed = Confirmed::by_option(&journal.plan, option);
    context.telling.about(&journal.plan.id.0);
    let tell = operation::tell(context);
    let running = crate::operate::go_on(target, option, &confirmed, &tell, interruption());
    let (report, exit) = outcome(running.await?)?;
    let wanted = journal.plan.operation.restart().map(|it| &it.rollout);
    match wanted {
        Some(wanted) if exit == ExitCode::Done && wanted.pod.is_none() => {
            plan_and_run(context, args, kube, wanted, Some(report)).await
        }
        Some(_) | None => operation::finish(context, &report, exit),
    }
}

//! `pgctl hpa`.

use super::context::Context;
use super::intent::Intent;
use super::operation;
use super::run::interruptible;
use crate::cli::{HpaArgs, HpaCommand};
use crate::cluster::Sight;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{AutoscalerDocument, autoscaler_screen, encode};
use crate::plan::{AutoscaleRequest, OperationKind, plan_autoscale};

pub(super) async fn run(context: &Context, args: &HpaArgs) -> Result<ExitCode, Failure> {
    let (request, change) = match &args.command {
        None if args.go_on.resume => return plan_or_go_on(context, Intent::Resume).await,
        None if args.go_on.abort => return plan_or_go_on(context, Intent::Abort).await,
        None | Some(HpaCommand::Show) => return interruptible(show(context)).await,
        Some(HpaCommand::Set(set)) => {
            let request = AutoscaleRequest::Set {
                min: set.change.min,
                max: set.change.max,
                cpu: set.change.cpu,
                memory: set.change.memory,
            };
            (request, &set.run)
        }
        Some(HpaCommand::Pause(change)) => (AutoscaleRequest::Pause, change),
        Some(HpaCommand::Resume(change)) => (AutoscaleRequest::Resume, change),
    };
    plan_or_go_on(context, Intent::Plan { request, change }).await
}

async fn plan_or_go_on(
    context: &Context,
    intent: Intent<'_, AutoscaleRequest>,
) -> Result<ExitCode, Failure> {
    operation::run(
        context,
        OperationKind::Autoscale,
        intent,
        |request, snapshot, grounds, now| plan_autoscale(snapshot, request, grounds, now),
    )
    .await
}

async fn show(context: &Context) -> Result<ExitCode, Failure> {
    let kube = context.connect().await?;
    let snapshot = context.observe(&kube).await?.snapshot;
    let Some(autoscaler) = &snapshot.autoscaler else {
        let unseen = snapshot.unseen(Sight::Autoscalers);
        let failure = Failure::new(
            ExitCode::Refused,
            format!("no autoscaler governs {}", snapshot.cluster),
        );
        return Err(match unseen {
            Some(unseen) => failure.because(unseen.to_string()),
            None => failure.next("deploy one: deploy/base/postgres-replica-hpa.yaml"),
        });
    };
    let document = AutoscalerDocument::new(&snapshot.cluster, autoscaler);
    let text = if context.format.is_document() {
        encode(&document, context.format)
    } else {
        autoscaler_screen(autoscaler, snapshot.taken, &context.screen)
    };
    context.print(&text)?;
    Ok(ExitCode::Done)
}

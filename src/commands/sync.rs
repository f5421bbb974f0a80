//! `pgctl sync`.

use super::context::Context;
use super::intent::Intent;
use super::operation;
use super::run::interruptible;
use crate::cli::{SyncArgs, SyncCommand};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{SynchronousDocument, encode, synchronous_screen};
use crate::plan::{OperationKind, SynchronousRequest, plan_synchronous};

pub(super) async fn run(context: &Context, args: &SyncArgs) -> Result<ExitCode, Failure> {
    let intent = match &args.command {
        None if args.go_on.resume => Intent::Resume,
        None if args.go_on.abort => Intent::Abort,
        None | Some(SyncCommand::Show) => return interruptible(show(context)).await,
        Some(SyncCommand::Set(set)) => Intent::Plan {
            request: SynchronousRequest {
                standbys: set.standbys,
            },
            change: &set.run,
        },
    };
    operation::run(
        context,
        OperationKind::Synchronous,
        intent,
        |request, snapshot, grounds, now| plan_synchronous(snapshot, request, grounds, now),
    )
    .await
}

async fn show(context: &Context) -> Result<ExitCode, Failure> {
    let kube = context.connect().await?;
    let snapshot = context.observe(&kube).await?.snapshot;
    let document = SynchronousDocument::new(&snapshot);
    let text = if context.format.is_document() {
        encode(&document, context.format)
    } else {
        synchronous_screen(&document, &context.screen)
    };
    context.print(&text)?;
    Ok(ExitCode::Done)
}

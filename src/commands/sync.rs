//! `pgctl sync`.

use super::context::Context;
use super::operation;
use super::run::interruptible;
use crate::cli::{OperationArgs, SyncArgs, SyncCommand};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{SynchronousDocument, encode, synchronous_screen};
use crate::plan::{SynchronousRequest, plan_synchronous};

pub(super) async fn run(context: &Context, args: &SyncArgs) -> Result<ExitCode, Failure> {
    let (standbys, operation) = match &args.command {
        None if args.go_on.resume || args.go_on.abort => (0, OperationArgs::from(&args.go_on)),
        None | Some(SyncCommand::Show) => return interruptible(show(context)).await,
        Some(SyncCommand::Set(set)) => (set.standbys, OperationArgs::from(&set.run)),
    };
    let request = SynchronousRequest { standbys };
    operation::run(context, &operation, "sync", |snapshot, grounds, now| {
        plan_synchronous(snapshot, &request, grounds, now)
    })
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

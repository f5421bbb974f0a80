//! `pgctl restore --discard-old`.

use super::super::context::Context;
use super::super::operation::{execute, target};
use crate::cli::RestoreArgs;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::observe::kept_data;
use crate::plan::{OperationKind, plan_discard};

pub(super) async fn run(context: &Context, args: &RestoreArgs) -> Result<ExitCode, Failure> {
    let kube = context.connect().await?;
    let observed = context.observe(&kube).await?;
    let request = kept_data(&kube, &observed.snapshot).await;
    let target = target(context, kube, observed, None);
    execute(
        context,
        &args.operation.change,
        OperationKind::Discard,
        target,
        |snapshot, grounds, now| plan_discard(snapshot, &request, grounds, now),
    )
    .await
}

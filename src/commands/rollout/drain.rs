//! `pgctl drain`: a rollout of the pods of one node, which go to others.

use super::proposal::request;
use super::whole::plan_and_run;
use crate::cli::{DrainArgs, GoOnArgs, OperationArgs, RolloutArgs};
use crate::commands::context::Context;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::plan::{DEFAULT_MAX_LAG_BYTES, RolloutRequest};

pub(in crate::commands) async fn drain(
    context: &Context,
    args: &DrainArgs,
) -> Result<ExitCode, Failure> {
    let kube = context.connect().await?;
    let rollout = rollout_args(args);
    let wanted = RolloutRequest {
        node: Some(args.node.clone()),
        ..request(&rollout)
    };
    plan_and_run(context, &rollout, &kube, &wanted, None).await
}

/// The rollout that it is.
fn rollout_args(args: &DrainArgs) -> RolloutArgs {
    RolloutArgs {
        restart: true,
        undo: false,
        pod: None,
        back: false,
        max_lag_bytes: DEFAULT_MAX_LAG_BYTES,
        parts: args.parts.clone(),
        operation: OperationArgs {
            change: args.change.clone(),
            go_on: GoOnArgs::default(),
        },
    }
}

//! Which part of it is asked for.

use super::super::context::Context;
use super::{look, order, setup};
use crate::change::PoolerOrder;
use crate::cli::{PoolerArgs, PoolerCommand};
use crate::exit::ExitCode;
use crate::failure::Failure;

pub(in crate::commands) async fn run(
    context: &Context,
    args: &PoolerArgs,
) -> Result<ExitCode, Failure> {
    match &args.command {
        None => look::run(context, args).await,
        Some(PoolerCommand::Setup(args)) => setup::run(context, args).await,
        Some(PoolerCommand::Pause(args)) => {
            order::run(context, PoolerOrder::Pause, &args.order, Some(args.limit)).await
        }
        Some(PoolerCommand::Resume(args)) => {
            order::run(context, PoolerOrder::Resume, args, None).await
        }
        Some(PoolerCommand::Reload(args)) => {
            order::run(context, PoolerOrder::Reload, args, None).await
        }
    }
}

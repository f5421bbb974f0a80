//! Which part of it is asked for.

use super::super::context::Context;
use super::{look, setup};
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
    }
}

//! Which part of it is asked for.

use super::super::context::Context;
use super::{drop, look};
use crate::cli::{SlotsArgs, SlotsCommand};
use crate::exit::ExitCode;
use crate::failure::Failure;

pub(in crate::commands) async fn run(
    context: &Context,
    args: &SlotsArgs,
) -> Result<ExitCode, Failure> {
    match &args.command {
        None => look::run(context, args).await,
        Some(SlotsCommand::Drop(args)) => drop::run(context, args).await,
    }
}

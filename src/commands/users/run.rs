//! Which part of it is asked for.

use super::super::context::Context;
use super::{create, drop, look};
use crate::cli::{UsersArgs, UsersCommand};
use crate::exit::ExitCode;
use crate::failure::Failure;

pub(in crate::commands) async fn run(
    context: &Context,
    args: &UsersArgs,
) -> Result<ExitCode, Failure> {
    match &args.command {
        None => look::run(context, args).await,
        Some(UsersCommand::Create(args)) => create::run(context, args).await,
        Some(UsersCommand::Drop(args)) => drop::run(context, args).await,
    }
}

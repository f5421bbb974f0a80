//! Which part of it is asked for.

use super::super::context::Context;
use super::rotate;
use crate::cli::{PasswordsArgs, PasswordsCommand};
use crate::exit::ExitCode;
use crate::failure::Failure;

pub(in crate::commands) async fn run(
    context: &Context,
    args: &PasswordsArgs,
) -> Result<ExitCode, Failure> {
    match &args.command {
        PasswordsCommand::Rotate(args) => rotate::run(context, args).await,
    }
}

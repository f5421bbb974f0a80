//! Which of them.

use super::super::context::Context;
use super::{archive, list, verify};
use crate::cli::{WalArgs, WalCommand};
use crate::exit::ExitCode;
use crate::failure::Failure;

pub(in crate::commands) async fn run(
    context: &Context,
    args: &WalArgs,
) -> Result<ExitCode, Failure> {
    match &args.command {
        // It ends by itself when it is interrupted: it stores what it has received.
        WalCommand::Archive(args) => archive::run(context, args).await,
        WalCommand::List(args) => list::run(context, args).await,
        WalCommand::Verify(args) => verify::run(context, args).await,
    }
}

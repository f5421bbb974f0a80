//! Which of them.

use super::super::context::Context;
use super::super::interruption::interruptible;
use super::{copy, list, prune, take, verify};
use crate::cli::{BackupArgs, BackupCommand};
use crate::exit::ExitCode;
use crate::failure::Failure;

pub(in super::super) async fn run(
    context: &Context,
    args: &BackupArgs,
) -> Result<ExitCode, Failure> {
    match &args.command {
        // It ends by itself when it is interrupted: it has to clean up.
        None => take::run(context, &args.take).await,
        Some(BackupCommand::List(args)) => list::run(context, args).await,
        Some(BackupCommand::Verify(args)) => verify::run(context, args).await,
        // And so does this.
        Some(BackupCommand::Copy(args)) => copy::run(context, args).await,
        Some(BackupCommand::Prune(args)) => interruptible(prune::run(context, args)).await,
    }
}

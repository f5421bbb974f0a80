//! Which part of it is asked for.

use super::super::context::Context;
use super::{change, diff, own_file, show};
use crate::cli::{ConfigArgs, ConfigCommand};
use crate::exit::ExitCode;
use crate::failure::Failure;

pub(in crate::commands) async fn run(
    context: &Context,
    args: &ConfigArgs,
) -> Result<ExitCode, Failure> {
    match &args.command {
        None => show::run(context, &args.show).await,
        Some(ConfigCommand::Show(args)) => show::run(context, args).await,
        Some(ConfigCommand::Diff(args)) => diff::run(context, args).await,
        Some(ConfigCommand::Set(args)) => change::set(context, args).await,
        Some(ConfigCommand::Unset(args)) => change::unset(context, args).await,
        Some(ConfigCommand::Reload(args)) => change::reload(context, args).await,
        Some(ConfigCommand::Init(_)) => own_file::init(context),
        Some(ConfigCommand::Where(_)) => own_file::show(context),
    }
}

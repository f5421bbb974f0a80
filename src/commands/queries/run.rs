//! Which part of it is asked for.

use super::super::context::Context;
use super::{end, look, top};
use crate::change::BackendEnd;
use crate::cli::{LocksArgs, QueriesArgs, QueriesCommand};
use crate::cluster::Which;
use crate::exit::ExitCode;
use crate::failure::Failure;

pub(in crate::commands) async fn queries(
    context: &Context,
    args: &QueriesArgs,
) -> Result<ExitCode, Failure> {
    match (&args.command, args.top) {
        (Some(QueriesCommand::Cancel(args)), _) => {
            end::run(context, args, BackendEnd::Cancel).await
        }
        (Some(QueriesCommand::Terminate(args)), _) => {
            end::run(context, args, BackendEnd::Terminate).await
        }
        (None, Some(count)) => top::run(context, args, count).await,
        (None, None) => {
            let which = match args.all {
                true => Which::All,
                false => Which::Running,
            };
            look::run(context, &args.pod, which, &args.watch).await
        }
    }
}

pub(in crate::commands) async fn locks(
    context: &Context,
    args: &LocksArgs,
) -> Result<ExitCode, Failure> {
    look::run(context, &args.pod, Which::Blocking, &args.watch).await
}

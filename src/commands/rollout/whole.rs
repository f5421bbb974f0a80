//! A rollout from its plan to the end: shown, agreed to, and done part after part.

use jiff::Timestamp;

use super::chain::{Agreed, carry_out};
use super::emptied_node::{cordon, drained};
use super::proposal::propose;
use crate::cli::RolloutArgs;
use crate::cluster::words::shell_word;
use crate::commands::confirming::confirm;
use crate::commands::context::Context;
use crate::commands::operation;
use crate::confirmation::{Confirmed, GoOn};
use crate::engine::Report;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::operate::requirements;
use crate::output::{OperationDocument, RolloutContent, encode, rollout_screen};
use crate::plan::{OperationKind, Refusal, Rollout, RolloutRequest};
use crate::world::RecordOf;

/// Plans it, shows it, asks, and does part after part. Whoever goes on with an interrupted one, of which `resumed` was a
/// part, has agreed to the rest.
pub(super) async fn plan_and_run(
    context: &Context,
    args: &RolloutArgs,
    kube: &Kube,
    wanted: &RolloutRequest,
    resumed: Option<Report>,
) -> Result<ExitCode, Failure> {
    let agreed = resumed.as_ref().map(|_| GoOn::Resume);
    let begun: Vec<Report> = resumed.into_iter().collect();
    let rollout = match proposed(context, args, kube, wanted).await? {
        Ok(found) => found,
        Err(refusal) => return operation::refused(context, &refusal),
    };
    let change = &args.operation.change;
    if change.dry_run || (rollout.parts.is_empty() && begun.is_empty()) {
        let text = if context.format.is_document() {
            let content = RolloutContent::new(&rollout, &[]);
            encode(
                &OperationDocument::new("Rollout", content, 0),
                context.format,
            )
        } else {
            rollout_screen(&rollout, &context.screen, context.verbose)
        };
        context.print(&text)?;
        return Ok(ExitCode::Done);
    }
    if !context.quiet && !rollout.parts.is_empty() {
        let text = rollout_screen(&rollout, &context.stderr(), context.verbose);
        context.telling.say(&text);
    }
    let confirmed = match agreed {
        Some(option) => Confirmed::by_option(&rollout, option),
        None => confirm(context, &rollout.to_string(), &rollout, change.yes).await?,
    };
    if !change.yes && agreed.is_none() {
        // While a person read and typed, the cluster went on.
        match proposed(context, args, kube, wanted).await? {
            Ok(now) if now.parts == rollout.parts => {}
            Ok(_) => {
                return Err(Failure::new(
                    ExitCode::Refused,
                    "the cluster has changed since this was shown, and something else would be done; nothing was changed",
                )
                .next("give the command again to see what"));
            }
            Err(refusal) => return operation::refused(context, &refusal),
        }
    }
    if let (Some(_), Some(node)) = (agreed, &rollout.request.node)
        && !kube.is_cordoned(node).await?
    {
        // Whoever did so had a reason, and did not agree to this.
        return Err(Failure::new(
            ExitCode::Incomplete,
            format!("somebody has uncordoned {node} since; what was interrupted is done, and the rest is not begun"),
        )
        .next(format!("pgctl drain {}", shell_word(node))));
    }
    let agreed = Agreed {
        rollout: &rollout,
        confirmed: &confirmed,
        cordoned: cordon(context, kube, &rollout, &confirmed).await?,
    };
    carry_out(context, args, kube, &agreed, begun).await
}

/// What would be done on the cluster as it is now.
async fn proposed(
    context: &Context,
    args: &RolloutArgs,
    kube: &Kube,
    wanted: &RolloutRequest,
) -> Result<Result<Rollout, Refusal>, Failure> {
    let observed = context.observe(kube).await?;
    // A switchover asks for all that a restart asks for, and for more.
    let mut circumstances =
        requirements(kube, &observed, OperationKind::Failover, RecordOf::Cluster).await?;
    circumstances.drained = drained(kube, &observed.snapshot, wanted).await?;
    let now = Timestamp::now();
    Ok(propose(
        args,
        wanted,
        &observed.snapshot,
        &circumstances,
        now,
    ))
}

//! What every small change shows, asks and prints: the checks, the question, what came of it.

use super::confirming::confirm;
use super::context::Context;
use super::interruption::interruption;
use crate::change::{ChangeOutcome, ChangeProposal};
use crate::cli::SmallChangeArgs;
use crate::cluster::ClusterId;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::operate::{self, Changed, SmallChange};
use crate::output::{
    ChangeDocument, ChangeEnd, encode, plain, proposal_screen, refused_proposal_screen,
};

/// Looks, shows what would be done, asks, does it and proves it. `command` is what was typed: `slots drop`.
pub(super) async fn run(
    context: &Context,
    args: &SmallChangeArgs,
    command: &str,
    kube: &Kube,
    cluster: &ClusterId,
    change: &impl SmallChange,
) -> Result<ExitCode, Failure> {
    let proposal = propose(kube, cluster, change).await?;
    if proposal.is_refused() {
        return refused(context, cluster, &proposal);
    }
    if args.dry_run {
        let text = if context.format.is_document() {
            document(context, cluster, &proposal, &ChangeEnd::Proposed)
        } else {
            proposal_screen(&proposal, &context.screen)
        };
        context.print(&text)?;
        return Ok(ExitCode::Done);
    }
    if !context.quiet {
        let screen = context.stderr();
        context.telling.say(&proposal_screen(&proposal, &screen));
    }
    let confirmed = confirm(context, &proposal.title, &proposal, args.yes).await?;
    // Somebody may have thought about it for an hour.
    let proposal = match args.yes {
        true => proposal,
        false => propose(kube, cluster, change).await?,
    };
    if proposal.is_refused() {
        return refused(context, cluster, &proposal);
    }
    let work = operate::change(kube, cluster, command, change, &proposal, &confirmed);
    let changed = tokio::select! {
        changed = work => changed?,
        () = interruption() => return Err(interrupted(&proposal)),
    };
    finish(context, cluster, &proposal, &changed)
}

async fn propose(
    kube: &Kube,
    cluster: &ClusterId,
    change: &impl SmallChange,
) -> Result<ChangeProposal, Failure> {
    let around = operate::around(kube, cluster).await?;
    let mut proposal = change.propose(&around).await?;
    proposal.checks.push(around.record);
    Ok(proposal)
}

fn document(
    context: &Context,
    cluster: &ClusterId,
    proposal: &ChangeProposal,
    end: &ChangeEnd,
) -> String {
    let document = ChangeDocument::new(cluster, proposal, end);
    encode(&document, context.format)
}

fn refused(
    context: &Context,
    cluster: &ClusterId,
    proposal: &ChangeProposal,
) -> Result<ExitCode, Failure> {
    if context.format.is_document() {
        context.print(&document(context, cluster, proposal, &ChangeEnd::Refused))?;
    }
    let screen = context.stderr();
    context
        .telling
        .say(&refused_proposal_screen(proposal, &screen));
    Ok(ExitCode::Refused)
}

fn finish(
    context: &Context,
    cluster: &ClusterId,
    proposal: &ChangeProposal,
    changed: &Changed,
) -> Result<ExitCode, Failure> {
    if let Some(why) = &changed.unwritten {
        let line = format!("warning: how it ended could not be written down: {why}");
        context.telling.say(&format!("{}\n", plain(&line)));
    }
    let record = &changed.record;
    let reason = record.reason.clone().unwrap_or_default();
    match record.outcome {
        ChangeOutcome::Done => {
            let text = if context.format.is_document() {
                let end = ChangeEnd::Done(record.clone());
                document(context, cluster, proposal, &end)
            } else {
                format!("{}: done, and looked at\n", plain(&record.change))
            };
            context.print(&text)?;
            Ok(ExitCode::Done)
        }
        ChangeOutcome::Refused => Err(Failure::new(
            ExitCode::Failed,
            format!("{}: it was not done; nothing was changed", record.change),
        )
        .because(reason)
        .next("look again, and give the command once more")),
        ChangeOutcome::Begun | ChangeOutcome::Unproven => Err(Failure::new(
            ExitCode::TimedOut,
            format!("{}: asked for, and not proven", record.change),
        )
        .because(reason)
        .next("look whether it was done, and give the command once more")),
    }
}

fn interrupted(proposal: &ChangeProposal) -> Failure {
    Failure::new(
        ExitCode::Interrupted,
        format!(
            "interrupted: whether the {} was done is not known",
            proposal.title
        ),
    )
    .next("look whether it was done: pgctl history")
}

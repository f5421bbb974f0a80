//! What every small change shows, asks and prints: the checks, the question, what came of it.

use super::confirming::confirm;
use super::context::Context;
use super::interruption::interruption;
use crate::change::{ChangeOutcome, ChangeProposal, SettingEffect};
use crate::cli::SmallChangeArgs;
use crate::cluster::ClusterId;
use crate::confirmation::Confirmed;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::operate::{self, Changed, SmallChange};
use crate::output::{
    ChangeDocument, ChangeEnd, effects_screen, encode, plain, proposal_screen,
    refused_proposal_screen, written_screen,
};
use crate::plan::CheckVerdict;

/// How one ended that was proven.
const DONE: &str = "done, and looked at";

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
    if change.is_idle() {
        return idle(context, cluster, &proposal, change);
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
    if change.is_idle() {
        return idle(context, cluster, &proposal, change);
    }
    let work = operate::change(kube, cluster, command, change, &proposal, &confirmed);
    let changed = tokio::select! {
        changed = work => changed?,
        () = interruption() => return Err(interrupted(&proposal)),
    };
    finish(context, cluster, &proposal, &changed, change)
}

/// The same for what somebody has looked at and agreed to on a screen that is not left for it. Tells in a
/// line how it ended.
///
/// # Errors
/// When nothing can be proposed, or it could not be written down.
pub(super) async fn agreed(
    kube: &Kube,
    cluster: &ClusterId,
    command: &str,
    change: &impl SmallChange,
) -> Result<String, Failure> {
    let proposal = propose(kube, cluster, change).await?;
    let mut checks = proposal.checks.iter();
    if let Some(check) = checks.find(|it| it.verdict == CheckVerdict::Refuse) {
        return Ok(format!("refused: {}", check.reason));
    }
    // The answer was given on the screen.
    let Some(confirmed) = Confirmed::by_flag(&proposal, true) else {
        return Ok("not confirmed; nothing was changed".to_owned());
    };
    let changed = operate::change(kube, cluster, command, change, &proposal, &confirmed).await?;
    Ok(told(&changed))
}

/// How it ended, in a line.
fn told(changed: &Changed) -> String {
    let record = &changed.record;
    let why = record.reason.as_deref().unwrap_or_default();
    let how = match record.outcome {
        ChangeOutcome::Done => DONE.to_owned(),
        ChangeOutcome::Refused => format!("it was not done: {why}"),
        ChangeOutcome::Begun | ChangeOutcome::Unproven => {
            format!("asked for, and not proven: {why}")
        }
        ChangeOutcome::Partly => format!("done in part: {why}"),
    };
    let unwritten = changed
        .unwritten
        .as_deref()
        .map_or_else(String::new, |why| {
            format!("; how it ended could not be written down: {why}")
        });
    format!("{}: {how}{unwritten}", record.change)
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

pub(super) fn document(
    context: &Context,
    cluster: &ClusterId,
    proposal: &ChangeProposal,
    end: &ChangeEnd,
) -> String {
    let document = ChangeDocument::new(cluster, proposal, end);
    encode(&document, context.format)
}

pub(super) fn refused(
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

/// There was nothing to do now.
fn idle(
    context: &Context,
    cluster: &ClusterId,
    proposal: &ChangeProposal,
    change: &impl SmallChange,
) -> Result<ExitCode, Failure> {
    let effects = change.effects();
    let end = ChangeEnd::Nothing;
    let text = if context.format.is_document() {
        let document = ChangeDocument::new(cluster, proposal, &end).with_effects(&effects);
        encode(&document, context.format)
    } else {
        let mut line = format!("{}: there is nothing to do now", proposal.title);
        if let Some(but) = change.but_when_idle() {
            line += &format!("; {but}");
        }
        effects_screen(&line, &effects, &[], &context.screen)
    };
    context.print(&text)?;
    Ok(match effects.iter().any(SettingEffect::is_left) {
        true => ExitCode::Incomplete,
        false => ExitCode::Done,
    })
}

fn finish(
    context: &Context,
    cluster: &ClusterId,
    proposal: &ChangeProposal,
    changed: &Changed,
    change: &impl SmallChange,
) -> Result<ExitCode, Failure> {
    if let Some(why) = &changed.unwritten {
        let line = format!("warning: how it ended could not be written down: {why}");
        context.telling.say(&format!("{}\n", plain(&line)));
    }
    let record = &changed.record;
    let reason = record.reason.clone().unwrap_or_default();
    let said = |what: &str| format!("{}: {what}", record.change);
    match record.outcome {
        ChangeOutcome::Done => {
            let end = ChangeEnd::Done(record.clone());
            let text = done(context, cluster, proposal, &end, change, &said(DONE));
            context.print(&text)?;
            Ok(ExitCode::Done)
        }
        ChangeOutcome::Partly => {
            let end = ChangeEnd::Partly(record.clone());
            let line = said("done in part; the same command goes on");
            let text = done(context, cluster, proposal, &end, change, &line);
            context.print(&text)?;
            Ok(ExitCode::Incomplete)
        }
        ChangeOutcome::Refused => Err(Failure::new(
            ExitCode::Failed,
            said("it was not done; nothing was changed"),
        )
        .because(reason)
        .next("look again, and give the command once more")),
        ChangeOutcome::Begun | ChangeOutcome::Unproven => Err(Failure::new(
            ExitCode::TimedOut,
            said("asked for, and not proven"),
        )
        .because(reason)
        .next("look whether it was done, and give the command once more")),
    }
}

/// What was done, for people or for scripts.
fn done(
    context: &Context,
    cluster: &ClusterId,
    proposal: &ChangeProposal,
    end: &ChangeEnd,
    change: &impl SmallChange,
    line: &str,
) -> String {
    let (answer, effects) = (change.answer(), change.effects());
    if context.format.is_document() {
        let document = ChangeDocument::new(cluster, proposal, end)
            .answered(answer)
            .with_effects(&effects);
        return encode(&document, context.format);
    }
    match answer {
        Some(answer) => written_screen(&proposal.title, answer, &context.screen),
        None => effects_screen(line, &effects, &proposal.undo, &context.screen),
    }
}

fn interrupted(proposal: &ChangeProposal) -> Failure {
    let failure = Failure::new(
        ExitCode::Interrupted,
        format!(
            "interrupted: whether the {} was done is not known",
            proposal.title
        ),
    )
    .next("look whether it was done: pgctl history");
    let undo = proposal.undo.iter();
    undo.fold(failure, |failure, undo| failure.next(undo.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::ChangeRecord;

    #[test]
    fn that_an_end_is_not_in_the_history_is_told_in_the_line_too() {
        let record = ChangeRecord {
            id: "x".to_owned(),
            change: "cancel of PID 7".to_owned(),
            by: "ann".to_owned(),
            started: jiff::Timestamp::UNIX_EPOCH,
            outcome: ChangeOutcome::Done,
            reason: None,
            undo: Vec::new(),
        };
        let mut changed = Changed {
            record,
            unwritten: None,
        };
        assert_eq!(told(&changed), "cancel of PID 7: done, and looked at");
        changed.unwritten = Some("no answer".to_owned());
        let line = told(&changed);
        assert!(
            line.ends_with("could not be written down: no answer"),
            "{line}"
        );
    }
}

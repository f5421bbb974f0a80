//! The parts of a rollout, one after the other: each is an operation of its own, planned on the cluster as it is when its
//! turn comes.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::emptied_node::{AtEnd, at_end, drained, told};
use super::proposal::hand_over;
use crate::cli::RolloutArgs;
use crate::cluster::words::shell_word;
use crate::cluster::{Instance, Snapshot};
use crate::commands::context::Context;
use crate::commands::interruption::interruption;
use crate::commands::operation;
use crate::confirmation::Confirmed;
use crate::engine::Report;
use crate::events::RunEvent;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::observe::Observed;
use crate::operate::{outcome, requirements};
use crate::output::{OperationDocument, RolloutContent, encode, plain, rollout_report_screen};
use crate::plan::{
    CheckVerdict, Circumstances, OperationKind, Plan, Refusal, Rollout, RolloutPart, StepName,
    plan_failover, plan_restart, still_drained,
};
use crate::world::RecordOf;

/// How long a part may be refused when its turn comes: none was when the rollout was made, and what has just come back
/// may still have to settle.
const SETTLE: Duration = Duration::from_secs(30);

/// How often it is planned anew meanwhile.
const PAUSE: Duration = Duration::from_secs(1);

/// A rollout, and that somebody has agreed to it.
pub(super) struct Agreed<'a> {
    pub(super) rollout: &'a Rollout,
    pub(super) confirmed: &'a Confirmed,
    /// The node of a drain was cordoned for it.
    pub(super) cordoned: bool,
}

/// What is to be done about a part now.
enum Turn {
    /// It is done by now, or there is nothing to do it to.
    Over(String),
    /// It is done like this.
    Planned(Box<Prepared>),
    /// It can't be done.
    Refused(Box<Refusal>),
}

/// A part that can be run.
struct Prepared {
    observed: Observed,
    plan: Plan,
    seen: Option<String>,
}

/// Does part after part, and tells what came of them, and of those that were done before.
pub(super) async fn carry_out(
    context: &Context,
    args: &RolloutArgs,
    kube: &Kube,
    agreed: &Agreed<'_>,
    begun: Vec<Report>,
) -> Result<ExitCode, Failure> {
    let parts = &agreed.rollout.parts;
    let mut reports = begun;
    for (index, part) in parts.iter().enumerate() {
        let heading = format!("Part {} of {}: {part}", index + 1, parts.len());
        if !context.quiet {
            context.telling.say(&format!("\n{}\n", plain(&heading)));
        }
        let begun = agreed.cordoned || !reports.is_empty();
        let planning = turn(context, args, kube, agreed.rollout, part);
        let turn = tokio::select! {
            biased;
            () = interruption() => return Err(between(index, agreed)),
            turn = planning => turn?,
        };
        let prepared = match turn {
            Turn::Over(why) => {
                if !context.quiet {
                    context.telling.say(&format!("      {}\n", plain(&why)));
                }
                continue;
            }
            Turn::Refused(refusal) if !begun => return operation::refused(context, &refusal),
            Turn::Refused(refusal) => return Err(refused(&refusal, index, agreed.rollout)),
            Turn::Planned(prepared) => *prepared,
        };
        let Prepared {
            observed,
            plan,
            seen,
        } = prepared;
        let confirmed = agreed
            .confirmed
            .part(agreed.rollout, &plan)
            .map_err(|error| {
                stopped(index, agreed.rollout).because(format!(
                    "{} is to be done otherwise than was shown ({error}): the template was changed meanwhile, or the role has moved",
                    part.pod()
                ))
            })?;
        context.telling.about(&plan.id.0);
        context.telling.only_event(&RunEvent::Planned {
            title: plan.operation.to_string(),
            steps: plan.steps.iter().map(|step| step.name).collect(),
        });
        let target = operation::target(context, kube.clone(), observed, None);
        let tell = operation::tell(context);
        let running = crate::operate::run(
            target,
            plan,
            &confirmed,
            seen.as_deref(),
            &tell,
            interruption(),
        );
        let (report, exit) =
            outcome(running.await?).map_err(|failure| rest(failure, index, agreed.rollout))?;
        let exit = settled(&report, exit);
        reports.push(report);
        if exit != ExitCode::Done {
            let left = parts.len() - index - 1;
            return finish(context, agreed.rollout, &reports, left, exit);
        }
    }
    let at_end = at_end(context, kube, agreed.rollout).await;
    let exit = match &at_end {
        None | Some(AtEnd::Empty(_)) => ExitCode::Done,
        Some(AtEnd::Pods(_) | AtEnd::Unseen(_)) => ExitCode::Incomplete,
    };
    let exit = finish(context, agreed.rollout, &reports, 0, exit)?;
    if let Some(at_end) = at_end.filter(|_| !context.quiet) {
        let text = told(agreed.rollout, &at_end, &context.screen.given);
        context.telling.say(&text);
    }
    Ok(exit)
}

/// Whether the part is to be done, and how.
async fn turn(
    context: &Context,
    args: &RolloutArgs,
    kube: &Kube,
    rollout: &Rollout,
    part: &RolloutPart,
) -> Result<Turn, Failure> {
    let first = Instant::now();
    loop {
        let observed = context.observe(kube).await?;
        if let Some(why) = over(part, &observed.snapshot) {
            return Ok(Turn::Over(why));
        }
        let kind = match part {
            RolloutPart::Restart { .. } => OperationKind::Rollout,
            RolloutPart::HandOver { .. } | RolloutPart::HandBack { .. } => OperationKind::Failover,
        };
        let mut circumstances = requirements(kube, &observed, kind, RecordOf::Cluster).await?;
        circumstances.drained = drained(kube, &observed.snapshot, &rollout.request).await?;
        match plan(args, rollout, part, &observed.snapshot, &circumstances) {
            Ok(plan) => {
                return Ok(Turn::Planned(Box::new(Prepared {
                    observed,
                    plan,
                    seen: circumstances.journal_version,
                })));
            }
            Err(refusal) if first.elapsed() > SETTLE => {
                return Ok(Turn::Refused(Box::new(refusal)));
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

fn plan(
    args: &RolloutArgs,
    rollout: &Rollout,
    part: &RolloutPart,
    snapshot: &Snapshot,
    circumstances: &Circumstances,
) -> Result<Plan, Refusal> {
    let now = Timestamp::now();
    match part {
        RolloutPart::Restart { pod, .. } => {
            plan_restart(snapshot, pod, &rollout.request, circumstances, now)
        }
        RolloutPart::HandOver { from, to } | RolloutPart::HandBack { from, to } => {
            let check = still_drained(from, &rollout.request, circumstances);
            if let Some(check) = check.filter(|it| it.verdict == CheckVerdict::Refuse) {
                return Err(Refusal {
                    operation: "drain".to_owned(),
                    checks: vec![check],
                    candidates: Vec::new(),
                });
            }
            plan_failover(snapshot, &hand_over(args, Some(to)), circumstances, now)
        }
    }
}

/// Why nothing is left to do for this part, when that is so.
fn over(part: &RolloutPart, snapshot: &Snapshot) -> Option<String> {
    match part {
        RolloutPart::Restart { pod, .. } => match snapshot.instance(&pod.name) {
            None => Some(format!(
                "{} is gone: it was scaled away meanwhile",
                pod.name
            )),
            Some(now) if now.pod.uid != pod.uid => {
                Some(format!("{} is a new pod already", pod.name))
            }
            Some(_) => None,
        },
        RolloutPart::HandOver { to, .. } | RolloutPart::HandBack { to, .. } => {
            let primary = snapshot.primary().map(Instance::name);
            (primary == Some(to)).then(|| format!("{to} is the primary already"))
        }
    }
}

/// A switchover whose old primary is not back is done as such; the rollout is not.
fn settled(report: &Report, exit: ExitCode) -> ExitCode {
    let away = report
        .steps
        .iter()
        .any(|it| it.step == StepName::Rejoin && it.reason.is_some());
    match exit {
        ExitCode::Done if away => ExitCode::Incomplete,
        other => other,
    }
}

/// What has been done stays done.
fn refused(refusal: &Refusal, index: usize, rollout: &Rollout) -> Failure {
    let mut failure = stopped(index, rollout);
    for check in refusal.reasons() {
        failure = failure.because(check.reason.clone());
        failure.next.extend(check.next.clone());
    }
    failure
}

fn stopped(index: usize, rollout: &Rollout) -> Failure {
    let what = match &rollout.request.node {
        None => "rollout",
        Some(_) => "drain",
    };
    Failure::new(
        ExitCode::Incomplete,
        format!(
            "the {what} has stopped: {index} of {} parts are done",
            rollout.parts.len()
        ),
    )
    .next(command(rollout))
}

/// What goes on with what is left of it.
fn command(rollout: &Rollout) -> String {
    match &rollout.request.node {
        None => "pgctl rollout".to_owned(),
        Some(node) => format!("pgctl drain {}", shell_word(node)),
    }
}

fn between(index: usize, agreed: &Agreed<'_>) -> Failure {
    let rollout = agreed.rollout;
    if index == 0 && !agreed.cordoned {
        return Failure::new(ExitCode::Interrupted, "interrupted: nothing was begun");
    }
    Failure::new(
        ExitCode::Incomplete,
        format!(
            "interrupted between two parts: {index} of {} are done, and none is left in between",
            rollout.parts.len()
        ),
    )
    .next(command(rollout))
}

/// After the part that has failed the others are still to be done.
fn rest(failure: Failure, index: usize, rollout: &Rollout) -> Failure {
    let parts = &rollout.parts;
    let left = parts.len() - index - 1;
    let is_switchover = parts[index].changes_primary();
    match (left, is_switchover, failure.exit) {
        (0, _, _) => failure,
        // --resume goes on with the rest by itself.
        (_, false, ExitCode::Incomplete) => failure,
        _ => failure.next(format!("then, for what is left: {}", command(rollout))),
    }
}

/// Prints what came of it.
fn finish(
    context: &Context,
    rollout: &Rollout,
    reports: &[Report],
    left: usize,
    exit: ExitCode,
) -> Result<ExitCode, Failure> {
    let text = if context.format.is_document() {
        let content = RolloutContent::new(rollout, reports);
        encode(
            &OperationDocument::new("Rollout", content, exit.number()),
            context.format,
        )
    } else {
        rollout_report_screen(rollout, reports, left, &context.screen)
    };
    context.print(&text)?;
    Ok(exit)
}

//! Giving the StatefulSets other templates: shown, agreed to, written down, and proven.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::change::{ChangeOutcome, ChangeProposal};
use crate::cli::ChangeArgs;
use crate::cluster::{ClusterId, Snapshot, UnfinishedOperation};
use crate::commands::confirming::confirm;
use crate::commands::context::Context;
use crate::commands::small_change::{document, refused};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::observe::OpenError;
use crate::operate::{self, Around, NotDone, SmallChange};
use crate::output::{ChangeEnd, plain, proposal_screen};

/// How long the controller may take to see a change.
const SEEN: Duration = Duration::from_secs(30);

/// So often a change is tried when the status of a StatefulSet changes in the same moment.
const ATTEMPTS: u32 = 5;

/// The template that a StatefulSet is given.
pub(super) struct NewTemplate {
    /// Name of the StatefulSet.
    pub(super) stateful_set: String,
    /// The revision that its template had when this was made.
    pub(super) seen: String,
    /// A strategic merge patch.
    pub(super) patch: Value,
}

/// What is proposed on the cluster as it is.
type Propose<'a> = dyn Fn(&Snapshot, Option<&UnfinishedOperation>) -> ChangeProposal + 'a;

/// A change of templates.
pub(super) struct TemplateChange<'a> {
    pub(super) context: &'a Context,
    pub(super) kube: &'a Kube,
    pub(super) namespace: &'a str,
    pub(super) templates: Vec<NewTemplate>,
    pub(super) propose: &'a Propose<'a>,
}

impl SmallChange for TemplateChange<'_> {
    async fn propose(&self, around: &Around) -> Result<ChangeProposal, Failure> {
        let snapshot = self.context.observe(self.kube).await?.snapshot;
        Ok((self.propose)(&snapshot, around.unfinished.as_ref()))
    }

    async fn act(&self, _: &ChangeProposal) -> Result<(), NotDone> {
        let mut changed = Vec::new();
        for it in &self.templates {
            let mut done = false;
            for _ in 0..ATTEMPTS {
                let changing = self.kube.change_template(
                    self.namespace,
                    &it.stateful_set,
                    &it.seen,
                    &it.patch,
                );
                done = changing.await.map_err(|error| {
                    let words = error.to_string();
                    match changed.as_slice() {
                        [] if !error.outcome_unknown() => NotDone::NothingChanged(words),
                        _ => NotDone::Unknown(words),
                    }
                })?;
                if done {
                    break;
                }
            }
            if !done {
                let words = format!("the template of {} was changed meanwhile", it.stateful_set);
                return Err(match changed.as_slice() {
                    [] => NotDone::NothingChanged(words),
                    some => {
                        NotDone::Unknown(format!("{words}; that of {} is done", some.join(", ")))
                    }
                });
            }
            changed.push(it.stateful_set.clone());
        }
        Ok(())
    }

    async fn is_done(&self, _: &ChangeProposal) -> Result<bool, OpenError> {
        let begun = Instant::now();
        loop {
            let mut all = true;
            for it in &self.templates {
                let is = self
                    .kube
                    .template_is(self.namespace, &it.stateful_set, &it.patch)
                    .await;
                all &= is.map_err(OpenError::Kube)?;
            }
            if all || begun.elapsed() > SEEN {
                return Ok(all);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// Shows what would be changed, asks, changes it, and proves it. None when it is done and the pods are next.
pub(super) async fn set_templates(
    args: &ChangeArgs,
    cluster: &ClusterId,
    command: &str,
    change: &TemplateChange<'_>,
) -> Result<Option<ExitCode>, Failure> {
    let (context, kube) = (change.context, change.kube);
    let around = operate::around(kube, cluster).await?;
    let mut proposal = change.propose(&around).await?;
    proposal.checks.push(around.record);
    if proposal.is_refused() {
        return refused(context, cluster, &proposal).map(Some);
    }
    if args.dry_run {
        let text = if context.format.is_document() {
            document(context, cluster, &proposal, &ChangeEnd::Proposed)
        } else {
            proposal_screen(&proposal, &context.screen)
        };
        context.print(&text)?;
        return Ok(Some(ExitCode::Done));
    }
    if !context.quiet {
        let screen = context.stderr();
        context.telling.say(&proposal_screen(&proposal, &screen));
    }
    let confirmed = confirm(context, &proposal.title, &proposal, args.yes).await?;
    let changed = operate::change(kube, cluster, command, change, &proposal, &confirmed).await?;
    let record = &changed.record;
    let why = record.reason.clone().unwrap_or_default();
    match record.outcome {
        ChangeOutcome::Done => {
            if !context.quiet {
                let line = format!("{}: done; the pods come next", record.change);
                context.telling.say(&format!("{}\n\n", plain(&line)));
            }
            Ok(None)
        }
        ChangeOutcome::Refused => Err(Failure::new(
            ExitCode::Failed,
            format!("{}: it was not done; nothing was changed", record.change),
        )
        .because(why)
        .next("look again, and give the command once more")),
        ChangeOutcome::Begun | ChangeOutcome::Unproven | ChangeOutcome::Partly => {
            Err(Failure::new(
                ExitCode::TimedOut,
                format!("{}: asked for, and not proven", record.change),
            )
            .because(why)
            .next("pgctl rollout --dry-run shows what the pods would be made from"))
        }
    }
}

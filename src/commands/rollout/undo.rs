//! `pgctl rollout --undo`: back to the template of before, and a rollout of it.

use super::template::{NewTemplate, TemplateChange, set_templates};
use super::whole::plan_and_run;
use crate::change::{ChangeCheck, ChangeProposal, FormerTemplate, going_back, propose_undo};
use crate::cli::RolloutArgs;
use crate::cluster::{Snapshot, UnfinishedOperation};
use crate::commands::context::Context;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::{KnownTemplate, Kube};
use crate::plan::RolloutRequest;

pub(super) async fn undo(
    context: &Context,
    args: &RolloutArgs,
    kube: &Kube,
    wanted: &RolloutRequest,
) -> Result<ExitCode, Failure> {
    let snapshot = context.observe(kube).await?.snapshot;
    let known = former(kube, &snapshot).await?;
    let former: Vec<FormerTemplate> = known.iter().map(|it| it.0.clone()).collect();
    let templates: Vec<NewTemplate> = going_back(&snapshot, &former)
        .into_iter()
        .filter_map(|(set, template)| {
            let (_, known) = known.iter().find(|it| it.0 == *template)?;
            Some(NewTemplate {
                stateful_set: set.name.clone(),
                seen: set.revision.clone()?,
                patch: known.patch.clone(),
            })
        })
        .collect();
    let before = snapshot.clone();
    let propose = |now: &Snapshot, unfinished: Option<&UnfinishedOperation>| {
        let proposal = propose_undo(&before, &former, args.parts.allow_drift, unfinished);
        proposal.unwrap_or_else(|| no_former(now))
    };
    let change = TemplateChange {
        context,
        kube,
        namespace: &snapshot.cluster.namespace,
        templates,
        propose: &propose,
    };
    let change_args = &args.operation.change;
    let done = set_templates(change_args, &snapshot.cluster, "rollout undo", &change).await?;
    match done {
        Some(exit) => Ok(exit),
        None => plan_and_run(context, args, kube, wanted, None).await,
    }
}

/// The template before the present one, of each StatefulSet that has had another: the newest but that.
async fn former(
    kube: &Kube,
    snapshot: &Snapshot,
) -> Result<Vec<(FormerTemplate, KnownTemplate)>, Failure> {
    let mut former = Vec::new();
    for set in &snapshot.stateful_sets {
        let Some(present) = &set.revision else {
            continue;
        };
        let namespace = &snapshot.cluster.namespace;
        let known = kube.known_templates(namespace, &set.name).await?;
        let before = known.into_iter().find(|it| it.revision != *present);
        former.extend(before.map(|known| {
            let template = FormerTemplate {
                stateful_set: set.name.clone(),
                revision: known.revision.clone(),
                image: known.image.clone(),
            };
            (template, known)
        }));
    }
    Ok(former)
}

/// There is nothing to go back to.
fn no_former(snapshot: &Snapshot) -> ChangeProposal {
    ChangeProposal {
        title: "return to the former template".to_owned(),
        identity: "none".to_owned(),
        wanted: snapshot.cluster.name.clone(),
        facts: Vec::new(),
        checks: vec![
            ChangeCheck::refuse(
                "template",
                "Kubernetes knows no template of before (ControllerRevision), or has not seen the last change yet",
            )
            .next(format!(
                "kubectl -n {} get controllerrevisions",
                snapshot.cluster.namespace
            )),
        ],
        undo: Vec::new(),
    }
}

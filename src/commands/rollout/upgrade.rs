//! `pgctl upgrade`: the image of another minor version, and a rollout of it.

use super::proposal::request;
use super::template::{NewTemplate, TemplateChange, set_templates};
use super::whole::plan_and_run;
use crate::change::{ServerVersion, UpgradeRequest, of_another_version, propose_upgrade, upgraded};
use crate::cli::{GoOnArgs, OperationArgs, RolloutArgs, UpgradeArgs};
use crate::cluster::{Snapshot, UnfinishedOperation};
use crate::commands::context::Context;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::plan::DEFAULT_MAX_LAG_BYTES;

pub(in crate::commands) async fn upgrade(
    context: &Context,
    args: &UpgradeArgs,
) -> Result<ExitCode, Failure> {
    let to = ServerVersion::parse(&args.to).ok_or_else(|| {
        Failure::new(
            ExitCode::Usage,
            format!("{:?} is no version of PostgreSQL", args.to),
        )
        .next("such as: pgctl upgrade --to 17.6")
    })?;
    let kube = context.connect().await?;
    let snapshot = context.observe(&kube).await?.snapshot;
    let wanted = UpgradeRequest {
        to,
        image: args.image.clone(),
        allow_drift: args.parts.allow_drift,
    };
    let templates = templates(&kube, &snapshot, &wanted).await?;
    let propose = |now: &Snapshot, unfinished: Option<&UnfinishedOperation>| {
        propose_upgrade(now, &wanted, unfinished)
    };
    let change = TemplateChange {
        context,
        kube: &kube,
        namespace: &snapshot.cluster.namespace,
        templates,
        propose: &propose,
    };
    let is_set = upgraded(&snapshot, &wanted).is_empty();
    let refused = propose(&snapshot, None).is_refused();
    if (!is_set || refused)
        && let Some(exit) =
            set_templates(&args.change, &snapshot.cluster, "upgrade", &change).await?
    {
        return Ok(exit);
    }
    let rollout = rollout_args(args);
    let exit = plan_and_run(context, &rollout, &kube, &request(&rollout), None).await?;
    if exit != ExitCode::Done || args.change.dry_run {
        return Ok(exit);
    }
    let now = context.observe(&kube).await?.snapshot;
    let others = of_another_version(&now, to);
    if others.is_empty() {
        return Ok(exit);
    }
    Err(Failure::new(
        ExitCode::Incomplete,
        format!("{} not PostgreSQL {to}, or not reached", are(&others)),
    )
    .because("the image has another version than its name says, or a server does not answer")
    .next("pgctl status")
    .next("name the image that has it: pgctl upgrade --to VERSION --image IMAGE"))
}

fn are(pods: &[&str]) -> String {
    match pods {
        [one] => format!("{one} is"),
        some => format!("{} are", some.join(", ")),
    }
}

/// What each StatefulSet is given that has another image.
async fn templates(
    kube: &Kube,
    snapshot: &Snapshot,
    wanted: &UpgradeRequest,
) -> Result<Vec<NewTemplate>, Failure> {
    let namespace = &snapshot.cluster.namespace;
    let mut templates = Vec::new();
    for (set, image) in upgraded(snapshot, wanted) {
        let (Some(image), Some(seen)) = (image, set.revision.clone()) else {
            continue;
        };
        let patch = kube.image_patch(namespace, &set.name, &image).await?;
        templates.extend(patch.map(|patch| NewTemplate {
            stateful_set: set.name.clone(),
            seen,
            patch,
        }));
    }
    Ok(templates)
}

/// The rollout that follows.
fn rollout_args(args: &UpgradeArgs) -> RolloutArgs {
    RolloutArgs {
        restart: false,
        undo: false,
        pod: None,
        back: args.back,
        max_lag_bytes: DEFAULT_MAX_LAG_BYTES,
        parts: args.parts.clone(),
        operation: OperationArgs {
            change: args.change.clone(),
            go_on: GoOnArgs::default(),
        },
    }
}

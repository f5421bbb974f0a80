//! `pgctl scale`.

use std::cell::OnceCell;
use std::io::IsTerminal as _;

use super::context::Context;
use super::intent::Intent;
use super::operation;
use crate::cli::ScaleArgs;
use crate::cluster::{Component, Snapshot};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::choose_way;
use crate::plan::{AutoscalerPolicy, Bounds, OperationKind, ScaleRequest, plan_scale};

pub(super) async fn run(context: &Context, args: &ScaleArgs) -> Result<ExitCode, Failure> {
    let way = match args {
        ScaleArgs { pin: true, .. } => Some(AutoscalerPolicy::Pin),
        ScaleArgs {
            permanent: true, ..
        } => Some(AutoscalerPolicy::Permanent),
        ScaleArgs {
            temporary: true, ..
        } => Some(AutoscalerPolicy::Temporary),
        _ => None,
    };
    let intent = Intent::of(&args.operation, || {
        let replicas = args.replicas.ok_or_else(|| {
            Failure::new(ExitCode::Usage, "no number of pods was given").next("pgctl scale --help")
        })?;
        Ok(ScaleRequest {
            replicas,
            way,
            wait: !args.no_wait,
            delete_volumes: args.delete_volumes,
            max_lag_bytes: args.max_lag_bytes,
            timeout_seconds: u32::try_from(args.wait_timeout.as_secs().max(1)).unwrap_or(u32::MAX),
        })
    })?;
    let may_ask = !args.operation.change.yes
        && !args.operation.change.dry_run
        && !context.format.is_document()
        && !context.telling.is_for_scripts()
        && std::io::stdin().is_terminal()
        && std::io::stderr().is_terminal();
    let asked = OnceCell::new();
    operation::run(
        context,
        OperationKind::Scale,
        intent,
        |request, snapshot, grounds, now| {
            let mut request = request.clone();
            if request.way.is_none() && may_ask {
                // Once, although the plan is made again after it was agreed to.
                request.way = *asked.get_or_init(|| ask(snapshot, request.replicas));
            }
            plan_scale(snapshot, &request, grounds, now)
        },
    )
    .await
}

/// What is to become of the change, when an autoscaler may undo it. None when there is nothing to
/// ask, or no answer.
fn ask(snapshot: &Snapshot, to: u32) -> Option<AutoscalerPolicy> {
    let set = snapshot.stateful_set(Component::Replica)?;
    let autoscaler = snapshot.autoscaler.as_ref()?;
    if autoscaler.target != set.name || set.wanted == to {
        return None;
    }
    let (bounds, meant) = (Bounds::of(autoscaler), Bounds::meant(autoscaler));
    // It waits for a person: the runtime must not.
    tokio::task::block_in_place(|| choose_way(&autoscaler.name, bounds, meant, to))
}

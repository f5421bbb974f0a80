//! `pgctl failover`.

use std::cell::OnceCell;
use std::io::IsTerminal as _;

use super::context::Context;
use super::intent::Intent;
use super::operation;
use crate::cli::FailoverArgs;
use crate::cluster::Snapshot;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::choose_candidate;
use crate::plan::{
    Check, CheckName, Circumstances, FailoverRequest, OperationKind, Refusal, candidates,
    plan_failover,
};

pub(super) async fn run(context: &Context, args: &FailoverArgs) -> Result<ExitCode, Failure> {
    let request = || FailoverRequest {
        to: args.to.clone(),
        rejoin: args.rejoin,
        max_lag_bytes: args.max_lag_bytes,
        accept_split_brain_risk: args.accept_split_brain_risk,
        blind: args.blind,
        accept_loss: args.accept_loss,
        allow_drift: args.allow_drift,
        allow_slot_loss: args.allow_slot_loss,
        allow_archive_gap: args.allow_archive_gap,
        allow_backup_loss: args.allow_backup_loss,
        stop_timeout_seconds: args
            .stop_timeout
            .map(|it| u32::try_from(it.as_secs().max(1)).unwrap_or(u32::MAX)),
        hold: args.hold.clients.into(),
        hold_seconds: args.hold.seconds(),
    };
    let asks = args.to.is_none()
        && !context.telling.is_for_scripts()
        && !(args.operation.change.yes || args.operation.change.dry_run)
        && std::io::stdin().is_terminal()
        && std::io::stderr().is_terminal();
    // Asked once, also when the plan is made once more.
    let chosen = OnceCell::new();
    operation::run(
        context,
        OperationKind::Failover,
        Intent::of(&args.operation, || Ok(request()))?,
        |request, snapshot, circumstances, now| {
            let mut request = request.clone();
            if asks {
                let choice =
                    chosen.get_or_init(|| choose(context, snapshot, &request, circumstances));
                request.to = choice.clone()?;
            }
            plan_failover(snapshot, &request, circumstances, now)
        },
    )
    .await
}

/// The pod that a person has chosen; none when there is no choice to make.
fn choose(
    context: &Context,
    snapshot: &Snapshot,
    request: &FailoverRequest,
    circumstances: &Circumstances,
) -> Result<Option<String>, Refusal> {
    let candidates = candidates(snapshot, request, circumstances);
    if candidates.iter().filter(|it| it.eligible).count() < 2 {
        return Ok(None);
    }
    let screen = context.stderr();
    // It waits for a person: the runtime must not.
    match tokio::task::block_in_place(|| choose_candidate(&candidates, &screen)) {
        Some(pod) => Ok(Some(pod)),
        None => Err(Refusal {
            operation: OperationKind::Failover.name().to_owned(),
            checks: vec![
                Check::refuse(CheckName::Target, "no pod was chosen")
                    .next("pgctl failover --to POD"),
            ],
            candidates,
        }),
    }
}

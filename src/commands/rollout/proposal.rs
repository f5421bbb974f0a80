//! What a rollout would do: the restarts, and the switchover that is part of it.

use jiff::Timestamp;

use crate::cli::RolloutArgs;
use crate::cluster::Snapshot;
use crate::plan::{
    Check, Circumstances, FailoverRequest, Refusal, Restarts, Rollout, RolloutPart, RolloutRequest,
    candidates, plan_failover, plan_rollout,
};

/// What was asked for.
pub(super) fn request(args: &RolloutArgs) -> RolloutRequest {
    RolloutRequest {
        pod: args.pod.clone(),
        node: None,
        restarts: match args.restart {
            true => Restarts::All,
            false => Restarts::Older,
        },
        back: args.back,
        max_lag_bytes: args.max_lag_bytes,
        timeout_seconds: u32::try_from(args.parts.pod_timeout.as_secs().max(1)).unwrap_or(u32::MAX),
    }
}

/// How the role is handed over.
pub(super) fn hand_over(args: &RolloutArgs, to: Option<&str>) -> FailoverRequest {
    FailoverRequest {
        to: to.map(str::to_owned),
        rejoin: true,
        max_lag_bytes: args.max_lag_bytes,
        allow_drift: args.parts.allow_drift,
        allow_slot_loss: args.parts.allow_slot_loss,
        allow_backup_loss: args.parts.allow_backup_loss,
        allow_archive_gap: args.parts.allow_archive_gap,
        hold: args.parts.hold.clients.into(),
        hold_seconds: args.parts.hold.seconds(),
        ..FailoverRequest::default()
    }
}

/// The rollout. One whose switchover would be refused is not begun; what is to be known of that is told beforehand.
pub(super) fn propose(
    args: &RolloutArgs,
    request: &RolloutRequest,
    snapshot: &Snapshot,
    circumstances: &Circumstances,
    now: Timestamp,
) -> Result<Rollout, Refusal> {
    let candidates = candidates(snapshot, &hand_over(args, None), circumstances);
    let heirs: Vec<&str> = candidates
        .iter()
        .filter(|it| it.eligible)
        .map(|it| it.pod.as_str())
        .collect();
    let typed = command(request);
    let named = |refusal: Refusal| Refusal {
        operation: typed.to_owned(),
        ..refusal
    };
    let planned = plan_rollout(snapshot, request, &heirs, circumstances, now);
    let mut rollout = planned.map_err(named)?;
    let handed_to = rollout.parts.iter().find_map(|part| match part {
        RolloutPart::HandOver { to, .. } => Some(to.clone()),
        RolloutPart::Restart { .. } | RolloutPart::HandBack { .. } => None,
    });
    if let Some(to) = handed_to {
        let request = hand_over(args, Some(&to));
        match plan_failover(snapshot, &request, circumstances, now) {
            Ok(plan) => add(&mut rollout.checks, plan.checks),
            Err(refusal) => {
                add(&mut rollout.checks, refusal.checks);
                return Err(Refusal {
                    operation: typed.to_owned(),
                    checks: rollout.checks,
                    candidates: refusal.candidates,
                });
            }
        }
    }
    Ok(rollout)
}

/// What was typed.
fn command(request: &RolloutRequest) -> &'static str {
    match &request.node {
        None => "rollout",
        Some(_) => "drain",
    }
}

/// Adds what the rollout's own checks have not asked, and of the others what is worse.
fn add(checks: &mut Vec<Check>, more: Vec<Check>) {
    for check in more {
        match checks.iter_mut().find(|it| it.check == check.check) {
            Some(known) if check.verdict > known.verdict => *known = check,
            Some(_) => {}
            None => checks.push(check),
        }
    }
    checks.sort_by_key(|it| it.check);
}

//! Checks of the pod that is to become primary.

use super::super::candidate::lag_bytes;
use super::super::case::{Case, End, position};
use super::super::{Check, CheckName, Mode};
use super::capacity::capacity_checks;
use super::surroundings::{autoscaler, sizes};
use crate::cluster::{
    HeldUp, Instance, Lsn, RecoveryFacts, Role, SenderFacts, SignOfLife, Timeline, heard,
};

/// Every check about `target` itself.
pub(crate) fn candidate_checks(case: &Case<'_>, target: &Instance) -> Vec<Check> {
    let mut checks = checks_but_ahead(case, target);
    if target.role() == Role::Standby {
        checks.push(ahead(case, target));
    }
    checks
}

/// All of them but the one that compares it with the others.
fn checks_but_ahead(case: &Case<'_>, target: &Instance) -> Vec<Check> {
    let mut checks = vec![ready(case, target), recovery(case, target)];
    if target.role() == Role::Standby {
        checks.extend([
            system(case, target),
            timeline(case, target),
            streaming(case, target),
            replay(case, target),
            lag(case, target),
        ]);
        checks.extend(capacity_checks(case, target));
    }
    checks.push(autoscaler(case, target));
    checks
}

fn ready(case: &Case<'_>, target: &Instance) -> Check {
    let name = CheckName::Ready;
    let pod = &target.pod;
    if pod.deleting_since.is_some() {
        return Check::refuse(name, format!("{} is being deleted", pod.name));
    }
    let (reason, next) = if pod.node_ready == Some(false) {
        let node = pod.node.as_deref().unwrap_or("its node");
        let reason = format!("{node}, where {} runs, is not ready", pod.name);
        (reason, format!("kubectl describe node {node}"))
    } else if !pod.ready {
        let reason = format!("{} is not ready", pod.name);
        (reason, format!("kubectl describe pod {}", pod.name))
    } else {
        return Check::pass(name, format!("{} is ready", pod.name));
    };
    // In need whoever answers and has the data will do: what makes a standby not ready (it lags, it
    // follows nobody) is over with its promotion.
    if case.mode == Mode::Emergency && target.role() == Role::Standby {
        Check::warn(name, format!("{reason}, and it answers")).next(next)
    } else {
        Check::refuse(name, reason).next(next)
    }
}

fn recovery(case: &Case<'_>, target: &Instance) -> Check {
    let (name, pod) = (CheckName::Recovery, target.name());
    match target.role() {
        Role::Standby => Check::pass(name, format!("{pod} is a standby")),
        Role::Primary if pod == case.old => {
            Check::refuse(name, format!("{pod} is the primary already"))
        }
        Role::Primary => Check::refuse(name, format!("{pod} accepts writes already")),
        Role::Unknown => match target.database.unanswered() {
            Some(reason) => Check::refuse(name, format!("{pod} does not answer: {reason}")),
            None => Check::refuse(name, format!("PostgreSQL does not run in {pod}")),
        },
    }
}

fn system(case: &Case<'_>, target: &Instance) -> Check {
    let name = CheckName::System;
    let own = target.facts().map(|facts| facts.system_identifier.as_str());
    let wanted = case
        .old_instance()
        .and_then(Instance::facts)
        .map(|facts| facts.system_identifier.as_str())
        .or(case.snapshot.topology.system_identifier.as_deref());
    match (own, wanted) {
        (Some(own), Some(wanted)) if own != wanted => Check::refuse(
            name,
            format!(
                "{} holds another system: {own} instead of {wanted}",
                target.name()
            ),
        )
        .next(format!(
            "pgctl reinit {}, after making sure that nobody needs its data",
            target.name()
        )),
        (Some(own), Some(_)) => Check::pass(name, format!("system identifier {own}")),
        (Some(own), None) => {
            let strangers: Vec<&str> = case
                .snapshot
                .standbys()
                .filter(|it| {
                    it.facts()
                        .is_some_and(|facts| facts.system_identifier != own)
                })
                .map(Instance::name)
                .collect();
            if strangers.is_empty() {
                Check::pass(name, format!("system identifier {own}, as every standby"))
            } else {
                Check::refuse(
                    name,
                    format!(
                        "the standbys are of different systems ({}), and no primary tells which is right",
                        strangers.join(", ")
                    ),
                )
            }
        }
        (None, _) => Check::refuse(name, "its system identifier is unknown"),
    }
}

/// The timeline that the old primary is, or was, on.
pub(crate) fn present_timeline(case: &Case<'_>) -> Option<Timeline> {
    let of_primary = case
        .snapshot
        .primary()
        .and_then(Instance::facts)
        .map(|facts| facts.timeline);
    of_primary
        .or(case.shutdown().map(|shutdown| shutdown.timeline))
        .or_else(|| {
            let standbys = case.snapshot.standbys().filter_map(Instance::facts);
            standbys.map(|facts| facts.timeline).max()
        })
}

fn timeline(case: &Case<'_>, target: &Instance) -> Check {
    let name = CheckName::Timeline;
    let own = target.facts().map(|facts| facts.timeline);
    match (own, present_timeline(case)) {
        (Some(own), Some(present)) if own != present => Check::refuse(
            name,
            format!(
                "{} is on timeline {own}, the cluster is on {present}",
                target.name()
            ),
        )
        // Its data may be the best there is: nothing here says that it is bad.
        .next("pgctl status"),
        (Some(own), _) => Check::pass(name, format!("timeline {own}")),
        (None, _) => Check::refuse(name, "its timeline is unknown"),
    }
}

/// The primary's view of the stream to `target`.
pub(crate) fn sender_of<'a>(case: &Case<'a>, target: &Instance) -> Option<&'a SenderFacts> {
    let senders = &case.snapshot.primary()?.facts()?.senders;
    senders
        .iter()
        .find(|sender| sender.application_name == target.name())
        .or_else(|| {
            // Deployments that do not set application_name: told by address instead.
            let ip = target.pod.ip.as_deref()?;
            senders
                .iter()
                .find(|sender| sender.client_address.as_deref() == Some(ip))
        })
}

fn streaming(case: &Case<'_>, target: &Instance) -> Check {
    let (name, pod) = (CheckName::Streaming, target.name());
    if case.is_blind() && !case.request.accept_loss {
        let hears = heard(case.snapshot).into_iter().any(|(sender, sign)| {
            sender == case.old
                && matches!(sign, SignOfLife::Receives { standby, .. } if standby == pod)
        });
        return if hears {
            Check::pass(name, format!("{pod} receives from {}", case.old))
        } else {
            Check::refuse(
                name,
                format!(
                    "{pod} receives nothing from {}, and would lack some of its data",
                    case.old
                ),
            )
            .next("take one that does; or --accept-loss")
        };
    }
    if case.mode == Mode::Emergency {
        return Check::pass(name, "there is nothing to stream from");
    }
    let receives = target
        .facts()
        .and_then(|facts| facts.recovery.as_ref())
        .is_some_and(|recovery| recovery.receiver.is_some());
    match sender_of(case, target) {
        Some(_) if !receives => Check::refuse(
            name,
            format!("{pod} receives nothing: its WAL receiver has stopped"),
        ),
        Some(sender) if sender.state == "streaming" => {
            Check::pass(name, format!("{pod} streams from {}", case.old))
        }
        Some(sender) => Check::refuse(
            name,
            format!(
                "{pod} does not stream from {} yet: {}",
                case.old, sender.state
            ),
        ),
        None => Check::refuse(name, format!("{pod} does not stream from {}", case.old))
            .next("pgctl status: it says why"),
    }
}

/// What is received must also be replayed before a promotion: nobody writes meanwhile.
fn replay(case: &Case<'_>, target: &Instance) -> Check {
    let (name, pod) = (CheckName::Replay, target.name());
    let held_up = target
        .facts()
        .and_then(|facts| facts.recovery.as_ref())
        .and_then(RecoveryFacts::held_up);
    match held_up {
        None => Check::pass(name, "nothing holds up its replay"),
        Some(HeldUp::Paused) => Check::refuse(name, format!("replay on {pod} is paused"))
            .next("SELECT pg_wal_replay_resume() on it"),
        // A promotion ends the delay (`recoveryApplyDelay` in `xlogrecovery.c`).
        Some(why @ (HeldUp::Delayed(_) | HeldUp::Conflict(_))) if case.end() != End::Clean => {
            Check::warn(name, format!("{pod}: {why}"))
        }
        Some(why @ HeldUp::Delayed(_)) => Check::refuse(name, format!("{pod}: {why}")).next(
            "ALTER SYSTEM SET recovery_min_apply_delay = 0, then SELECT pg_reload_conf(), on it; or another pod",
        ),
        Some(why @ HeldUp::Conflict(_)) => Check::refuse(name, format!("{pod}: {why}"))
            .next("wait until they have ended, or end them; or another pod"),
    }
}

fn lag(case: &Case<'_>, target: &Instance) -> Check {
    let name = CheckName::Lag;
    let limit = case.request.max_lag_bytes;
    let replay_behind = target
        .facts()
        .and_then(|facts| facts.recovery.as_ref())
        .and_then(|recovery| {
            Some(position(target)?.bytes_since(recovery.replay_lsn.unwrap_or(Lsn::ZERO)))
        });
    match (lag_bytes(case, target), replay_behind) {
        (None, _) | (_, None) => Check::refuse(
            name,
            format!("how far {} is behind is unknown", target.name()),
        ),
        // Nothing can be waited for in an emergency: what is missing is told as the loss.
        (Some(missing), _) if missing > limit && case.mode == Mode::Emergency => Check::warn(
            name,
            format!("{} lacks at least {}", target.name(), sizes(missing)),
        ),
        (Some(missing), _) if missing > limit => Check::refuse(
            name,
            format!(
                "{} is {} behind; the limit is {}",
                target.name(),
                sizes(missing),
                sizes(limit)
            ),
        )
        .next("wait until it has caught up (pgctl lag -w), or raise --max-lag"),
        (Some(_), Some(behind)) if behind > limit => Check::refuse(
            name,
            format!(
                "{} still has {} to replay; the limit is {}",
                target.name(),
                sizes(behind),
                sizes(limit)
            ),
        )
        .next("wait until it has caught up (pgctl lag -w), or raise --max-lag"),
        (Some(missing), Some(_)) => Check::pass(name, format!("{} behind", sizes(missing))),
    }
}

fn ahead(case: &Case<'_>, target: &Instance) -> Check {
    let name = CheckName::Ahead;
    let own = position(target).unwrap_or(Lsn::ZERO);
    // From a primary that ends in order every standby gets the rest before it is down; who is a few
    // bytes ahead at the moment means nothing.
    let tolerance = match case.end() {
        End::Clean => case.request.max_lag_bytes,
        End::Stopped | End::Waived => 0,
    };
    let same_line = |it: &&Instance| {
        it.facts().map(|facts| facts.timeline) == target.facts().map(|facts| facts.timeline)
    };
    let furthest = case
        .others(target)
        .filter(same_line)
        .filter_map(|it| Some((position(it)?, it)))
        .max_by_key(|(at, _)| *at);
    match furthest {
        Some((at, other)) if at.bytes_since(own) > tolerance => {
            let reason = format!(
                "{} is {} ahead of {}",
                other.name(),
                sizes(at.bytes_since(own)),
                target.name()
            );
            match case.mode {
                Mode::Switchover if other.pod.ready && other.pod.deleting_since.is_none() => {
                    Check::refuse(name, reason)
                        .next(format!("pgctl failover --to {}", other.name()))
                }
                Mode::Switchover => Check::warn(name, format!("{reason}, but is not ready itself")),
                Mode::Emergency => behind_another(case, other, &reason),
            }
        }
        _ => Check::pass(name, "no other standby is ahead of it"),
    }
}

/// In an emergency what another standby has beyond the candidate is lost: when that one returns, it
/// is rewound.
fn behind_another(case: &Case<'_>, other: &Instance, reason: &str) -> Check {
    let name = CheckName::Ahead;
    let in_its_way: Vec<String> = checks_but_ahead(case, other)
        .into_iter()
        .filter(Check::refuses)
        .map(|check| check.reason)
        .collect();
    if case.request.accept_loss {
        return Check::warn(
            name,
            format!("{reason}; what only that one has is lost, which is accepted"),
        );
    }
    if in_its_way.is_empty() {
        return Check::refuse(name, reason).next(format!("pgctl failover --to {}", other.name()));
    }
    let reason = format!(
        "{reason}, and can't be promoted itself: {}",
        in_its_way.join(", ")
    );
    if waits_for_standbys(case) {
        // What it has may have been acknowledged because it has it.
        Check::refuse(
            name,
            format!(
                "{reason}; commits wait for standbys, and it may be the one that confirmed the last"
            ),
        )
        .next(format!(
            "mend what keeps {} from being promoted; or --accept-loss",
            other.name()
        ))
    } else {
        Check::warn(name, format!("{reason}; what only that one has is lost"))
    }
}

/// Whether commits waited for standbys, by what was asked of pgctl or what any of the servers has.
fn waits_for_standbys(case: &Case<'_>) -> bool {
    let mut facts = case.snapshot.instances.iter().filter_map(Instance::facts);
    case.snapshot.topology.synchronous.is_some_and(|it| it > 0)
        || facts.any(|it| !it.settings.synchronous_standby_names.trim().is_empty())
}

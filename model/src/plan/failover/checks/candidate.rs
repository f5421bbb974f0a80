//! Checks of the pod that is to become primary.

use super::super::common::{End, Situation, lag_bytes, position, present_timeline, sender_of};
use super::capacity::capacity_checks;
use super::environment::autoscaler;
use crate::cluster::{
    HeldUp, Instance, Lsn, RecoveryFacts, Role, SignOfLife, heard, suggestion, words,
};
use crate::plan::common::sizes;
use crate::plan::language::{Check, CheckName, Mode};

/// So long a transaction, in seconds, is a report rather than a page of an application.
const LONG_TRANSACTION_SECONDS: f64 = 5.0;

/// Every check about `target` itself.
pub(crate) fn candidate_checks(situation: &Situation<'_>, target: &Instance) -> Vec<Check> {
    let mut checks = checks_but_ahead(situation, target);
    if target.role() == Role::Standby {
        checks.push(ahead(situation, target));
    }
    checks
}

/// All of them but the one that compares it with the others.
fn checks_but_ahead(situation: &Situation<'_>, target: &Instance) -> Vec<Check> {
    let mut checks = vec![ready(situation, target), recovery(situation, target)];
    if target.role() == Role::Standby {
        checks.extend([
            system(situation, target),
            timeline(situation, target),
            streaming(situation, target),
            replay(situation, target),
            queries(target),
            lag(situation, target),
        ]);
        checks.extend(capacity_checks(situation, target));
    }
    checks.push(autoscaler(situation, target));
    checks
}

fn ready(situation: &Situation<'_>, target: &Instance) -> Check {
    let name = CheckName::Ready;
    let pod = &target.pod;
    if pod.deleting_since.is_some() {
        return Check::refuse(name, format!("{} is being deleted", pod.name))
            .next("take another pod, or wait until it is back: pgctl status");
    }
    let namespace = &situation.snapshot.cluster.namespace;
    let (reason, next) = if pod.node_ready == Some(false) {
        let node = pod.node.as_deref().unwrap_or("its node");
        let reason = format!("{node}, where {} runs, is not ready", pod.name);
        (reason, format!("kubectl describe node {node}"))
    } else if !pod.ready {
        let reason = format!("{} is not ready", pod.name);
        (
            reason,
            format!("kubectl -n {namespace} describe pod {}", pod.name),
        )
    } else {
        return Check::pass(name, format!("{} is ready", pod.name));
    };
    // In need whoever answers and has the data will do: what makes a standby not ready (it lags, it
    // follows nobody) is over with its promotion.
    if situation.mode == Mode::Emergency && target.role() == Role::Standby {
        Check::warn(name, format!("{reason}, and it answers")).next(next)
    } else {
        Check::refuse(name, reason).next(next)
    }
}

fn recovery(situation: &Situation<'_>, target: &Instance) -> Check {
    let (name, pod) = (CheckName::Recovery, target.name());
    match target.role() {
        Role::Standby => Check::pass(name, format!("{pod} is a standby")),
        Role::Primary if pod == situation.old => {
            Check::refuse(name, format!("{pod} is the primary already"))
                .next("nothing is left to do; pgctl failover moves it to the best standby")
        }
        Role::Primary => {
            Check::refuse(name, format!("{pod} accepts writes already")).next("pgctl status")
        }
        Role::Unknown => match target.database.unanswered() {
            Some(reason) => Check::refuse(name, format!("{pod} does not answer: {reason}")),
            None => Check::refuse(name, format!("PostgreSQL does not run in {pod}")),
        }
        .next(format!("pgctl logs {pod}")),
    }
}

fn system(situation: &Situation<'_>, target: &Instance) -> Check {
    let name = CheckName::System;
    let own = target.facts().map(|facts| facts.system_identifier.as_str());
    let wanted = situation
        .old_instance()
        .and_then(Instance::facts)
        .map(|facts| facts.system_identifier.as_str())
        .or(situation.snapshot.topology.system_identifier.as_deref());
    match (own, wanted) {
        (Some(own), Some(wanted)) if own != wanted => Check::refuse(
            name,
            format!(
                "{} holds another system: {own} instead of {wanted}",
                target.name()
            ),
        )
        .next(match situation.mode {
            // Nobody gives up a copy while there is no primary.
            Mode::Emergency => "take another pod: pgctl status".to_owned(),
            Mode::Switchover => format!(
                "make sure that nobody needs its data, then pgctl reinit {}",
                target.name()
            ),
        }),
        (Some(own), Some(_)) => Check::pass(name, format!("system identifier {own}")),
        (Some(own), None) => {
            let strangers: Vec<&str> = situation
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
                .next("pgctl status")
            }
        }
        (None, _) => Check::refuse(name, "its system identifier is unknown").next("pgctl status"),
    }
}

fn timeline(situation: &Situation<'_>, target: &Instance) -> Check {
    let name = CheckName::Timeline;
    let own = target.facts().map(|facts| facts.timeline);
    match (own, present_timeline(situation)) {
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
        (None, _) => Check::refuse(name, "its timeline is unknown").next("pgctl status"),
    }
}

fn streaming(situation: &Situation<'_>, target: &Instance) -> Check {
    let (name, pod) = (CheckName::Streaming, target.name());
    if situation.is_blind() && !situation.request.accept_loss {
        let hears = heard(situation.snapshot).into_iter().any(|(sender, sign)| {
            sender == situation.old
                && matches!(sign, SignOfLife::Receives { standby, .. } if standby == pod)
        });
        return if hears {
            Check::pass(name, format!("{pod} receives from {}", situation.old))
        } else {
            Check::refuse(
                name,
                format!(
                    "{pod} receives nothing from {}, and would lack some of its data",
                    situation.old
                ),
            )
            .next("take one that does; or --accept-loss")
        };
    }
    if situation.mode == Mode::Emergency {
        return Check::pass(name, "there is nothing to stream from");
    }
    let receives = target
        .facts()
        .and_then(|facts| facts.recovery.as_ref())
        .is_some_and(|recovery| recovery.receiver.is_some());
    match sender_of(situation, target) {
        Some(_) if !receives => Check::refuse(
            name,
            format!("{pod} receives nothing: its WAL receiver has stopped"),
        )
        .next(format!("pgctl logs {pod}")),
        // Slots, synchronous standbys and what is proven on the way go by the pod's name.
        Some(sender) if sender.application_name != pod => Check::refuse(
            name,
            format!(
                "{pod} streams from {} under another name than its own: {}",
                situation.old, sender.application_name
            ),
        )
        .next(format!(
            "its start script gives it the right one: pgctl rollout --restart --pod {pod}"
        )),
        Some(sender) if sender.is_streaming() => {
            Check::pass(name, format!("{pod} streams from {}", situation.old))
        }
        Some(sender) => Check::refuse(
            name,
            format!(
                "{pod} does not stream from {} yet: {}",
                situation.old, sender.state
            ),
        )
        .next("wait until it does: pgctl lag -w"),
        None => Check::refuse(
            name,
            format!("{pod} does not stream from {}", situation.old),
        )
        .next("pgctl status: it says why"),
    }
}

/// What is received must also be replayed before a promotion: nobody writes meanwhile.
fn replay(situation: &Situation<'_>, target: &Instance) -> Check {
    let (name, pod) = (CheckName::Replay, target.name());
    let namespace = &situation.snapshot.cluster.namespace;
    let held_up = target
        .facts()
        .and_then(|facts| facts.recovery.as_ref())
        .and_then(RecoveryFacts::held_up);
    match held_up {
        None => Check::pass(name, "nothing holds up its replay"),
        Some(HeldUp::Paused) => Check::refuse(name, format!("replay on {pod} is paused")).next(
            suggestion::psql(namespace, pod, "postgres", "select pg_wal_replay_resume()"),
        ),
        // A promotion ends the delay (`recoveryApplyDelay` in `xlogrecovery.c`).
        Some(why @ (HeldUp::Delayed(_) | HeldUp::Conflict(_))) if situation.end() != End::Clean => {
            Check::warn(name, format!("{pod}: {why}"))
        }
        Some(why @ HeldUp::Delayed(_)) => {
            let sql = "alter system set recovery_min_apply_delay = 0";
            Check::refuse(name, format!("{pod}: {why}")).next(format!(
                "take another pod; or {}, then {}",
                suggestion::psql(namespace, pod, "postgres", sql),
                suggestion::psql(namespace, pod, "postgres", "select pg_reload_conf()")
            ))
        }
        Some(why @ HeldUp::Conflict(_)) => Check::refuse(name, format!("{pod}: {why}"))
            .next("wait until they have ended, or end them; or another pod"),
    }
}

/// A query that is in the way of replay is cancelled (the step `drop-standby-delay`): whoever waits for its
/// answer should know before.
fn queries(target: &Instance) -> Check {
    let (name, pod) = (CheckName::Queries, target.name());
    let oldest = target.facts().and_then(|it| it.oldest_transaction_seconds);
    match oldest.filter(|it| *it >= LONG_TRANSACTION_SECONDS) {
        None => Check::pass(name, format!("no transaction on {pod} has run for long")),
        Some(age) => Check::warn(
            name,
            format!(
                "a transaction on {pod} has run for {}; it is cancelled if it holds up replay",
                words::seconds(age)
            ),
        ),
    }
}

fn lag(situation: &Situation<'_>, target: &Instance) -> Check {
    let name = CheckName::Lag;
    let limit = situation.request.max_lag_bytes;
    let replay_behind = target
        .facts()
        .and_then(|facts| facts.recovery.as_ref())
        .and_then(|recovery| {
            Some(position(target)?.bytes_since(recovery.replay_lsn.unwrap_or(Lsn::ZERO)))
        });
    match (lag_bytes(situation, target), replay_behind) {
        (None, _) | (_, None) => Check::refuse(
            name,
            format!("how far {} is behind is unknown", target.name()),
        )
        .next("pgctl status: it says why"),
        (Some(missing), _) if missing > limit && situation.mode == Mode::Switchover => {
            Check::refuse(
                name,
                format!(
                    "{} is {} behind; the limit is {}",
                    target.name(),
                    sizes(missing),
                    sizes(limit)
                ),
            )
            .next("wait until it has caught up (pgctl lag -w), or raise --max-lag-bytes")
        }
        (Some(_), Some(behind)) if behind > limit => Check::refuse(
            name,
            format!(
                "{} still has {} to replay; the limit is {}",
                target.name(),
                sizes(behind),
                sizes(limit)
            ),
        )
        .next("wait until it has caught up (pgctl lag -w), or raise --max-lag-bytes"),
        // What is missing can't be waited for in an emergency: it is told as the loss.
        (Some(missing), Some(_)) if missing > limit => Check::warn(
            name,
            format!("{} lacks at least {}", target.name(), sizes(missing)),
        ),
        (Some(missing), Some(_)) => Check::pass(name, format!("{} behind", sizes(missing))),
    }
}

fn ahead(situation: &Situation<'_>, target: &Instance) -> Check {
    let name = CheckName::Ahead;
    let own = position(target).unwrap_or(Lsn::ZERO);
    // From a primary that ends in order every standby gets the rest before it is down; who is a few
    // bytes ahead at the moment means nothing.
    let tolerance = match situation.end() {
        End::Clean => situation.request.max_lag_bytes,
        End::Stopped | End::Waived => 0,
    };
    let same_line = |it: &&Instance| {
        it.facts().map(|facts| facts.timeline) == target.facts().map(|facts| facts.timeline)
    };
    let furthest = situation
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
            match situation.mode {
                Mode::Switchover if other.pod.ready && other.pod.deleting_since.is_none() => {
                    Check::refuse(name, reason)
                        .next(format!("pgctl failover --to {}", other.name()))
                }
                Mode::Switchover => Check::warn(name, format!("{reason}, but is not ready itself")),
                Mode::Emergency => behind_another(situation, other, &reason),
            }
        }
        _ => Check::pass(name, "no other standby is ahead of it"),
    }
}

/// In an emergency what another standby has beyond the candidate is lost: when that one returns, it
/// is rewound.
fn behind_another(situation: &Situation<'_>, other: &Instance, reason: &str) -> Check {
    let name = CheckName::Ahead;
    let in_its_way: Vec<String> = checks_but_ahead(situation, other)
        .into_iter()
        .filter(Check::refuses)
        .map(|check| check.reason)
        .collect();
    if situation.request.accept_loss {
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
    if waits_for_standbys(situation) {
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
fn waits_for_standbys(situation: &Situation<'_>) -> bool {
    let mut facts = situation
        .snapshot
        .instances
        .iter()
        .filter_map(Instance::facts);
    situation
        .snapshot
        .topology
        .synchronous
        .is_some_and(|it| it > 0)
        || facts.any(|it| !it.settings.synchronous_standby_names.trim().is_empty())
}

//! Checks of the old primary: there is one, and it will be proven stopped.

use super::super::common::{End, Situation, position, reported_end};
use crate::cluster::{Component, ContainerState, Instance, Role, may_be_running};
use crate::plan::language::{Check, CheckName, Loss, Mode};

/// One writable primary, or none, or a split brain.
pub(crate) fn one_primary(situation: &Situation<'_>) -> Check {
    let name = CheckName::OnePrimary;
    let primaries: Vec<&str> = situation.snapshot.primaries().map(Instance::name).collect();
    match primaries.as_slice() {
        [one] if *one == situation.snapshot.topology.primary => {
            Check::pass(name, format!("{one} is the primary"))
        }
        [one] => Check::warn(
            name,
            format!(
                "{one} is the primary, the topology names {}",
                situation.snapshot.topology.primary
            ),
        ),
        [] => nobody_answers(situation),
        several => Check::refuse(
            name,
            format!(
                "split brain: {} accept writes; decide by hand which one is right",
                several.join(" and ")
            ),
        )
        .next("docs/runbooks/failover.md, section \"Two primaries\""),
    }
}

/// An emergency, unless the primary only does not let us in.
fn nobody_answers(situation: &Situation<'_>) -> Check {
    let name = CheckName::OnePrimary;
    let old = &situation.old;
    let closed = situation
        .old_instance()
        .and_then(|it| it.database.alive_but_closed());
    match closed {
        Some(reason) if !situation.is_blind() => Check::refuse(
            name,
            format!("{old} is alive and does not let pgctl in, which is no emergency: {reason}"),
        )
        .next("mend the way in first (docs/secrets.md); pgctl status shows when it is"),
        Some(reason) => Check::warn(
            name,
            format!("{old} is alive and does not let pgctl in: {reason}"),
        ),
        None if !situation.signs_of_life().is_empty() => Check::warn(
            name,
            format!("no primary answers pgctl ({old} is meant to be it)"),
        ),
        None => Check::warn(
            name,
            format!("no primary answers: this is an emergency ({old} is meant to be it)"),
        ),
    }
}

/// The old primary is, or will be, proven stopped.
pub(crate) fn old_primary(situation: &Situation<'_>) -> Check {
    let name = CheckName::OldPrimary;
    if situation.mode == Mode::Switchover {
        return Check::pass(name, format!("{} will be shut down first", situation.old));
    }
    let strangers: Vec<&str> = situation
        .snapshot
        .instances
        .iter()
        .filter(|it| it.name() != situation.old && may_be_running(it))
        .map(Instance::name)
        .collect();
    let unproven = std::iter::once((situation.old.as_str(), situation.old_instance()))
        .chain(situation.unproven())
        .find_map(|(name, it)| Some((name, unproven(situation, name, it)?)));
    let accepted = situation.request.accept_split_brain_risk;
    if situation.is_being_recreated() {
        // It would come up as the primary, and between this look and the fence nobody can tell.
        let reason = format!(
            "{} is being created anew, and comes back as the primary",
            situation.old
        );
        return if accepted {
            Check::warn(
                name,
                format!(
                    "{reason}; that it may never come is accepted, and nothing is promoted when it is there after the fence"
                ),
            )
        } else {
            Check::refuse(name, reason).next(
                "look again in a moment: pgctl status; when it can't be created (a quota, a webhook), --accept-split-brain-risk",
            )
        };
    }
    if let Some((pod, why)) = unproven {
        return if accepted {
            Check::warn(
                name,
                format!("{why}; the risk of two primaries is accepted"),
            )
        } else {
            let sure = match lately_deleted(situation, situation.snapshot.instance(pod)) {
                true => {
                    "look again in a moment; if it stays so, make sure that its node is off, then"
                }
                false => "make sure that its node is off, then",
            };
            let owed = situation.snapshot.topology.unproven.contains_key(pod);
            Check::refuse(name, why).next(match situation.snapshot.instance(pod) {
                // Without its object its end would be no more proven, or the finalizer keeps that.
                Some(it) if !owed && !it.pod.held => {
                    let namespace = &situation.snapshot.cluster.namespace;
                    format!(
                        "{sure} kubectl -n {namespace} delete pod {pod} --force; or --accept-split-brain-risk"
                    )
                }
                _ => format!("{sure} --accept-split-brain-risk"),
            })
        };
    }
    if !strangers.is_empty() {
        let reason = format!(
            "{} may be running and does not answer: it could be a primary",
            strangers.join(", ")
        );
        return match (situation.topology_aware(), accepted) {
            (_, true) => Check::warn(name, format!("{reason}; that risk is accepted")),
            // The start script lets only the named pod be primary.
            (true, false)
                if situation
                    .old_instance()
                    .is_none_or(|it| it.role() != Role::Standby) =>
            {
                Check::warn(
                    name,
                    format!(
                        "{} does not answer; the topology does not let it be primary",
                        strangers.join(", ")
                    ),
                )
            }
            _ => Check::refuse(name, reason)
                .next("bring it back or stop it; or --accept-split-brain-risk"),
        };
    }
    match situation.old_instance() {
        // An object goes when the kubelet has stopped its containers, unless it was made to go.
        None => Check::warn(
            name,
            format!(
                "{} does not exist; if it was deleted by force, or with its node, make sure that the machine is off",
                situation.old
            ),
        ),
        Some(old) if old.role() == Role::Standby => {
            Check::pass(name, format!("{} is a standby", situation.old))
        }
        Some(old) if matches!(old.pod.container, ContainerState::Terminated(_)) => Check::pass(
            name,
            format!(
                "{} has terminated; its pod will be removed first",
                situation.old
            ),
        ),
        // That one's end says nothing about the pod before it.
        Some(old) if never_started(old) => Check::warn(
            name,
            format!(
                "{} has not started yet, and the pod before it is gone; if that one was deleted by force, or with its node, make sure that the machine is off",
                situation.old
            ),
        ),
        Some(_) => Check::pass(
            name,
            format!("{} will be stopped first, and that proven", situation.old),
        ),
    }
}

/// Whether nothing has ever run in a pod: whatever was primary under its name was another one.
fn never_started(it: &Instance) -> bool {
    let waits = matches!(
        it.pod.container,
        ContainerState::Unknown | ContainerState::Waiting { .. }
    );
    waits && it.pod.restarts == 0 && it.pod.last_termination.is_none()
}

/// Why the end of a pod can't be proven by stopping it, when it can't.
fn unproven(situation: &Situation<'_>, name: &str, old: Option<&Instance>) -> Option<String> {
    if !situation.snapshot.owing_before(name).is_empty() {
        let now = match old {
            Some(it) if it.role() == Role::Standby => "; the standby of its name is another pod",
            _ => "",
        };
        return Some(format!(
            "{name} was to be stopped before, and its object has gone since without anybody having seen it end: it may still run on its node{now}"
        ));
    }
    let old = old?;
    let terminated = matches!(old.pod.container, ContainerState::Terminated(_));
    if old.role() == Role::Standby || (terminated && old.pod.node_ready != Some(false)) {
        return None;
    }
    // What became of its node later doesn't matter.
    if terminated && old.pod.has_ended() && situation.shutdown().is_some() {
        return None;
    }
    if old.pod.node_ready == Some(false) {
        let node = old.pod.node.as_deref().unwrap_or("its node");
        return Some(format!(
            "{node} is not ready, so nobody knows whether {name} still runs there"
        ));
    }
    if lately_deleted(situation, Some(old)) {
        return Some(format!(
            "{name} is being stopped, and has not ended yet: it may still accept writes"
        ));
    }
    if old.pod.deleting_since.is_some() {
        return Some(format!(
            "{name} is stuck in Terminating: that does not prove that it has stopped"
        ));
    }
    None
}

/// Whether a pod is being deleted for no longer than it may take, by the clocks of the API server and of this machine: only
/// the words go by that.
fn lately_deleted(situation: &Situation<'_>, pod: Option<&Instance>) -> bool {
    let since = pod.and_then(|it| it.pod.deleting_since);
    let seconds = since.map(|since| situation.snapshot.taken.duration_since(since).as_secs());
    seconds.is_some_and(|it| it < i64::from(situation.stop_seconds()))
}

/// What may be lost when `target` is promoted.
pub(crate) fn loss(situation: &Situation<'_>, target: &Instance) -> Loss {
    let last_commit = target
        .facts()
        .and_then(|facts| facts.recovery.as_ref())
        .and_then(|recovery| recovery.last_commit_replayed);
    if situation.mode == Mode::Switchover {
        return Loss {
            bytes: Some(0),
            proven: true,
            last_commit,
        };
    }
    if situation.end() == End::Clean {
        // Alive and out of reach: what lacks any of its data is not promoted.
        return Loss {
            bytes: Some(0),
            proven: true,
            last_commit,
        };
    }
    let own = position(target);
    if let (Some(shutdown), Some(own)) = (situation.shutdown(), own) {
        // A standby that has more than the start of the shutdown record has all of it.
        let missing = if own > shutdown.lsn {
            0
        } else {
            shutdown.lsn.bytes_since(own)
        };
        return Loss {
            bytes: Some(missing),
            proven: own > shutdown.lsn,
            last_commit,
        };
    }
    // Only a position of the old primary itself says anything about what it had; that nobody has
    // more than the target is no news of it.
    let missing = own.and_then(|own| Some(reported_end(situation)?.bytes_since(own)));
    Loss {
        bytes: missing.filter(|bytes| *bytes > 0),
        proven: false,
        last_commit,
    }
}

/// The loss as a row of the table, in an emergency.
pub(crate) fn loss_check(situation: &Situation<'_>, target: &Instance) -> Option<Check> {
    if situation.mode == Mode::Switchover {
        return None;
    }
    let name = CheckName::Lag;
    if situation.end() == End::Clean {
        return Some(Check::pass(
            name,
            format!(
                "nothing is lost: it is promoted only when it has all that {} had",
                situation.old
            ),
        ));
    }
    let loss = loss(situation, target);
    let since = loss
        .last_commit
        .map(|at| format!("; the last transaction that it has committed at {at}"))
        .unwrap_or_default();
    let known = situation.shutdown().is_some();
    Some(match loss.bytes {
        Some(0) if loss.proven => Check::pass(
            name,
            "nothing is lost: it has all of the old primary's WAL",
        ),
        Some(bytes) if known && !situation.request.accept_loss => Check::refuse(
            name,
            format!(
                "{} lacks the end of the WAL of {} ({bytes} bytes, and the record of its shutdown), which was shut down in order and has it all{since}",
                target.name(),
                situation.old
            ),
        )
        .next("start it again, which loses nothing; or --accept-loss"),
        Some(bytes) if known => Check::warn(
            name,
            format!("{bytes} bytes of WAL are lost, which is accepted{since}"),
        ),
        Some(bytes) => Check::warn(
            name,
            format!(
                "at least {bytes} bytes are lost, and whatever the old primary wrote without sending it{since}"
            ),
        ),
        None => Check::warn(
            name,
            format!(
                "how much is lost is not known: nobody knows how far {} was{since}",
                situation.old
            ),
        ),
    })
}

/// Whether the start script keeps the old primary from coming back as one.
pub(crate) fn start_script(situation: &Situation<'_>) -> Check {
    let name = CheckName::StartScript;
    if situation.topology_aware() {
        return Check::pass(name, "pods start by the topology");
    }
    if situation.old_component() == Component::Replica {
        return Check::refuse(
            name,
            format!(
                "{} would be started anew as a primary: the start script of this cluster does not read the topology",
                situation.old
            ),
        )
        .next("deploy the start script of pgctl's deploy/ first");
    }
    let set = situation
        .snapshot
        .stateful_set(Component::Primary)
        .map_or("its StatefulSet", |set| set.name.as_str());
    Check::warn(
        name,
        format!(
            "the start script does not read the topology: {set} must stay at 0 until {} has a fresh volume",
            situation.old
        ),
    )
}

//! Who can become primary: every standby, ranked, and why it is eligible or not.

use std::cmp::Reverse;

use super::checks::candidate_checks;
use super::common::{Situation, lag_bytes, needs_guard, position};
use crate::cluster::{Component, Instance, SyncState};
use crate::plan::language::{Candidate, Check, Mode};

/// Every pod but the old primary, the best first: eligible ones, among them synchronous ones, then
/// by how much they have received, then the one that no autoscaler can take away.
pub(crate) fn rank(situation: &Situation<'_>) -> Vec<Candidate> {
    let mut ranked: Vec<(&Instance, Candidate)> = situation
        .snapshot
        .instances
        .iter()
        .filter(|it| it.name() != situation.old || situation.mode == Mode::Emergency)
        .filter(|it| it.role() != crate::cluster::Role::Primary)
        .map(|it| (it, judge(situation, it)))
        .collect();
    ranked.sort_by_key(|(instance, candidate)| {
        (
            !candidate.eligible,
            !candidate.synchronous,
            // Under load the last few bytes differ from one look to the next: only emergencies,
            // where they are all that is left, go by them.
            match situation.mode {
                Mode::Emergency => Reverse(candidate.position),
                Mode::Switchover => Reverse(None),
            },
            needs_guard(situation, instance),
            instance.pod.component != Component::Primary,
            instance.pod.ordinal,
        )
    });
    ranked.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Judges one pod.
pub(crate) fn judge(situation: &Situation<'_>, instance: &Instance) -> Candidate {
    let checks = candidate_checks(situation, instance);
    Candidate {
        pod: instance.name().to_owned(),
        eligible: !checks.iter().any(Check::refuses),
        position: position(instance),
        lag_bytes: lag_bytes(situation, instance),
        synchronous: synchronous(situation, instance),
        checks,
    }
}

fn synchronous(situation: &Situation<'_>, instance: &Instance) -> bool {
    let sender = situation.snapshot.primary().and_then(|primary| {
        primary
            .facts()?
            .senders
            .iter()
            .find(|sender| sender.application_name == instance.name())
    });
    sender.is_some_and(|it| matches!(it.sync_state, SyncState::Sync | SyncState::Quorum))
}

//! Who can become primary: every standby, ranked, and why it is eligible or not.

use std::cmp::Reverse;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::case::{Case, position};
use super::checks::candidate_checks;
use super::{Check, Verdict};
use crate::cluster::{Component, Instance, Lsn, SyncState};

/// A pod that could become primary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// Its pod.
    pub pod: String,
    /// Whether nothing stands in the way.
    pub eligible: bool,
    /// How far its WAL goes.
    pub position: Option<Lsn>,
    /// Bytes behind the primary (or behind the standby that is furthest ahead); none when unknown.
    pub lag_bytes: Option<u64>,
    /// Whether commits wait for it.
    pub synchronous: bool,
    /// What was checked about it.
    pub checks: Vec<Check>,
}

impl Candidate {
    /// Why it is not eligible, or what is to be known about it; empty when all is well.
    pub fn why(&self) -> Vec<&str> {
        let of = |verdict| {
            self.checks
                .iter()
                .filter(move |check| check.verdict == verdict)
                .map(|check| check.reason.as_str())
        };
        if self.eligible {
            of(Verdict::Warn).collect()
        } else {
            of(Verdict::Refuse).collect()
        }
    }
}

/// Every pod but the old primary, the best first: eligible ones, among them synchronous ones, then
/// by how much they have received, then the one that no autoscaler can take away.
pub(crate) fn rank(case: &Case<'_>) -> Vec<Candidate> {
    let mut ranked: Vec<(&Instance, Candidate)> = case
        .snapshot
        .instances
        .iter()
        .filter(|it| it.name() != case.old || case.mode == super::Mode::Emergency)
        .filter(|it| it.role() != crate::cluster::Role::Primary)
        .map(|it| (it, judge(case, it)))
        .collect();
    ranked.sort_by_key(|(instance, candidate)| {
        (
            !candidate.eligible,
            !candidate.synchronous,
            // Under load the last few bytes differ from one look to the next: only emergencies,
            // where they are all that is left, go by them.
            match case.mode {
                super::Mode::Emergency => Reverse(candidate.position),
                super::Mode::Switchover => Reverse(None),
            },
            needs_guard(case, instance),
            instance.pod.component != Component::Primary,
            instance.pod.ordinal,
        )
    });
    ranked.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Judges one pod.
pub(crate) fn judge(case: &Case<'_>, instance: &Instance) -> Candidate {
    let checks = candidate_checks(case, instance);
    Candidate {
        pod: instance.name().to_owned(),
        eligible: !checks.iter().any(Check::refuses),
        position: position(instance),
        lag_bytes: lag_bytes(case, instance),
        synchronous: synchronous(case, instance),
        checks,
    }
}

/// Bytes that `instance` lacks of what is known to exist.
pub(crate) fn lag_bytes(case: &Case<'_>, instance: &Instance) -> Option<u64> {
    let own = position(instance)?;
    let end = match case.snapshot.primary() {
        Some(primary) => primary.facts().map(|facts| facts.flush_lsn),
        None => known_end(case),
    };
    Some(end?.bytes_since(own))
}

/// The furthest position of the old primary that anybody knows of, when it does not answer.
pub(crate) fn known_end(case: &Case<'_>) -> Option<Lsn> {
    let received = case.snapshot.standbys().filter_map(position);
    received.chain(reported_end(case)).max()
}

/// The furthest position that the old primary itself has told, in the record of its shutdown or to
/// its standbys while it streamed to them.
pub(crate) fn reported_end(case: &Case<'_>) -> Option<Lsn> {
    let reported = case.snapshot.standbys().filter_map(|standby| {
        let recovery = standby.facts()?.recovery.as_ref()?;
        let receiver = recovery.receiver.as_ref()?;
        let of_another = receiver.sender_host.as_deref().is_some_and(|host| {
            let name = host.split('.').next().unwrap_or(host);
            name != case.old && case.snapshot.instance(name).is_some()
        });
        receiver.latest_end_lsn.filter(|_| !of_another)
    });
    let stopped = case.shutdown().map(|shutdown| shutdown.lsn);
    reported.chain(stopped).max()
}

/// The autoscaler's minimum does not protect it yet.
pub(crate) fn needs_guard(case: &Case<'_>, instance: &Instance) -> bool {
    case.snapshot.autoscaler.as_ref().is_some_and(|autoscaler| {
        instance.pod.component == Component::Replica && autoscaler.min <= instance.pod.ordinal
    })
}

fn synchronous(case: &Case<'_>, instance: &Instance) -> bool {
    let sender = case.snapshot.primary().and_then(|primary| {
        primary
            .facts()?
            .senders
            .iter()
            .find(|sender| sender.application_name == instance.name())
    });
    sender.is_some_and(|it| matches!(it.sync_state, SyncState::Sync | SyncState::Quorum))
}

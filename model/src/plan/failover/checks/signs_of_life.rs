//! Whether the old primary, which does not answer, is alive all the same.

use super::super::common::Situation;
use crate::cluster::{Role, SIGNS_FADE_SECONDS, SignOfLife, heard};
use crate::plan::language::{Check, CheckName, Mode};

/// Signs of life of the old primary, or of another pod that may be one; none in a switchover.
pub(crate) fn life_checks(situation: &Situation<'_>) -> Option<Check> {
    if situation.mode == Mode::Switchover {
        return None;
    }
    Some(stranger(situation).unwrap_or_else(|| old(situation)))
}

fn told(signs: &[SignOfLife]) -> String {
    let signs: Vec<String> = signs.iter().map(ToString::to_string).collect();
    signs.join("; ")
}

fn old(situation: &Situation<'_>) -> Check {
    let name = CheckName::SignsOfLife;
    let (old, signs) = (&situation.old, situation.signs_of_life());
    let request = situation.request;
    if signs.is_empty() {
        return if situation.is_blind() {
            Check::warn(name, stopped_all_the_same(situation))
        } else {
            Check::pass(name, format!("nothing shows that {old} is alive"))
        };
    }
    let seen = told(&signs);
    if situation.old_instance().is_none() {
        // Forced deletion takes the object away, and nothing else.
        let reason = format!(
            "the pod {old} does not exist, and it is alive all the same: {seen}; it may have been deleted by force while it ran"
        );
        return if request.accept_split_brain_risk {
            Check::warn(
                name,
                format!("{reason}; the risk of two primaries is accepted"),
            )
        } else {
            Check::refuse(name, reason).next(format!(
                "switch the machine off that it ran on, and try again {SIGNS_FADE_SECONDS} s later"
            ))
        };
    }
    let closed = situation
        .old_instance()
        .is_some_and(|it| it.database.alive_but_closed().is_some());
    if closed && !situation.is_blind() {
        // That it does not let pgctl in is refused already, with its reason.
        return Check::warn(name, format!("{old} is alive: {seen}"));
    }
    let reason = format!("{old} is alive and out of pgctl's reach: {seen}");
    if situation.is_blind() {
        return Check::warn(
            name,
            format!("{reason}; {}", stopped_all_the_same(situation)),
        );
    }
    Check::refuse(name, reason).next(format!(
        "see what is between it and pgctl (kubectl -n {} port-forward pod/{old} 5432); if it has just died, the signs are gone in {SIGNS_FADE_SECONDS} s; or --blind, to stop it through Kubernetes",
        situation.snapshot.cluster.namespace
    ))
}

fn stopped_all_the_same(situation: &Situation<'_>) -> String {
    let old = &situation.old;
    if situation.request.accept_loss {
        format!("{old} will be stopped through Kubernetes, and what it has not sent is lost")
    } else {
        format!(
            "{old} will be stopped through Kubernetes, and started again when the new primary would lack any of its data"
        )
    }
}

/// A pod that is not meant to be primary, does not answer, and from which standbys receive: whatever
/// the topology says, it serves somebody.
fn stranger(situation: &Situation<'_>) -> Option<Check> {
    let is_known = |pod: &str| {
        let instance = situation.snapshot.instance(pod);
        pod == situation.old || instance.is_some_and(|it| it.role() != Role::Unknown)
    };
    let heard: Vec<(String, SignOfLife)> = heard(situation.snapshot);
    let pod = heard.iter().map(|(pod, _)| pod).find(|it| !is_known(it))?;
    let signs: Vec<SignOfLife> = heard
        .iter()
        .filter(|(sender, _)| sender == pod)
        .map(|(_, sign)| sign.clone())
        .collect();
    let name = CheckName::SignsOfLife;
    let reason = format!(
        "{pod} does not answer, and could be the primary: {}",
        told(&signs)
    );
    Some(if situation.request.accept_split_brain_risk {
        Check::warn(
            name,
            format!("{reason}; the risk of two primaries is accepted"),
        )
    } else {
        Check::refuse(name, reason).next("bring it back within reach, or stop it; pgctl status")
    })
}

/// The old primary is given the time that its pod may take to stop: a shutdown that has begun can't
/// be called back.
pub(crate) fn stop_timeout(situation: &Situation<'_>) -> Option<Check> {
    let asked = situation.request.stop_timeout_seconds?;
    let needed = situation.stop_seconds();
    (asked < needed).then(|| {
        Check::warn(
            CheckName::StopTimeout,
            format!(
                "--stop-timeout {asked}s is less than {} may take to stop: it is given {needed} s, because a shutdown that has begun can't be called back",
                situation.old
            ),
        )
    })
}

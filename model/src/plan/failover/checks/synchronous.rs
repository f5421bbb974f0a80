//! Commits that wait for standbys: not in vain after the change, and not lost by it.

use super::super::common::{Situation, confirming};
use crate::cluster::{
    Instance, Role, Shape, synchronous_candidates, synchronous_listed, synchronous_needed,
};
use crate::plan::language::{Check, CheckName, Mode};

/// Synchronous commit on the new primary.
pub(super) fn synchronous(situation: &Situation<'_>, target: Option<&Instance>) -> Check {
    let name = CheckName::Synchronous;
    let Some(pod) = target.filter(|it| it.facts().is_some()) else {
        return Check::pass(name, "asked once the target is known");
    };
    match situation.snapshot.topology.synchronous {
        None => as_it_is(situation, pod),
        Some(0) => Check::pass(name, "commits wait for no standby"),
        Some(count) => as_wished(situation, pod, count),
    }
}

/// `pgctl sync set` was never used: the candidate's own setting holds.
fn as_it_is(situation: &Situation<'_>, pod: &Instance) -> Check {
    let name = CheckName::Synchronous;
    let wanted = pod
        .facts()
        .map_or("", |facts| facts.settings.synchronous_standby_names.trim());
    if wanted.is_empty() {
        return Check::pass(name, "commits wait for no standby");
    }
    let needed = synchronous_needed(wanted) as usize;
    let listed = synchronous_listed(wanted);
    // PostgreSQL compares without regard to capitals (SyncRepGetStandbyPriority in syncrep.c).
    let names = |it: &Instance| {
        let is_it = |word: &String| word == "*" || word.eq_ignore_ascii_case(it.name());
        listed.iter().any(is_it)
    };
    let standbys = situation
        .others(pod)
        .filter(|it| it.role() == Role::Standby);
    let ready = standbys.filter(|it| it.pod.ready && names(it)).count();
    if ready < needed {
        return Check::refuse(
            name,
            format!(
                "synchronous_standby_names on {} is {wanted}, and of the other ready standbys {ready} answer to it: commits would wait forever",
                pod.name()
            ),
        )
        .next("change synchronous_standby_names, or bring such a standby up");
    }
    let words = format!("synchronous_standby_names is {wanted}");
    if ready == needed {
        let words = format!(
            "{words}, and no more than {ready} answer to it: without any of them writes block"
        );
        Check::warn(name, words)
    } else {
        Check::pass(name, words)
    }
}

/// Commits on the new primary wait for `count` of those that stay, and none that was acknowledged
/// before may be missing on it.
fn as_wished(situation: &Situation<'_>, target: &Instance, count: u32) -> Check {
    let name = CheckName::Synchronous;
    let count = count as usize;
    let off = "or give it up: pgctl sync set --standbys off, then again";
    let lost: Vec<String> = match situation.mode {
        Mode::Switchover => Vec::new(),
        Mode::Emergency => {
            let confirmers = synchronous_candidates(
                situation.snapshot,
                &Shape::of(situation.snapshot),
                &situation.old,
            );
            let silent = |pod: &String| {
                situation
                    .snapshot
                    .instance(pod)
                    .is_none_or(|it| it.role() != Role::Standby)
            };
            confirmers.into_iter().filter(silent).collect()
        }
    };
    if lost.len() >= count {
        return Check::refuse(
            name,
            format!(
                "commits were confirmed by {count} of the standbys, and {} does not answer: it may be the only one that has some of them",
                lost.join(", ")
            ),
        )
        .next(format!("bring it back, {off}"));
    }
    let standbys = confirming(situation, target, false);
    let ready: Vec<&str> = situation
        .others(target)
        .filter(|it| it.role() == Role::Standby && it.pod.ready)
        .map(Instance::name)
        .filter(|pod| standbys.iter().any(|it| it == pod))
        .collect();
    if ready.len() < count {
        return Check::refuse(
            name,
            format!(
                "commits on {} would wait for {count} of the standbys that stay, and of those only {} would be there: writes would be blocked",
                target.name(),
                ready.len()
            ),
        )
        .next(format!("bring more of them up, {off}"));
    }
    let words = format!("commits wait for {count} of {}", ready.join(", "));
    if ready.len() == count {
        Check::warn(name, format!("{words}: without any of them writes block"))
    } else {
        Check::pass(name, words)
    }
}

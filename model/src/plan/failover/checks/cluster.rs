//! All checks that are not about the candidate alone.

use super::super::common::{Situation, sender_of};
use super::environment::{git_ops, write_service};
use super::interruptions::contents_checks;
use super::next_start::next_start_checks;
use super::old_primary::{loss_check, old_primary, one_primary, start_script};
use super::poolers::{paused_poolers, poolers};
use super::signs_of_life::{life_checks, stop_timeout};
use crate::cluster::{Component, Instance, Role};
use crate::plan::common::volumes_go;
use crate::plan::language::{Check, CheckName, Mode, Unfinished};

/// The checks of the cluster, for this target (none when none could be chosen).
pub(crate) fn cluster_checks(situation: &Situation<'_>, target: Option<&Instance>) -> Vec<Check> {
    let mut checks = vec![
        one_primary(situation),
        old_primary(situation),
        start_script(situation),
    ];
    checks.extend(life_checks(situation));
    checks.extend(stop_timeout(situation));
    checks.extend(target.and_then(|target| loss_check(situation, target)));
    checks.extend(contents_checks(situation, target));
    checks.extend(next_start_checks(situation, target));
    checks.extend(target.map(|target| followers(situation, target)));
    checks.extend(poolers(situation));
    checks.extend(paused_poolers(situation));
    checks.extend([write_service(situation), git_ops(situation)]);
    // It is scaled to 0, so that it makes no second primary.
    let primary_set = situation.snapshot.stateful_set(Component::Primary);
    checks.extend(volumes_go(situation.snapshot, primary_set));
    checks
}

/// An operation that can't go on does not stand in the way of the one that is needed now.
pub(crate) fn replaces(found: &Unfinished) -> Check {
    let why = match (&found.to, found.past_point_of_no_return) {
        (Some(to), true) => format!("can only go forward, and {to} is lost"),
        (Some(_), false) => "has lost a pod that it needs".to_owned(),
        (None, _) => "has not ended, and there is no primary".to_owned(),
    };
    let check = Check::warn(
        CheckName::Unfinished,
        format!("the {} {why}: this failover replaces it", found.title),
    );
    if found.to.is_some() {
        check.next("if that pod comes back, pgctl failover --resume instead")
    } else {
        check
    }
}

/// Standbys that will not follow are named; they don't stand in the way.
fn followers(situation: &Situation<'_>, target: &Instance) -> Check {
    let name = CheckName::Followers;
    let mut notes: Vec<String> = Vec::new();
    for other in situation.others(target) {
        let pod = other.name();
        match other.role() {
            Role::Unknown => notes.push(format!("{pod} does not answer")),
            Role::Primary => {}
            Role::Standby
                if situation.mode == Mode::Switchover && sender_of(situation, other).is_none() =>
            {
                notes.push(format!("{pod} does not stream"));
            }
            Role::Standby => {
                let line = |it: &Instance| it.facts().map(|facts| facts.timeline);
                // What nobody knows is neither older nor newer.
                if line(target).is_some() && line(other) > line(target) {
                    notes.push(format!("{pod} is on a timeline of its own"));
                }
            }
        }
    }
    if notes.is_empty() {
        Check::pass(
            name,
            format!("{} will follow", situation.others(target).count()),
        )
    } else {
        Check::warn(name, format!("may not follow: {}", notes.join("; ")))
    }
}

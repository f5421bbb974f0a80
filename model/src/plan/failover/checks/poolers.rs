//! Clients that come through poolers.

use super::super::common::Situation;
use crate::cluster::{HandPause, PoolerPod, PoolerPurpose, Poolers, databases_left_paused};
use crate::plan::language::{Check, CheckName, Hold, Mode};

/// Whether the clients of poolers will wait, in place of failing; none where there is nobody to wait.
pub(crate) fn poolers(situation: &Situation<'_>) -> Option<Check> {
    let name = CheckName::Poolers;
    let required = situation.request.hold == Hold::Require;
    if situation.mode == Mode::Emergency || situation.request.hold == Hold::Off {
        return None;
    }
    let object = |reason: String| match required {
        true => {
            Check::refuse(name, reason).next("without --hold require, their clients may see errors")
        }
        false => Check::warn(name, reason),
    };
    if let Poolers::Unseen(why) = &situation.circumstances.poolers {
        return Some(object(format!(
            "whether clients come through poolers is not known: {why}"
        )));
    }
    let held = situation.held_poolers().count();
    let paused = situation.paused_poolers().count();
    let leaving: Vec<&str> = situation
        .write_poolers()
        .filter(|it| it.leaving)
        .map(|it| it.name.as_str())
        .collect();
    if !leaving.is_empty() {
        let reason = format!(
            "{} is about to go, and its clients are not held",
            leaving.join(", ")
        );
        return Some(object(reason));
    }
    match held {
        // Of those that are paused by hand nobody begins a transaction either.
        0 if paused > 0 => Some(Check::pass(
            name,
            "every pooler is paused by hand; the clients of one that is resumed by then will wait",
        )),
        0 if required => Some(
            Check::refuse(name, "no pooler runs that could hold clients")
                .next("pgctl failover without --hold; docs/runbooks/pooler.md has poolers"),
        ),
        0 => None,
        1 => Some(Check::pass(name, "the clients of 1 pooler will wait")),
        count => Some(Check::pass(
            name,
            format!("the clients of {count} poolers will wait"),
        )),
    }
}

/// Whether somebody has paused a pooler by hand, or a database there: it stays so, and is left to them. None where there is none
/// to ask, and in an emergency.
pub(crate) fn paused_poolers(situation: &Situation<'_>) -> Option<Check> {
    let name = CheckName::PausedPoolers;
    if situation.mode == Mode::Emergency {
        return None;
    }
    let mut paused = Vec::new();
    let mut databases = Vec::new();
    let mut unknown = Vec::new();
    let mut asked = 0;
    for pooler in situation.poolers() {
        let pod = named(pooler);
        databases.push((pod.clone(), pooler.paused_databases.as_slice()));
        match &pooler.pause {
            HandPause::NotAsked => continue,
            HandPause::Served => {}
            HandPause::Paused(Some(since)) => {
                paused.push(format!("{pod} is paused by hand (by pgctl at {since:.0})"));
            }
            HandPause::Paused(None) => paused.push(format!("{pod} is paused by hand")),
            HandPause::Unknown(why) => {
                unknown.push(format!(
                    "whether {pod} is paused by hand is not known: {why}"
                ));
            }
        }
        asked += 1;
    }
    let databases = databases_left_paused(databases);
    let next = match (paused.is_empty(), databases.is_none() && unknown.is_empty()) {
        (false, _) => "pgctl pooler resume",
        (true, false) => "pgctl pooler",
        (true, true) => {
            return (asked > 0).then(|| Check::pass(name, "no pooler is paused by hand"));
        }
    };
    let whose = match paused.len() {
        1 => "its",
        _ => "their",
    };
    let waiting = (!paused.is_empty()).then(|| {
        format!(
            "{}: {whose} clients wait until `pgctl pooler resume`",
            paused.join(", ")
        )
    });
    let all: Vec<String> = waiting
        .into_iter()
        .chain(databases)
        .chain(unknown)
        .collect();
    Some(Check::warn(name, all.join("; ")).next(next))
}

/// Whoever is not held is said to be for reads.
fn named(pooler: &PoolerPod) -> String {
    match pooler.purpose {
        PoolerPurpose::Write => pooler.name.clone(),
        PoolerPurpose::Read => format!("{} (for reads)", pooler.name),
    }
}

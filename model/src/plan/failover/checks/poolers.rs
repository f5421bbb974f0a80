//! Clients that come through poolers.

use super::super::common::Situation;
use crate::cluster::Poolers;
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

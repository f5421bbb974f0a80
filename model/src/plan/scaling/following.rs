//! Keeping `synchronous_standby_names` right while the number of standbys changes.

use crate::cluster::{
    Instance, Shape, Snapshot, SyncState, synchronous_candidates, synchronous_names,
    synchronous_needed,
};
use crate::plan::common::{confirm_by, wanted_synchronous};
use crate::plan::language::{Check, CheckName, Step, StepName};

/// What a change of the shape means for synchronous replication.
pub(super) struct Following {
    /// Before: who goes confirms nothing any more, and others have what it has.
    pub(super) before: Option<Step>,
    /// After: who has come confirms, too.
    pub(super) after: Option<Step>,
    pub(super) check: Check,
}

/// The list of before and after a change of the shape.
pub(super) fn follow(snapshot: &Snapshot, after: &Shape) -> Following {
    let name = CheckName::Synchronous;
    let nothing = |check| Following {
        before: None,
        after: None,
        check,
    };
    let Some(primary) = snapshot.primary() else {
        return nothing(Check::pass(name, "commits wait for no standby"));
    };
    let Some(count) = wanted_synchronous(snapshot) else {
        return nothing(set_by_others(snapshot, primary, after));
    };
    let candidates = |shape| synchronous_candidates(snapshot, shape, primary.name());
    let (old, new) = (candidates(&Shape::of(snapshot)), candidates(after));
    if new.len() < count as usize {
        return nothing(too_few(count, &new));
    }
    let check = spare(count, &new);
    let now = primary
        .facts()
        .map(|facts| facts.settings.synchronous_standby_names.as_str());
    if now == Some(synchronous_names(count, &new).as_str()) {
        return nothing(check);
    }
    let somebody_goes = old.iter().any(|pod| !new.contains(pod));
    if somebody_goes {
        let step = confirm_by(StepName::ShrinkSynchronous, primary, count, new);
        Following {
            before: Some(step),
            after: None,
            check,
        }
    } else {
        let step = confirm_by(StepName::SetSynchronous, primary, count, new).reported();
        Following {
            before: None,
            after: Some(step),
            check,
        }
    }
}

/// Names that were not set with pgctl are left alone: whether enough of those that confirm commits
/// by them stay.
fn set_by_others(snapshot: &Snapshot, primary: &Instance, after: &Shape) -> Check {
    let name = CheckName::Synchronous;
    let Some(facts) = primary.facts() else {
        return Check::pass(name, "commits wait for no standby");
    };
    let names = facts.settings.synchronous_standby_names.trim();
    let needed = synchronous_needed(names);
    if needed == 0 {
        return Check::pass(name, "commits wait for no standby");
    }
    let before = Shape::of(snapshot);
    let stay = |shape: &Shape| synchronous_candidates(snapshot, shape, primary.name());
    let there = |shape: &Shape| {
        let minimum = None;
        stay(&Shape { minimum, ..*shape })
    };
    let leaves = |pod: &String| {
        let goes = there(&before).contains(pod) && !there(after).contains(pod);
        let may_go = stay(&before).contains(pod) && !stay(after).contains(pod);
        goes || may_go
    };
    let (going, staying): (Vec<&String>, Vec<&String>) = facts
        .senders
        .iter()
        .filter(|sender| sender.is_streaming() && sender.sync_state != SyncState::Async)
        .map(|sender| &sender.application_name)
        .partition(|pod| leaves(pod));
    if going.is_empty() {
        return Check::pass(
            name,
            format!("synchronous_standby_names is {names}, and nobody who confirms commits goes"),
        );
    }
    let going: Vec<&str> = going.into_iter().map(String::as_str).collect();
    let words = format!(
        "synchronous_standby_names is {names} (not set with pgctl), and {} would go",
        going.join(", ")
    );
    if staying.len() < needed as usize {
        Check::refuse(
            name,
            format!(
                "{words}: commits wait for {needed}, and of those that confirm them {} would be left: every write would be blocked",
                staying.len()
            ),
        )
        .next("pgctl sync set --standbys 1, and pgctl keeps the list right, or change it first")
    } else {
        Check::warn(name, format!("{words}; {} are left", staying.len()))
    }
}

/// Not enough standbys stay.
pub(super) fn too_few(count: u32, standbys: &[String]) -> Check {
    let who = match standbys {
        [] => "none".to_owned(),
        some => some.join(", "),
    };
    Check::refuse(
        CheckName::Synchronous,
        format!(
            "commits wait for {count} of the standbys that no autoscaler takes away, and of those there would be {} ({who}): every write would be blocked",
            standbys.len()
        ),
    )
    .next("let more of them stay (pgctl hpa set --min 3, say), or let commits wait for fewer: pgctl sync set --standbys off")
}

/// Enough, and whether there is one to spare.
pub(super) fn spare(count: u32, standbys: &[String]) -> Check {
    let name = CheckName::Synchronous;
    let words = format!("commits wait for {count} of {}", standbys.join(", "));
    if standbys.len() == count as usize {
        Check::warn(name, format!("{words}: without any of them writes block"))
    } else {
        Check::pass(name, words)
    }
}

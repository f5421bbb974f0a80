//! Checks that the candidate can carry what the primary carries.

use super::super::common::Situation;
use crate::cluster::{Instance, SlotKind, slot_name};
use crate::plan::language::{Check, CheckName, CheckVerdict, Mode};

/// Walsenders, slots, and limits.
pub(crate) fn capacity_checks(situation: &Situation<'_>, target: &Instance) -> Vec<Check> {
    [
        walsenders(situation, target),
        slots(situation, target),
        settings(situation, target),
    ]
    .into_iter()
    .map(|check| match situation.mode {
        Mode::Switchover => check,
        // That somebody can't follow is mended later; that nobody takes writes is not waited with.
        Mode::Emergency if check.refuses() => Check {
            verdict: CheckVerdict::Warn,
            ..check
        },
        Mode::Emergency => check,
    })
    .collect()
}

/// How many standbys will follow: all others, and the old primary when it comes back.
fn followers(situation: &Situation<'_>, target: &Instance) -> usize {
    situation.others(target).count() + 1
}

fn unknown(name: CheckName) -> Check {
    Check::refuse(name, "its settings are unknown").next("pgctl status")
}

fn walsenders(situation: &Situation<'_>, target: &Instance) -> Check {
    let name = CheckName::Walsenders;
    let Some(facts) = target.facts() else {
        return unknown(name);
    };
    let limit = facts.settings.max_wal_senders as usize;
    let taken = facts.walsenders_taken();
    let needed = followers(situation, target);
    // Those that stream from it already (cascading) are among the followers.
    let cascading = facts
        .senders
        .iter()
        .filter(|sender| {
            situation
                .snapshot
                .instance(&sender.application_name)
                .is_some()
        })
        .count();
    if taken - cascading + needed > limit {
        Check::refuse(
            name,
            format!(
                "{} allows {limit} walsenders, {} are taken and {needed} standbys will need one",
                target.name(),
                taken - cascading
            ),
        )
        .next("raise max_wal_senders and restart it")
    } else {
        Check::pass(name, format!("{needed} of {limit} walsenders will be used"))
    }
}

fn slots(situation: &Situation<'_>, target: &Instance) -> Check {
    let name = CheckName::Slots;
    let Some(facts) = target.facts() else {
        return unknown(name);
    };
    let limit = facts.settings.max_replication_slots as usize;
    let wanted: Vec<String> = situation
        .others(target)
        .map(|it| slot_name(it.name()))
        .chain([slot_name(&situation.old)])
        .chain(situation.snapshot.wal_slot().map(str::to_owned))
        .collect();
    let new = wanted
        .iter()
        .filter(|wanted| facts.slots.iter().all(|slot| slot.name != **wanted))
        .count();
    let logical_of_same_name = facts
        .slots
        .iter()
        .find(|slot| wanted.contains(&slot.name) && slot.kind != SlotKind::Physical);
    if let Some(slot) = logical_of_same_name {
        return Check::refuse(
            name,
            format!("{} has a logical slot called {}", target.name(), slot.name),
        )
        .next(format!(
            "when nobody needs it: pgctl slots drop {} --pod {}",
            slot.name,
            target.name()
        ));
    }
    if facts.slots.len() + new > limit {
        Check::refuse(
            name,
            format!(
                "{} allows {limit} replication slots, has {} and needs {new} more",
                target.name(),
                facts.slots.len()
            ),
        )
        .next("drop slots that nobody uses, or raise max_replication_slots and restart it")
    } else {
        Check::pass(
            name,
            format!("{} of {limit} slots will be used", facts.slots.len() + new),
        )
    }
}

fn settings(situation: &Situation<'_>, target: &Instance) -> Check {
    let name = CheckName::Settings;
    let Some(facts) = target.facts() else {
        return unknown(name);
    };
    let own = facts.settings.standby_limits();
    let lower: Vec<String> = situation
        .snapshot
        .instances
        .iter()
        .filter(|it| it.name() != target.name())
        .filter_map(|it| Some((it.name(), it.facts()?.settings.standby_limits())))
        .flat_map(|(pod, theirs)| {
            own.into_iter()
                .zip(theirs)
                .filter(|(own, theirs)| theirs.1 < own.1)
                .map(move |(own, theirs)| format!("{} {} on {pod} < {}", own.0, theirs.1, own.1))
        })
        .collect();
    if lower.is_empty() {
        after_restart(situation, target)
    } else {
        Check::refuse(
            name,
            format!(
                "standbys with a lower limit could not follow {}: {}",
                target.name(),
                lower.join(", ")
            ),
        )
        .next("make the settings the same on all pods and restart them")
    }
}

/// What waits for a restart: the old primary is restarted by the switchover itself.
fn after_restart(situation: &Situation<'_>, target: &Instance) -> Check {
    let name = CheckName::Settings;
    let Some(settings) = target.facts().map(|facts| &facts.settings) else {
        return unknown(name);
    };
    let lower = |it: &Instance| {
        let lower = it.facts()?.lower_when_restarted(settings);
        (!lower.is_empty()).then(|| format!("{} on {}", lower.join(", "), it.name()))
    };
    if let Some(lower) = situation.old_instance().and_then(lower) {
        return Check::refuse(
            name,
            format!(
                "{} could not follow {} after its restart: {lower}",
                situation.old,
                target.name()
            ),
        )
        .next(format!(
            "take it back on {} (pgctl status), or restart all pods with it first",
            situation.old
        ));
    }
    let later: Vec<String> = situation.others(target).filter_map(lower).collect();
    let mut notes: Vec<String> = later
        .into_iter()
        .map(|lower| format!("could not follow after a restart: {lower}"))
        .collect();
    let brings = situation.old_instance().and_then(|it| it.facts());
    let brings: Vec<String> = brings
        .map_or(&[][..], |facts| facts.pending())
        .iter()
        .map(ToString::to_string)
        .collect();
    if !brings.is_empty() {
        notes.push(format!(
            "{} comes back with {}",
            situation.old,
            brings.join(", ")
        ));
    }
    if notes.is_empty() {
        Check::pass(name, "no standby has a lower limit")
    } else {
        Check::warn(name, notes.join("; "))
    }
}

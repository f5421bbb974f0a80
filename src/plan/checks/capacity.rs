//! Checks that the candidate can carry what the primary carries.

use super::super::case::Case;
use super::super::{Check, CheckName};
use crate::cluster::{Instance, Settings, SlotKind, slot_name};

/// Walsenders, slots, and limits.
pub(crate) fn capacity_checks(case: &Case<'_>, target: &Instance) -> Vec<Check> {
    vec![
        walsenders(case, target),
        slots(case, target),
        settings(case, target),
    ]
}

/// How many standbys will follow: all others, and the old primary when it comes back.
fn followers(case: &Case<'_>, target: &Instance) -> usize {
    case.others(target).count() + 1
}

fn walsenders(case: &Case<'_>, target: &Instance) -> Check {
    let name = CheckName::Walsenders;
    let Some(facts) = target.facts() else {
        return Check::refuse(name, "its settings are unknown");
    };
    let limit = facts.settings.max_wal_senders as usize;
    let taken = facts.senders.len() + facts.base_backups.len();
    let needed = followers(case, target);
    // Those that stream from it already (cascading) are among the followers.
    let cascading = facts
        .senders
        .iter()
        .filter(|sender| case.snapshot.instance(&sender.application_name).is_some())
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

fn slots(case: &Case<'_>, target: &Instance) -> Check {
    let name = CheckName::Slots;
    let Some(facts) = target.facts() else {
        return Check::refuse(name, "its settings are unknown");
    };
    let limit = facts.settings.max_replication_slots as usize;
    let wanted: Vec<String> = case
        .others(target)
        .map(|it| slot_name(it.name()))
        .chain([slot_name(&case.old)])
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
        );
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

/// The settings that a hot standby must not have lower than its primary (PostgreSQL
/// documentation, section 27.4.3 "Administrator's Overview").
fn limits(settings: &Settings) -> [(&'static str, u32); 5] {
    [
        ("max_connections", settings.max_connections),
        ("max_worker_processes", settings.max_worker_processes),
        ("max_wal_senders", settings.max_wal_senders),
        (
            "max_prepared_transactions",
            settings.max_prepared_transactions,
        ),
        (
            "max_locks_per_transaction",
            settings.max_locks_per_transaction,
        ),
    ]
}

fn settings(case: &Case<'_>, target: &Instance) -> Check {
    let name = CheckName::Settings;
    let Some(facts) = target.facts() else {
        return Check::refuse(name, "its settings are unknown");
    };
    let own = limits(&facts.settings);
    let lower: Vec<String> = case
        .snapshot
        .instances
        .iter()
        .filter(|it| it.name() != target.name())
        .filter_map(|it| Some((it.name(), limits(&it.facts()?.settings))))
        .flat_map(|(pod, theirs)| {
            own.into_iter()
                .zip(theirs)
                .filter(|(own, theirs)| theirs.1 < own.1)
                .map(move |(own, theirs)| format!("{} {} on {pod} < {}", own.0, theirs.1, own.1))
        })
        .collect();
    if lower.is_empty() {
        Check::pass(name, "no standby has a lower limit")
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

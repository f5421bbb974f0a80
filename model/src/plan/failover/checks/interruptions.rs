//! Checks of what a change of the primary would cut off or leave behind.

use super::super::common::Situation;
use super::synchronous::synchronous;
use crate::cluster::{DatabaseFacts, Instance, SlotFacts, SlotKind, slot_name};
use crate::plan::common::{running_backups, sizes};
use crate::plan::language::{Check, CheckName, Mode};

/// Segments that may wait for the archiver: a failing archive_command is found by its failure, so
/// this only has to be more than what a busy server has in flight.
const ARCHIVE_BACKLOG_LIMIT: u64 = 16;

/// So many seconds without a segment archived, while one waits, are more than a command should take.
const ARCHIVE_PATIENCE_SECONDS: u64 = 10;

/// Base backups, archive, logical slots, prepared transactions, synchronous commit.
pub(crate) fn contents_checks(situation: &Situation<'_>, target: Option<&Instance>) -> Vec<Check> {
    vec![
        base_backup(situation, target),
        archive(situation),
        logical_slots(situation, target),
        prepared(situation, target),
        unlogged(situation),
        synchronous(situation, target),
    ]
}

fn primary_facts<'a>(situation: &Situation<'a>) -> Option<&'a DatabaseFacts> {
    situation.snapshot.primary().and_then(Instance::facts)
}

fn base_backup(situation: &Situation<'_>, target: Option<&Instance>) -> Check {
    let name = CheckName::BaseBackup;
    let running = running_backups(situation.snapshot.primary().into_iter().chain(target));
    if running.is_empty() {
        return Check::pass(name, "no base backup is running");
    }
    let reason = format!("a base backup is running: {}", running.join(", "));
    if situation.request.allow_backup_loss || situation.mode == Mode::Emergency {
        Check::warn(name, format!("{reason}; it will be cut off"))
    } else {
        Check::refuse(name, reason).next("wait until it is done, or --allow-backup-loss")
    }
}

fn archive(situation: &Situation<'_>) -> Check {
    let name = CheckName::Archive;
    let Some(facts) = primary_facts(situation) else {
        return Check::warn(
            name,
            "whether the archive has everything is not known: no primary answers",
        );
    };
    let Some(archiver) = &facts.archiver else {
        return Check::pass(name, "archiving is off");
    };
    let (reason, next) = if archiver.failing {
        (
            format!(
                "archiving on {} fails; {} segments wait, and would be missing from the archive",
                situation.old, archiver.ready_segments
            ),
            "mend archive_command first (pg_stat_archiver says what failed)",
        )
    } else if archiver.ready_segments > 0 && archiver.stalled_seconds >= ARCHIVE_PATIENCE_SECONDS {
        // The stop waits for the command that runs, too: so it is asked sooner than status does.
        (
            format!(
                "archiving on {} gets nowhere: {} segments wait, and none was archived for {} s; its stop would wait for the command",
                situation.old, archiver.ready_segments, archiver.stalled_seconds
            ),
            "wait until the archiver has caught up, or end the archive_command that hangs and mend it",
        )
    } else if archiver.ready_segments > ARCHIVE_BACKLOG_LIMIT {
        (
            format!(
                "{} segments wait to be archived on {}",
                archiver.ready_segments, situation.old
            ),
            "wait until the archiver has caught up",
        )
    } else {
        return Check::pass(
            name,
            format!("{} segments wait to be archived", archiver.ready_segments),
        );
    };
    if situation.request.allow_archive_gap {
        // They stay on the old primary's volume, and are archived when it is back.
        Check::warn(name, format!("{reason}, which is accepted"))
            .next("take a base backup afterwards: no restore goes across the gap")
    } else {
        Check::refuse(name, reason).next(format!("{next}, or --allow-archive-gap"))
    }
}

fn logical_slots(situation: &Situation<'_>, target: Option<&Instance>) -> Check {
    let name = CheckName::LogicalSlots;
    let Some(facts) = primary_facts(situation) else {
        return unseen_slots(target);
    };
    // Of what is lost already nothing can be lost.
    let needed = facts
        .slots
        .iter()
        .filter(|slot| !slot.temporary && !slot.is_lost());
    let lost: Vec<String> = needed
        .filter_map(|slot| match &slot.kind {
            SlotKind::Physical => None,
            SlotKind::Logical { failover, .. } => {
                let why = why_lost(slot, *failover, target)?;
                Some(format!("{} ({why})", slot.name))
            }
        })
        .collect();
    if lost.is_empty() {
        let kept = facts.slots.iter().any(SlotFacts::is_kept_for_failover);
        return match target.filter(|_| kept) {
            Some(target) => readers_go_on(situation, target),
            None => Check::pass(name, "no logical slot would be lost"),
        };
    }
    let reason = format!("logical slots would be lost: {}", lost.join(", "));
    if situation.request.allow_slot_loss {
        Check::warn(name, reason)
    } else {
        Check::refuse(name, reason).next("--allow-slot-loss when their subscribers can start anew")
    }
}

/// Readers of slots that are made for a failover wait for every slot that `synchronized_standby_slots` names, also for one that is
/// not there (`StandbySlotsHaveCaughtup` in src/backend/replication/slot.c). The new primary has slots for the others, none of its own.
fn readers_go_on(situation: &Situation<'_>, target: &Instance) -> Check {
    let name = CheckName::LogicalSlots;
    let pod = target.name();
    let facts = target.facts();
    let named = facts.map_or("", |it| it.settings.synchronized_standby_slots.as_str());
    let there = facts.map_or(&[][..], |it| &it.slots);
    let others = situation.snapshot.instances.iter();
    let others: Vec<String> = others
        .map(Instance::name)
        .filter(|other| *other != pod)
        .map(slot_name)
        .collect();
    let is_there = |slot: &str| {
        let physical = |it: &SlotFacts| it.name == slot && it.kind == SlotKind::Physical;
        others.iter().any(|it| it == slot) || there.iter().any(physical)
    };
    let named: Vec<&str> = named
        .split(',')
        .map(|it| it.trim().trim_matches('"'))
        .filter(|it| !it.is_empty())
        .collect();
    let missing: Vec<&str> = named.iter().copied().filter(|it| !is_there(it)).collect();
    if missing.is_empty() {
        return Check::pass(name, "no logical slot would be lost");
    }
    let left: Vec<&str> = named.iter().copied().filter(|it| is_there(it)).collect();
    let reason = format!(
        "no logical slot would be lost, but their readers would wait: synchronized_standby_slots of {pod} names {}, which it will not have",
        missing.join(", ")
    );
    Check::warn(name, reason).next(format!(
        "pgctl query --write \"ALTER SYSTEM SET synchronized_standby_slots = '{}'\"   # afterwards, and then: select pg_reload_conf()",
        left.join(", ")
    ))
}

/// Since PostgreSQL 17 a slot made with `failover` is kept in step on standbys (`sync_replication_slots`).
/// A slot of its name may also be somebody's own, and a copy is temporary until it has caught up
/// (PostgreSQL documentation, section 47.2.3 "Replication Slot Synchronization"): neither takes its place.
fn why_lost(slot: &SlotFacts, failover: bool, target: Option<&Instance>) -> Option<String> {
    if !failover {
        return Some("it is not made for a failover".to_owned());
    }
    let target = target?;
    let pod = target.name();
    let there = target.facts().map_or(&[][..], |facts| &facts.slots);
    let Some(copy) = there.iter().find(|it| it.name == slot.name) else {
        return Some(format!("{pod} has no copy of it"));
    };
    match copy.kind {
        SlotKind::Logical { synced: true, .. } if copy.is_lost() => {
            let reason = copy.invalidation.as_deref().unwrap_or("lost");
            Some(format!(
                "its copy on {pod} can't be used any more: {reason}"
            ))
        }
        SlotKind::Logical { synced: true, .. } if copy.temporary => {
            Some(format!("its copy on {pod} has not caught up yet"))
        }
        SlotKind::Logical { synced: true, .. } => None,
        SlotKind::Logical { synced: false, .. } | SlotKind::Physical => {
            Some(format!("the slot of its name on {pod} is no copy of it"))
        }
    }
}

/// Nobody answers who could say which there were.
fn unseen_slots(target: Option<&Instance>) -> Check {
    let there = target
        .and_then(Instance::facts)
        .map_or(&[][..], |facts| &facts.slots);
    let usable = |slot: &&SlotFacts| {
        let synced = matches!(slot.kind, SlotKind::Logical { synced: true, .. });
        synced && !slot.temporary && !slot.is_lost()
    };
    let kept: Vec<&str> = there
        .iter()
        .filter(usable)
        .map(|it| it.name.as_str())
        .collect();
    let mut reason = "which logical slots there were is not known: no primary answers".to_owned();
    if !kept.is_empty() {
        reason += &format!("; {} would be kept", kept.join(", "));
    }
    Check::warn(CheckName::LogicalSlots, reason)
        .next("pgctl slots afterwards: subscribers whose slot is not there start anew")
}

/// Crash recovery, and with it a standby, has only their empty beginnings
/// (`ResetUnloggedRelations` in src/backend/storage/file/reinit.c).
fn unlogged(situation: &Situation<'_>) -> Check {
    let name = CheckName::UnloggedTables;
    let Some(databases) = &situation.circumstances.unlogged else {
        return Check::warn(
            name,
            "whether unlogged tables will be emptied is not known: no server could be asked",
        );
    };
    if databases.is_empty() {
        return Check::pass(name, "no unlogged table is emptied");
    }
    let each: Vec<String> = databases
        .iter()
        .map(|it| match it.bytes {
            Some(bytes) => format!("{} with {} in {}", it.tables, sizes(bytes), it.database),
            None => format!("{} in {}", it.tables, it.database),
        })
        .collect();
    Check::warn(
        name,
        format!(
            "unlogged tables will be empty on the new primary: {}",
            each.join(", ")
        ),
    )
    .next("alter table ... set logged, where their rows are needed")
}

fn prepared(situation: &Situation<'_>, target: Option<&Instance>) -> Check {
    let name = CheckName::PreparedTransactions;
    let Some(count) = primary_facts(situation).map(|facts| facts.prepared_transactions) else {
        return Check::warn(
            name,
            "whether transactions are prepared is not known: no primary answers",
        )
        .next("look at pg_prepared_xacts afterwards: they keep their locks");
    };
    let room = target
        .and_then(Instance::facts)
        .map(|facts| facts.settings.max_prepared_transactions);
    match (count, room) {
        (0, _) => Check::pass(name, "no transaction is prepared"),
        (count, Some(room)) if room < count => Check::refuse(
            name,
            format!("{count} prepared transactions, and the candidate allows {room}"),
        )
        .next("commit or roll them back (pg_prepared_xacts), or raise max_prepared_transactions"),
        (count, _) => Check::warn(
            name,
            format!("{count} prepared transactions move to the new primary with their locks"),
        ),
    }
}

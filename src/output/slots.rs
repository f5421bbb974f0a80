//! `pgctl slots`: what the slots hold back, and how long that can go on.

use super::answers::silent_lines;
use super::findings::findings_of;
use super::plain::plain;
use super::screen::{Screen, Tone};
use super::table::{Column, Table, normal};
use crate::cluster::{
    Database, Health, NoAnswer, PodAnswer, Role, ServerSlots, SlotKind, SlotReport, SlotUse,
    Snapshot, words,
};

/// The whole screen: a line and a table for each server that has slots, then what to type.
pub fn slots_screen(
    snapshot: &Snapshot,
    report: &SlotReport,
    health: &Health,
    screen: &Screen,
) -> String {
    let sample = report.sample_seconds;
    let mut parts: Vec<String> = Vec::new();
    let (with, without): (Vec<_>, Vec<_>) =
        report.servers.iter().partition(|it| !it.slots.is_empty());
    for server in with {
        let line = server_line(server, sample);
        parts.push(screen.wrap(&plain(&line), 2));
        parts.push(table(server, screen));
    }
    let without: Vec<&str> = without.iter().map(|it| it.pod.as_str()).collect();
    if !without.is_empty() {
        let line = format!("no slots on {}", without.join(", "));
        parts.push(screen.wrap(&plain(&line), 2));
    }
    if report.servers.is_empty() {
        parts.push("no database answers: nothing is known of its slots".to_owned());
    }
    parts.extend(silent_lines(&who_answers(snapshot), screen));
    let findings = health.findings.iter().filter(|it| it.object.kind == "slot");
    parts.push(findings_of(findings, screen));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n") + "\n"
}

/// Whether each server has told of its slots, or why not; and the primary, when its pod is gone.
pub(super) fn who_answers(snapshot: &Snapshot) -> Vec<PodAnswer<()>> {
    let mut answers: Vec<_> = snapshot
        .instances
        .iter()
        .map(|it| PodAnswer {
            pod: it.name().to_owned(),
            role: it.role(),
            answer: told(&it.database),
        })
        .collect();
    answers.extend(snapshot.absent_primary().map(|pod| PodAnswer {
        pod: pod.to_owned(),
        role: Role::Unknown,
        answer: Err(NoAnswer::Absent),
    }));
    answers
}

fn told(database: &Database) -> Result<(), NoAnswer> {
    match database {
        Database::Reached(_) => Ok(()),
        Database::NotRunning => Err(NoAnswer::NotRunning),
        Database::NotAllowed { reason } => Err(NoAnswer::NotAllowed(reason.clone())),
        Database::Unreachable { reason, .. } | Database::LockedOut { reason, .. } => {
            Err(NoAnswer::Silent(reason.clone()))
        }
    }
}

/// What counts of a server, in a line.
fn server_line(server: &ServerSlots, sample: Option<f64>) -> String {
    let role = match server.role {
        Role::Primary => "primary",
        Role::Standby => "standby",
        Role::Unknown => "server",
    };
    let who = format!("{role} {}", server.pod);
    let kept = match server.slots.first() {
        Some(most) if most.facts.retained_bytes > 0 => format!(
            "{} of WAL held back by {}",
            words::bytes(most.facts.retained_bytes),
            most.facts.name
        ),
        _ => "nothing is held back".to_owned(),
    };
    let free = server
        .free_bytes
        .map(|free| format!(", {} free on its volume", words::bytes(free)));
    let full = server.full_in_seconds.zip(sample).map(|(full, sample)| {
        format!(
            ", which is full in {} if it goes on as in the last {}",
            words::seconds(full),
            words::seconds(sample)
        )
    });
    format!(
        "{who}: {kept}{}{}",
        free.unwrap_or_default(),
        full.unwrap_or_default()
    )
}

fn table(server: &ServerSlots, screen: &Screen) -> String {
    // The slot of a pod is called like it: then it is known whom it is for.
    let named_so = server.slots.iter().all(|it| it.pod.is_some());
    let mut table = Table::new(&[
        Column::kept("SLOT"),
        Column::kept("STATE"),
        Column::ranked("FOR", if named_so { 5 } else { 1 }),
        Column::kept("WAL KEPT").right(),
        Column::ranked("GROWS", 4).right(),
        Column::ranked("STILL SAFE", 2).right(),
        Column::ranked("LOST IN", 3).right(),
        Column::kept("WAL STATUS"),
    ]);
    for slot in &server.slots {
        table.row(row(slot));
    }
    table.draw(screen)
}

/// What may still be written before WAL that a slot needs is removed.
pub(super) fn still_safe(bytes: Option<i64>) -> (String, Tone) {
    match bytes {
        None => normal("unlimited"),
        Some(left) if left <= 0 => ("nothing".to_owned(), Tone::Bad),
        Some(left) => normal(words::bytes(u64::try_from(left).unwrap_or(0))),
    }
}

fn row(slot: &SlotUse) -> [(String, Tone); 8] {
    let facts = &slot.facts;
    let state = match (facts.is_lost(), facts.active) {
        (true, _) => match &facts.invalidation {
            Some(reason) => (format!("lost: {reason}"), Tone::Bad),
            None => ("lost".to_owned(), Tone::Bad),
        },
        (false, true) => normal("in use"),
        (false, false) => ("idle".to_owned(), Tone::Warning),
    };
    let consumer = match (&facts.kind, &slot.pod) {
        (SlotKind::Physical, Some(pod)) => normal(pod),
        (SlotKind::Physical, None) => match &slot.scaled_away {
            Some(pod) => (format!("{pod}, scaled away"), Tone::Warning),
            None => normal("no pod of the cluster"),
        },
        (
            SlotKind::Logical {
                database, plugin, ..
            },
            _,
        ) => normal(format!("logical: {database} ({plugin})")),
    };
    let growth = match slot.growth {
        None => normal("?"),
        Some(growth) if growth < 0.0 => normal(format!("-{}", words::rate(-growth))),
        Some(growth) => normal(words::rate(growth)),
    };
    let safe = still_safe(facts.safe_wal_bytes);
    let lost_in = match slot.lost_in_seconds {
        None => normal("-"),
        Some(seconds) => (words::seconds(seconds), Tone::Warning),
    };
    let status = facts.wal_status.clone().unwrap_or_default();
    let tone = if slot.endangered() {
        Tone::Bad
    } else {
        Tone::Normal
    };
    [
        normal(&facts.name),
        state,
        consumer,
        normal(words::bytes(facts.retained_bytes)),
        growth,
        safe,
        lost_in,
        (status, tone),
    ]
}

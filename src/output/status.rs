//! `pgctl status`: the answer first, then what it rests on, last what to type.

use super::backup::last_backup_section;
use super::findings::findings_section;
use super::plain::plain;
use super::screen::{Screen, Tone};
use super::sections::{autoscaler_section, instances_section, services_section, volumes_section};
use super::wal::last_archive_section;
use crate::backup::catalogue::LastBackup;
use crate::cluster::{Behind, FindingCode, Health, HealthVerdict, Snapshot, words};
use crate::wal_archive::LastArchive;

/// The whole screen of one cluster. `kept`: what a store has of it, when one is configured.
pub fn status_screen(
    snapshot: &Snapshot,
    health: &Health,
    kept: Option<(&LastBackup, &LastArchive)>,
    screen: &Screen,
) -> String {
    let mut parts = vec![verdict_line(health, screen)];
    parts.push(instances_section(snapshot, health, screen));
    parts.push(services_section(snapshot, screen));
    parts.push(autoscaler_section(snapshot, screen));
    parts.push(volumes_section(snapshot, screen));
    if let Some((backup, archive)) = kept {
        parts.push(last_backup_section(backup, snapshot.taken, screen));
        parts.push(last_archive_section(archive, snapshot.taken, screen));
    }
    parts.push(findings_section(health, screen));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n") + "\n"
}

/// The verdict with the parts of the headline, and below it the most urgent problem.
pub fn verdict_line(health: &Health, screen: &Screen) -> String {
    let headline = &health.headline;
    let mut facts = Vec::new();
    if let Some(version) = headline.version {
        facts.push(format!("PostgreSQL {}", words::server_version(version)));
    }
    if let Some(timeline) = headline.timeline {
        facts.push(format!("timeline {timeline}"));
    }
    facts.push(match &headline.primary {
        Some(primary) => format!("primary {primary}"),
        None if health
            .findings
            .iter()
            .any(|f| f.code == FindingCode::SplitBrain) =>
        {
            "several primaries".to_owned()
        }
        None => match &headline.silent_primary {
            Some(primary) => format!("primary {primary} (no answer)"),
            None => "no primary".to_owned(),
        },
    });
    facts.push(format!(
        "{} of {} standbys streaming",
        headline.streaming, headline.wanted
    ));
    if let Some((_, behind)) = &headline.worst_lag {
        facts.push(format!("worst lag {}", behind_words(behind)));
    }
    let verdict = health.verdict.to_string();
    let line = format!(
        "{verdict} {}: {}",
        plain(&headline.cluster.to_string()),
        plain(&facts.join(", "))
    );
    let line = screen.wrap(&line, 2);
    // Painted after wrapping: colours have no width.
    let painted = screen.paint(verdict_tone(health.verdict), &verdict);
    let mut text = format!("{painted}{}", &line[verdict.len()..]);
    let mut problems = health.problems();
    if let Some(first) = problems.next() {
        let more = match problems.count() {
            0 => String::new(),
            more => format!(" (and {more} more, below)"),
        };
        let first = format!("{}: {}{more}", first.object, first.what);
        text.push('\n');
        text.push_str(&screen.paint(Tone::Strong, &screen.wrap(&plain(&first), 2)));
    }
    text
}

/// Lag in words: `16 MiB (3.4s)`.
pub(super) fn behind_words(behind: &Behind) -> String {
    let bytes = behind
        .bytes
        .map_or_else(|| "unknown".to_owned(), words::bytes);
    match behind.time {
        Some(time) => {
            let most = if time.at_most { "≤" } else { "" };
            format!("{bytes} ({most}{})", words::seconds(time.seconds))
        }
        None => bytes,
    }
}

pub(super) fn verdict_tone(verdict: HealthVerdict) -> Tone {
    match verdict {
        HealthVerdict::Healthy => Tone::Good,
        HealthVerdict::Degraded => Tone::Warning,
        HealthVerdict::Critical => Tone::Bad,
    }
}

//! `pgctl wal list`.

use jiff::Timestamp;

use super::super::screen::{Screen, Tone};
use super::super::table::{Column, Table, normal};
use super::view::ArchiveView;
use super::words::{break_line, moment, recoverable_line};
use crate::cluster::suggestion::option;
use crate::cluster::words;
use crate::output::plain;
use crate::wal::WalRun;

/// The archives of a store.
pub fn wal_archives_screen(
    archives: &[ArchiveView],
    store: &str,
    now: Timestamp,
    screen: &Screen,
) -> String {
    if archives.is_empty() {
        let line = plain(&format!("no WAL is archived in {store}"));
        let command = screen
            .given
            .suggestion(&format!("pgctl wal archive {}", option("--store", store)));
        return format!(
            "{}\ntype: {}\n",
            screen.wrap(&line, 2),
            screen.paint(Tone::Strong, &command)
        );
    }
    let archives: Vec<String> = archives
        .iter()
        .map(|archive| one(archive, store, now, screen))
        .collect();
    archives.join("\n")
}

fn one(archive: &ArchiveView, store: &str, now: Timestamp, screen: &Screen) -> String {
    let mut text = String::new();
    let mut say = |tone, line: &str| {
        text.push_str(&screen.paint(tone, &screen.wrap(&plain(line), 2)));
        text.push('\n');
    };
    let head = format!("{}, system {}", archive.name(), archive.system_identifier);
    say(Tone::Strong, &head);
    let (tone, line) = match archive.protection() {
        Some(protection) => recoverable_line(&protection, now),
        None => (Tone::Bad, "it can't be read".to_owned()),
    };
    say(tone, &line);
    if let Some(facts) = archive.facts() {
        let runs = facts.runs();
        if !runs.is_empty() {
            text.push_str(&table(&runs, now).draw(screen));
            text.push('\n');
        }
    }
    let mut say = |tone, line: &str| {
        text.push_str(&screen.paint(tone, &screen.wrap(&plain(line), 2)));
        text.push('\n');
    };
    for it in archive.breaks() {
        let tone = if it.closed { Tone::Faint } else { Tone::Bad };
        say(tone, &break_line(&it));
    }
    for it in archive.unreadables() {
        say(Tone::Bad, &it);
    }
    let open = archive.breaks().iter().any(|it| !it.closed);
    if archive.facts().is_some() && (open || archive.backups().is_empty()) {
        let command = format!("pgctl backup --physical {}", option("--store", store));
        let command = screen.given.suggestion(&command);
        text.push_str(&format!("type: {}\n", screen.paint(Tone::Strong, &command)));
    }
    text
}

fn table(runs: &[WalRun], now: Timestamp) -> Table {
    let mut table = Table::new(&[
        Column::kept("TL").right(),
        Column::kept("FROM"),
        Column::kept("TO"),
        Column::ranked("SEGMENTS", 2).right(),
        Column::ranked("SIZE", 1).right(),
        Column::ranked("WAL RATE", 4).right(),
        Column::ranked("STORED", 3).right(),
        Column::ranked("LAST COMMIT", 5),
    ]);
    for run in runs {
        let seconds = run.last_stored.duration_since(run.first_stored).as_secs();
        let rate = match seconds {
            1.. => words::rate(run.to.bytes_since(run.from) as f64 / seconds as f64),
            _ => String::new(),
        };
        let ago = now.duration_since(run.last_stored).as_secs();
        table.row([
            normal(run.timeline.to_string()),
            normal(run.from.to_string()),
            normal(run.to.to_string()),
            normal(run.segments.to_string()),
            normal(words::bytes(run.stored_bytes)),
            normal(rate),
            normal(format!("{} ago", words::age(ago))),
            normal(run.last_commit.map(moment).unwrap_or_default()),
        ]);
    }
    table
}

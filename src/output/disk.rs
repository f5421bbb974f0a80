//! `pgctl disk`.

use std::collections::BTreeMap;

use super::answers::{heading, silent_lines};
use super::plain::plain;
use super::screen::{Screen, Tone};
use super::table::{Column, Table, normal};
use crate::cluster::{
    DatabaseSpace, DiskGrowth, DiskUsage, Mount, PodAnswer, TableSpace, answered, words,
};

/// What was seen of the volumes.
#[derive(Debug, Clone, PartialEq)]
pub struct DiskView {
    /// What each server said.
    pub answers: Vec<PodAnswer<DiskUsage>>,
    /// How fast each grows, by pod, where it was seen twice.
    pub growth: BTreeMap<String, DiskGrowth>,
    /// How many percent of a volume may be used.
    pub max_used_percent: u8,
}

impl DiskView {
    /// Whether a volume is fuller than it may be.
    pub fn is_near_full(&self, usage: &DiskUsage) -> bool {
        usage.mounts.iter().any(|it| self.is_fuller(it))
    }

    fn is_fuller(&self, mount: &Mount) -> bool {
        mount.used_percent() > f64::from(self.max_used_percent)
    }
}

/// A table of it that could be given back and is so large a share is worth a colour.
const BLOATED: f64 = 0.3;

/// Lines and tables for each server, then those that do not answer.
pub fn disk_screen(view: &DiskView, screen: &Screen) -> String {
    let mut parts = Vec::new();
    let mut estimated = false;
    for (answer, usage) in answered(&view.answers) {
        let growth = view.growth.get(&answer.pod);
        let mut mounts: Vec<&Mount> = usage.mounts.iter().collect();
        mounts.sort_by(|a, b| b.used_percent().total_cmp(&a.used_percent()));
        let words = |it: &Mount| volume_words(it, usage.mounts.len() > 1, growth);
        let first = mounts.first().map_or_else(
            || "how full its volume is is not known".to_owned(),
            |it| words(it),
        );
        let paint = |line: String, near_full| match near_full {
            true => screen.paint(Tone::Bad, &line),
            false => line,
        };
        let line = heading(answer, &first, screen);
        let mut lines = vec![paint(line, view.is_near_full(usage))];
        lines.extend(mounts.iter().skip(1).map(|mount| {
            let line = screen.wrap(&plain(&format!("  {}", words(mount))), 4);
            paint(line, view.is_fuller(mount))
        }));
        parts.push(lines.join("\n"));
        parts.push(screen.wrap(&plain(&space_words(&usage.space, growth)), 4));
        if let Some(tables) = &usage.tables {
            parts.push(databases_table(&usage.space, screen));
            if !tables.is_empty() {
                parts.push(tables_table(tables, screen));
                estimated |= tables.iter().any(|it| it.bloat_bytes.is_some());
            }
        }
        for why in &usage.unseen {
            let line = format!("not looked at: {why}");
            parts.push(screen.paint(Tone::Warning, &screen.wrap(&plain(&line), 2)));
        }
    }
    if estimated {
        let line = "BLOAT is estimated, by the width of the columns and the number of rows at the last ANALYZE";
        parts.push(screen.paint(Tone::Faint, &screen.wrap(line, 2)));
    }
    parts.extend(silent_lines(&view.answers, screen));
    parts.join("\n\n") + "\n"
}

/// One of its volumes.
fn volume_words(mount: &Mount, several: bool, growth: Option<&DiskGrowth>) -> String {
    let mut text = format!(
        "{} of {} used, {:.0}%, {} free",
        words::bytes(mount.used_bytes),
        words::bytes(mount.size_bytes),
        mount.used_percent(),
        words::bytes(mount.available_bytes)
    );
    if several {
        text += &format!(" on {}", mount.path);
    }
    if let Some((growth, volume)) = growth.and_then(|it| Some((it, it.of(mount)?))) {
        text += &match volume.full_in_seconds {
            Some(full) => format!(
                "; it grows by {} and is full in {} if it goes on as in the last {}",
                words::rate(volume.bytes_per_second),
                words::seconds(full),
                words::seconds(growth.sample_seconds)
            ),
            None => "; it does not grow".to_owned(),
        };
    }
    text
}

fn space_words(space: &DatabaseSpace, growth: Option<&DiskGrowth>) -> String {
    let grows = |pace: Option<f64>| match pace {
        Some(pace) if pace >= 1.0 => format!(" (+{})", words::rate(pace)),
        _ => String::new(),
    };
    let mut text = format!(
        "  databases {}{}, WAL {}{} (max_wal_size {})",
        words::bytes(space.database_bytes()),
        grows(growth.map(|it| it.databases)),
        words::bytes(space.wal_bytes),
        grows(growth.map(|it| it.wal)),
        words::bytes(space.max_wal_bytes),
    );
    if let Some(most) = space.slots.first().filter(|it| it.bytes > 0) {
        let held = words::bytes(most.bytes);
        text += &format!(", {held} of it held back by the slot {}", most.name);
    }
    text += &format!(", temporary files {}", words::bytes(space.temp_bytes));
    text
}

fn databases_table(space: &DatabaseSpace, screen: &Screen) -> String {
    let mut table = Table::new(&[Column::kept("DATABASE"), Column::kept("SIZE").right()]);
    for database in &space.databases {
        table.row([normal(&database.name), normal(words::bytes(database.bytes))]);
    }
    table.draw(screen)
}

#[expect(clippy::cast_precision_loss, reason = "a ratio")]
fn tables_table(tables: &[TableSpace], screen: &Screen) -> String {
    let mut table = Table::new(&[
        Column::kept("TABLE"),
        Column::kept("SIZE").right(),
        Column::ranked("ROWS", 3).right(),
        Column::ranked("INDEXES", 2).right(),
        Column::ranked("TOAST", 4).right(),
        Column::kept("BLOAT").right(),
        Column::ranked("DEAD ROWS", 1).right(),
    ]);
    for it in tables {
        let share = |part: u64, all: u64| match all {
            0 => 0.0,
            all => part as f64 / all as f64,
        };
        let bloat = match it.bloat_bytes {
            None => normal("?"),
            Some(bytes) => {
                let part = share(bytes, it.heap_bytes);
                let text = format!("{} ({:.0}%)", words::bytes(bytes), part * 100.0);
                let tone = match part >= BLOATED {
                    true => Tone::Warning,
                    false => Tone::Normal,
                };
                (text, tone)
            }
        };
        let dead = share(it.dead_rows, it.dead_rows + it.live_rows);
        table.row([
            normal(format!("{}.{}", it.database, it.name)),
            normal(words::bytes(it.total_bytes)),
            normal(words::bytes(it.heap_bytes)),
            normal(words::bytes(it.index_bytes)),
            normal(words::bytes(it.toast_bytes)),
            bloat,
            normal(format!("{} ({:.0}%)", it.dead_rows, dead * 100.0)),
        ]);
    }
    table.draw(screen)
}

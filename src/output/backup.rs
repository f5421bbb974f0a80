//! `pgctl backup` and what belongs to it, for people.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::screen::{Screen, Tone};
use super::table::{Column, Table, normal};
use crate::backup::catalogue::{
    Catalogue, Doomed, Entry, KeepReason, LastBackup, RetentionVerdict, Undeletable,
};
use crate::backup::format::{Content, Kind, Manifest, RestoreTest, Verification};
use crate::cluster::words;
use crate::wal::{ArchiveObject, ExpiredWal};

/// What a backup holds, in a word or two.
pub(super) fn what(manifest: &Manifest) -> String {
    let database = manifest
        .archives
        .first()
        .and_then(|archive| match &archive.content {
            Content::Database { database, .. } => Some(database.as_str()),
            Content::Globals | Content::BaseBackup => None,
        });
    match (manifest.backup, database) {
        (Kind::Database, Some(name)) => format!("database {name}"),
        (kind, _) => kind.name().to_owned(),
    }
}

/// A backup that was just taken. `quiet`: its name only.
pub fn backup_taken(manifest: &Manifest, store: &str, screen: &Screen, quiet: bool) -> String {
    if quiet {
        return format!("{}\n", manifest.id);
    }
    let seconds = manifest
        .ended
        .duration_since(manifest.started)
        .as_secs_f64();
    let raw = manifest.raw_bytes();
    let stored = manifest.stored_bytes();
    let line = format!(
        "{} {} of {}: {} in {} ({} uncompressed), verified, timeline {}, {} to {}",
        what(manifest),
        manifest.id,
        manifest.source.cluster,
        words::bytes(stored),
        words::seconds(seconds),
        words::bytes(raw),
        manifest.wal.timeline,
        manifest.wal.start,
        manifest.wal.end,
    );
    format!(
        "{}\n{}\n",
        screen.wrap(&super::plain(&line), 2),
        screen.paint(Tone::Faint, &super::plain(&format!("in {store}")))
    )
}

/// The backups of a store.
pub fn backups_screen(
    catalogue: &Catalogue,
    store: &str,
    now: Timestamp,
    screen: &Screen,
) -> String {
    let store = super::plain(store);
    let mut text = String::new();
    if catalogue.entries.is_empty() {
        text.push_str(&format!("no backup in {store}\n"));
    } else {
        let mut table = Table::new(&[
            Column::kept("BACKUP"),
            Column::kept("TYPE"),
            Column::kept("AGE").right(),
            Column::ranked("SIZE", 2).right(),
            Column::kept("VERIFIED").right(),
            Column::ranked("VERSION", 4).right(),
            Column::ranked("TL", 5).right(),
            Column::ranked("FROM", 3),
            Column::ranked("LABEL", 6),
            Column::wide("UNCOMPRESSED").right(),
            Column::wide("WAL"),
            Column::wide("ENCRYPTED"),
            Column::wide("RESTORED").right(),
        ]);
        for entry in &catalogue.entries {
            table.row(row(entry, now));
        }
        text.push_str(&table.draw(screen));
        text.push('\n');
    }
    for entry in &catalogue.entries {
        let not_restored = entry.restore_tests().flat_map(|test| {
            let when = words::age(now.duration_since(test.at).as_secs());
            let told = move |problem: &String| format!("not restored, {when} ago: {problem}");
            test.problems.iter().map(told)
        });
        for problem in entry.problems().into_iter().chain(not_restored) {
            let line = format!("{}: {problem}", entry.id);
            text.push_str(&screen.paint(Tone::Bad, &screen.wrap(&super::plain(&line), 2)));
            text.push('\n');
        }
    }
    for entry in &catalogue.entries {
        let Ok(manifest) = &entry.manifest else {
            continue;
        };
        if !manifest.left_out.is_empty() {
            let line = format!(
                "{}: without {}, which nobody could connect to",
                entry.id,
                manifest.left_out.join(", ")
            );
            text.push_str(&screen.paint(Tone::Warning, &screen.wrap(&super::plain(&line), 2)));
            text.push('\n');
        }
    }
    if !catalogue.partial.is_empty() {
        let line = format!(
            "not backups, being written or left unfinished: {}",
            catalogue.partial.join(", ")
        );
        text.push_str(&screen.paint(Tone::Faint, &screen.wrap(&super::plain(&line), 2)));
        text.push('\n');
    }
    text
}

fn row(entry: &Entry, now: Timestamp) -> [(String, Tone); 13] {
    let since = |time: Timestamp| words::age(now.duration_since(time).as_secs());
    let Ok(manifest) = &entry.manifest else {
        let mut cells: [(String, Tone); 13] = std::array::from_fn(|_| normal(""));
        cells[0] = normal(entry.id.clone());
        cells[4] = ("BROKEN".to_owned(), Tone::Bad);
        return cells;
    };
    let verified = match entry.verified() {
        Some(time) => (format!("{} ago", since(time)), Tone::Good),
        None => ("BROKEN".to_owned(), Tone::Bad),
    };
    [
        normal(entry.id.clone()),
        normal(what(manifest)),
        normal(since(manifest.started)),
        normal(words::bytes(manifest.stored_bytes())),
        verified,
        normal(words::server_version(manifest.server_version)),
        normal(manifest.wal.timeline.to_string()),
        normal(format!(
            "{} ({})",
            manifest.source.pod, manifest.source.role
        )),
        normal(manifest.label.clone().unwrap_or_default()),
        normal(words::bytes(manifest.raw_bytes())),
        normal(format!("{} to {}", manifest.wal.start, manifest.wal.end)),
        normal(if manifest.encrypted_for.is_empty() {
            "no"
        } else {
            "age"
        }),
        match entry.restore_test() {
            None => normal("never tried"),
            Some(test) if test.problems.is_empty() => normal(format!("{} ago", since(test.at))),
            Some(_) => ("FAILED".to_owned(), Tone::Bad),
        },
    ]
}

/// The newest backup of a cluster that is known to be whole, or why none can be shown.
pub(super) fn last_backup_section(last: &LastBackup, now: Timestamp, screen: &Screen) -> String {
    let mut table = Table::new(&[
        Column::kept("LAST VERIFIED BACKUP"),
        Column::kept("TYPE"),
        Column::kept("AGE").right(),
        Column::ranked("VERIFIED", 2).right(),
        Column::ranked("STORE", 3),
    ]);
    let since = |time: Timestamp| words::age(now.duration_since(time).as_secs().max(0));
    let store = normal(last.store.clone());
    match &last.found {
        Ok(Some(newest)) => table.row([
            normal(newest.id.clone()),
            normal(newest.kind.name()),
            (since(newest.started), Tone::Strong),
            normal(format!("{} ago", since(newest.verified))),
            store,
        ]),
        Ok(None) => table.row([
            ("none of this cluster".to_owned(), Tone::Warning),
            normal(""),
            normal(""),
            normal(""),
            store,
        ]),
        Err(why) => table.row([
            (format!("unknown: {why}"), Tone::Warning),
            normal(""),
            normal(""),
            normal(""),
            store,
        ]),
    }
    table.draw(screen)
}

/// What verifying found. `tested`: with a restore test. `quiet`: only what is wrong.
pub fn verified_screen(
    results: &[Verification],
    tested: bool,
    screen: &Screen,
    quiet: bool,
) -> String {
    let mut text = String::new();
    let mut line = |tone, word: &str, what: &str| {
        let line = screen.wrap(&super::plain(&format!("{word} {what}")), 2);
        text.push_str(&screen.paint(tone, word));
        text.push_str(&line[word.len()..]);
        text.push('\n');
    };
    for result in results {
        let id = &result.id;
        if result.problems.is_empty() && !quiet {
            let how = if result.content {
                "whole: every file and its content to the end"
            } else {
                "as it was stored; to look into it give --identity FILE"
            };
            line(Tone::Good, "ok", &format!("{id}: {how}"));
        }
        for problem in &result.problems {
            line(Tone::Bad, "BROKEN", &format!("{id}: {problem}"));
        }
        let Some(test) = result.restore_test.as_ref().filter(|_| tested) else {
            continue;
        };
        if test.problems.is_empty() && !quiet {
            line(Tone::Good, "ok", &format!("{id}: {}", restored(test)));
        }
        for problem in &test.problems {
            line(Tone::Bad, "NOT RESTORED", &format!("{id}: {problem}"));
        }
    }
    text
}

fn restored(test: &RestoreTest) -> String {
    let how = if test.amcheck {
        "pg_amcheck finds nothing wrong"
    } else {
        "every row was read"
    };
    let wal = match test.wal_segments {
        Some(segments) => format!(
            ", with all of the archived WAL ({})",
            words::counted(segments, "segment")
        ),
        None => String::new(),
    };
    format!(
        "restored into a throw-away PostgreSQL {}{wal}: {} databases, {} tables, {} rows; {how}",
        test.server, test.databases, test.tables, test.rows
    )
}

/// What `prune` decided and did.
#[derive(Debug, Clone)]
pub struct Pruning {
    /// The store, as `--store` takes it.
    pub store: String,
    /// Whether it was only looked at.
    pub dry_run: bool,
    /// What is to become of each backup, newest first.
    pub verdicts: Vec<RetentionVerdict>,
    /// Backups whose manifest can't be read: left alone.
    pub unreadable: Vec<String>,
    /// Begun long ago and never finished.
    pub given_up: Vec<String>,
    /// Ids of the backups that were deleted.
    pub deleted: Vec<String>,
    /// What could not be.
    pub failed: Vec<Undeleted>,
    /// Archived WAL that no backup that stays needs.
    pub wal: Vec<WalPruning>,
}

/// What is to become of the WAL of one archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalPruning {
    /// Path of the archive in the store.
    pub folder: String,
    /// What goes; or why nothing does.
    pub expired: Result<ExpiredWal, String>,
    /// How many of the objects are gone.
    pub deleted: usize,
    /// What could not be deleted, and why.
    pub failed: Option<Undeletable>,
}

impl WalPruning {
    /// Paths of what goes, oldest first.
    pub fn paths(&self) -> Vec<String> {
        let objects = self.expired.as_ref().map_or(&[][..], |it| &it.objects);
        let path = |object: &ArchiveObject| format!("{}/{object}", self.folder);
        objects.iter().map(path).collect()
    }
}

/// A backup that could not be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Undeleted {
    /// The backup's name in the store.
    pub id: String,
    /// What the store said.
    pub reason: String,
}

impl Pruning {
    /// What goes, oldest first: should it stop midway, the newest are still there.
    pub fn doomed(&self) -> Doomed {
        let old = self.verdicts.iter().rev().filter(|verdict| !verdict.keep());
        Doomed {
            unfinished: self.given_up.clone(),
            old: old.map(|verdict| verdict.id.clone()).collect(),
            wal: self.wal.iter().flat_map(WalPruning::paths).collect(),
        }
    }
}

pub(super) fn reason(reason: KeepReason) -> &'static str {
    match reason {
        KeepReason::NewestVerified => "newest verified",
        KeepReason::Last => "among the last",
        KeepReason::Daily => "of its day",
        KeepReason::Weekly => "of its week",
        KeepReason::Window => "for the window",
        KeepReason::AheadOfClock => "began in the future: check the clocks",
    }
}

/// What is to become of the WAL of an archive, in words.
fn wal_line(wal: &WalPruning) -> String {
    let expired = match &wal.expired {
        Ok(expired) => expired,
        Err(why) => return format!("{}: all of the WAL stays: {why}", wal.folder),
    };
    let what = format!(
        "{} segments of WAL before {} ({}), which no base backup that stays needs",
        expired.segments,
        expired.before,
        words::bytes(expired.stored_bytes)
    );
    match (&wal.failed, wal.deleted) {
        (Some(failed), deleted) => format!(
            "{}: {deleted} of {} objects of {what}, are deleted; {} could not be: {}",
            wal.folder,
            expired.objects.len(),
            failed.path,
            failed.reason
        ),
        (None, 0) => format!("{}: delete {what}", wal.folder),
        (None, _) => format!("{}: deleted {what}", wal.folder),
    }
}

/// What stays, what goes and why.
pub fn pruning_screen(pruning: &Pruning, screen: &Screen) -> String {
    let mut table = Table::new(&[
        Column::kept("BACKUP"),
        Column::kept("VERDICT"),
        Column::kept("WHY"),
    ]);
    let gone = |id: &str| pruning.deleted.iter().any(|deleted| deleted == id);
    let failed = |id: &str| pruning.failed.iter().any(|failed| failed.id == id);
    let goes = |id: &str| match (gone(id), failed(id)) {
        (true, _) => ("deleted".to_owned(), Tone::Warning),
        (_, true) => ("not deleted".to_owned(), Tone::Bad),
        _ => ("delete".to_owned(), Tone::Warning),
    };
    for verdict in &pruning.verdicts {
        let why: Vec<&str> = verdict.reasons.iter().copied().map(reason).collect();
        let (word, why) = if verdict.keep() {
            (("keep".to_owned(), Tone::Good), why.join(", "))
        } else {
            (goes(&verdict.id), "nothing asks for it".to_owned())
        };
        table.row([normal(verdict.id.clone()), word, normal(why)]);
    }
    for id in &pruning.given_up {
        table.row([normal(id.clone()), goes(id), normal("never finished")]);
    }
    for id in &pruning.unreadable {
        table.row([
            normal(id.clone()),
            ("left alone".to_owned(), Tone::Bad),
            normal("its manifest can't be trusted: look, and delete it by hand"),
        ]);
    }
    let mut text = table.draw(screen);
    if pruning.verdicts.is_empty() && pruning.given_up.is_empty() && pruning.unreadable.is_empty() {
        text = format!("no backup in {}", super::plain(&pruning.store));
    }
    text.push('\n');
    for wal in &pruning.wal {
        text.push_str(&screen.wrap(&super::plain(&wal_line(wal)), 2));
        text.push('\n');
    }
    if pruning.dry_run {
        text.push_str("nothing was deleted: --dry-run\n");
    }
    for undeleted in &pruning.failed {
        let (id, reason) = (&undeleted.id, &undeleted.reason);
        let line = format!("{id} could not be deleted: {reason}");
        text.push_str(&screen.wrap(&super::plain(&line), 2));
        text.push('\n');
    }
    let wal_failed = pruning.wal.iter().any(|it| it.failed.is_some());
    if !pruning.failed.is_empty() || wal_failed {
        text.push_str("the same command once more goes on\n");
    }
    text
}

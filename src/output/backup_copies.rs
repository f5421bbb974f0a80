//! Backups in a second store, for people: what was copied, what `--copy-to` came to, and how copies compare.

use super::plain::plain;
use super::screen::{Screen, Tone};
use super::table::{Column, Table, normal};
use crate::backup::copy::{Comparison, CopyState};
use crate::cluster::words::{self, shell_word};

/// More of them than this are named by `--all`.
const NAMED: usize = 5;

/// What `pgctl backup copy` did.
#[derive(Debug, Clone)]
pub struct BackupCopies {
    /// The store that was copied from, as `--store` takes it.
    pub from: String,
    /// The store that was copied to.
    pub to: String,
    /// Whether it was only looked at.
    pub dry_run: bool,
    /// What came of each, in the order asked.
    pub backups: Vec<BackupCopy>,
}

/// What came of one.
#[derive(Debug, Clone)]
pub struct BackupCopy {
    /// The backup's name in both stores.
    pub id: String,
    /// Bytes of its archives; none when its manifest can't be trusted.
    pub stored_bytes: Option<u64>,
    /// What came of it.
    pub outcome: CopyOutcome,
    /// What to type about it.
    pub next: Option<String>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyOutcome {
    /// It is in the second store now.
    Copied,
    /// It was there before, and is equal.
    AlreadyThere,
    /// It would be copied.
    ToBeCopied,
    /// It is not fit to be copied, or something else has its name, and why.
    Refused(String),
    /// A store did not answer, or did not take it.
    Failed(String),
    /// A store had failed before its turn came, or somebody had interrupted.
    NotTried,
}

impl CopyOutcome {
    /// In a word or two.
    fn shown(&self) -> (&'static str, Tone) {
        match self {
            Self::Copied => ("copied", Tone::Good),
            Self::AlreadyThere => ("already there", Tone::Good),
            Self::ToBeCopied => ("to be copied", Tone::Normal),
            Self::Refused(_) | Self::Failed(_) => ("not copied", Tone::Bad),
            Self::NotTried => ("not tried", Tone::Warning),
        }
    }

    /// Why it is not in the second store, when it was tried.
    pub fn problem(&self) -> Option<&str> {
        match self {
            Self::Refused(problem) | Self::Failed(problem) => Some(problem),
            Self::Copied | Self::AlreadyThere | Self::ToBeCopied | Self::NotTried => None,
        }
    }
}

/// What became of the second store of `pgctl backup --copy-to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyEnd {
    /// The store, as `--copy-to` takes it.
    pub store: String,
    /// Why the backup is not there; none when it is.
    pub problem: Option<String>,
}

impl CopyEnd {
    /// What to type when the backup of this name is not there.
    pub fn next(&self, id: &str) -> String {
        format!(
            "pgctl backup copy {} --to {}",
            shell_word(id),
            shell_word(&self.store)
        )
    }
}

/// What was copied and what was not, and why. `quiet`: only the latter.
pub fn backup_copies_screen(copies: &BackupCopies, screen: &Screen, quiet: bool) -> String {
    let mut text = String::new();
    if !quiet {
        text += &copies_table(copies, screen);
        let line = format!("from {} to {}", copies.from, copies.to);
        text += &format!("{}\n", screen.paint(Tone::Faint, &plain(&line)));
        if copies.dry_run {
            text += "nothing was copied: --dry-run\n";
        }
    }
    let mut said: Vec<&str> = Vec::new();
    for copy in &copies.backups {
        if let Some(problem) = copy.outcome.problem() {
            let line = screen.wrap(&plain(&format!("{}: {problem}", copy.id)), 2);
            text += &format!("{}\n", screen.paint(Tone::Bad, &line));
        }
    }
    for next in copies.backups.iter().filter_map(|it| it.next.as_deref()) {
        if !said.contains(&next) {
            said.push(next);
            text += &next_line(next, screen);
        }
    }
    let goes_on =
        |it: &BackupCopy| matches!(it.outcome, CopyOutcome::Failed(_) | CopyOutcome::NotTried);
    if copies.backups.iter().any(goes_on) {
        text += "the same command once more goes on\n";
    }
    text
}

fn copies_table(copies: &BackupCopies, screen: &Screen) -> String {
    let mut table = Table::new(&[
        Column::kept("BACKUP"),
        Column::ranked("SIZE", 2).right(),
        Column::kept("COPY"),
    ]);
    for copy in &copies.backups {
        let (word, tone) = copy.outcome.shown();
        let size = copy.stored_bytes.map(words::bytes).unwrap_or_default();
        table.row([
            normal(copy.id.clone()),
            normal(size),
            (word.to_owned(), tone),
        ]);
    }
    format!("{}\n", table.draw(screen))
}

/// What became of the copy of a backup that was just taken.
pub fn copy_end_screen(id: &str, end: &CopyEnd, screen: &Screen) -> String {
    match &end.problem {
        None => {
            let line = format!("copied to {}", end.store);
            format!("{}\n", screen.paint(Tone::Faint, &plain(&line)))
        }
        Some(problem) => {
            let line = format!("NOT in {}: {problem}", end.store);
            let line = screen.paint(Tone::Bad, &screen.wrap(&plain(&line), 2));
            format!("{line}\n{}", next_line(&end.next(id), screen))
        }
    }
}

/// How the copies in a second store compare. `broken`: those that are not whole in the first one. `quiet`: only those that
/// lack or differ.
pub fn comparisons_screen(
    compared: &[Comparison],
    store: &str,
    broken: &[&str],
    screen: &Screen,
    quiet: bool,
) -> String {
    let mut text = String::new();
    let mut line = |tone, word: &str, what: &str| {
        let line = screen.wrap(&plain(&format!("{word} {what}")), 2);
        text.push_str(&screen.paint(tone, word));
        text.push_str(&line[word.len()..]);
        text.push('\n');
    };
    for Comparison { id, state } in compared {
        match state {
            CopyState::Equal if quiet => {}
            CopyState::Equal => line(
                Tone::Good,
                "ok",
                &format!("{id}: the copy in {store} is equal, every file of it by its checksum"),
            ),
            CopyState::Lacking => line(
                Tone::Bad,
                "LACKING",
                &format!("{id}: there is no copy in {store}"),
            ),
            CopyState::Different { problems, whole } => {
                for problem in problems {
                    let what = format!("{id}: of the copy in {store}: {problem}");
                    line(Tone::Bad, "DIFFERENT", &what);
                }
                if *whole {
                    let what = format!("{id}: by itself the copy in {store} is whole");
                    line(Tone::Warning, "note", &what);
                }
            }
            CopyState::Unknown(why) => line(
                Tone::Warning,
                "UNKNOWN",
                &format!("{id}: of the copy in {store}: {why}"),
            ),
        }
    }
    let is_copyable =
        |it: &&Comparison| it.state == CopyState::Lacking && !broken.contains(&it.id.as_str());
    let lacking = compared.iter().filter(is_copyable);
    let lacking: Vec<String> = lacking.map(|it| shell_word(&it.id)).collect();
    if !lacking.is_empty() {
        let named = match lacking.len() > NAMED {
            true => "--all".to_owned(),
            false => lacking.join(" "),
        };
        let next = format!("pgctl backup copy {named} --to {}", shell_word(store));
        text += &next_line(&next, screen);
    }
    text
}

fn next_line(next: &str, screen: &Screen) -> String {
    format!("  next: {}\n", screen.given.suggestion(next))
}

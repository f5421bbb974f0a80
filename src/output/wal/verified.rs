//! `pgctl wal verify`.

use super::super::screen::{Screen, Tone};
use super::view::ArchiveView;
use super::words::break_line;
use crate::cluster::words;
use crate::output::plain;
use crate::wal_archive::VerifiedWal;

/// An archive that was read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedArchive {
    /// The archive.
    pub view: ArchiveView,
    /// What was found in its segments.
    pub found: VerifiedWal,
}

impl VerifiedArchive {
    /// Whether nothing is wrong with it, and nothing is missing behind the last base backup.
    pub fn is_whole(&self) -> bool {
        self.found.problems.is_empty() && self.view.is_whole()
    }

    /// All that is wrong with it, gaps that a later base backup has closed excepted.
    pub fn problems(&self) -> Vec<String> {
        let breaks = self.view.breaks();
        let open = breaks.iter().filter(|it| !it.closed).map(break_line);
        let problems = self.found.problems.iter().cloned();
        problems
            .chain(self.view.unreadables())
            .chain(open)
            .collect()
    }
}

/// What was found. `quiet`: only what is wrong.
pub fn wal_verified_screen(results: &[VerifiedArchive], screen: &Screen, quiet: bool) -> String {
    let mut text = String::new();
    let mut line = |tone, word: &str, what: &str| {
        let line = screen.wrap(&plain(&format!("{word} {what}")), 2);
        text.push_str(&screen.paint(tone, word));
        text.push_str(&line[word.len()..]);
        text.push('\n');
    };
    for result in results {
        let name = result.view.name();
        let problems = result.problems();
        if problems.is_empty() && !quiet {
            let found = &result.found;
            let what = format!(
                "{name}: {} segments ({}), {} records read, each with its checksum and its place",
                found.segments,
                words::bytes(found.stored_bytes),
                found.records
            );
            line(Tone::Good, "ok", &what);
        }
        for problem in &problems {
            line(Tone::Bad, "BROKEN", &format!("{name}: {problem}"));
        }
    }
    text
}

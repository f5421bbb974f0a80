//! The line of `pgctl status` about archived WAL.

use jiff::Timestamp;

use super::super::screen::{Screen, Tone};
use super::words::{break_line, recoverable_line};
use crate::output::plain;
use crate::wal_archive::LastArchive;

/// What a store's archive does for the cluster; nothing where there is none.
pub(in crate::output) fn last_archive_section(
    last: &LastArchive,
    now: Timestamp,
    screen: &Screen,
) -> String {
    let mut lines = match &last.found {
        Ok(None) => return String::new(),
        Err(why) => vec![(
            Tone::Warning,
            format!("what is archived of the WAL is not known: {why}"),
        )],
        Ok(Some(protection)) => {
            let (tone, line) = recoverable_line(protection, now);
            let breaks = protection.open_breaks.iter();
            let breaks = breaks.map(|it| (Tone::Bad, break_line(it)));
            std::iter::once((tone, line)).chain(breaks).collect()
        }
    };
    if let Ok(Some(protection)) = &last.found
        && protection.unreadable > 0
    {
        let line = format!(
            "{} objects of the WAL archive can't be read: pgctl wal list names them",
            protection.unreadable
        );
        lines.push((Tone::Warning, line));
    }
    let lines = lines
        .into_iter()
        .map(|(tone, line)| screen.paint(tone, &screen.wrap(&plain(&line), 2)));
    lines.collect::<Vec<_>>().join("\n")
}

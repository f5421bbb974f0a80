//! Lines become entries: one entry is the line that begins it and what follows of it.

use std::cell::LazyCell;
use std::ops::Deref;

use super::head::{Head, head};
use super::level::Word;
use super::{LogEntry, csv, json};

/// A line, without its line break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a, T> {
    /// When it was written.
    pub time: T,
    /// What was kept of it.
    pub text: &'a [u8],
    /// Bytes of it that were not.
    pub dropped: u64,
}

/// Puts the lines of one log together, in their order. It keeps one entry in memory, up to a limit:
/// what an entry has beyond it is counted and forgotten.
#[derive(Debug)]
pub struct Assembler<T> {
    limit: usize,
    building: Option<Building<T>>,
}

#[derive(Debug)]
struct Building<T> {
    time: T,
    text: String,
    dropped: u64,
    kind: Kind,
}

/// How an entry goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Lines that begin with a tab, and parts (DETAIL and so on).
    Stderr,
    /// Until all quotes are closed.
    Csv {
        /// A quote of what was kept is open.
        open_quote: bool,
    },
    /// Not at all.
    Line,
}

impl<T> Assembler<T> {
    /// Of each entry at most `limit` bytes are kept.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            building: None,
        }
    }

    /// Takes the next line. Gives the entry before it, when it has ended.
    pub fn push(&mut self, line: Line<'_, T>) -> Option<(T, LogEntry)> {
        let text = String::from_utf8_lossy(line.text);
        let head = LazyCell::new(|| head(&text));
        if let Some(building) = &mut self.building
            && building.goes_on_with(&text, &head)
        {
            building.append(&text, line.dropped, self.limit);
            return None;
        }
        let ended = self.end();
        let mut building = Building {
            time: line.time,
            text: String::new(),
            dropped: line.dropped,
            kind: kind(&text, &head),
        };
        building.keep(&text, self.limit);
        self.building = Some(building);
        ended
    }

    /// Nothing more comes, or not soon: gives what there is.
    pub fn end(&mut self) -> Option<(T, LogEntry)> {
        let building = self.building.take()?;
        let entry = LogEntry::new(building.text, building.dropped);
        Some((building.time, entry))
    }

    /// Whether an entry is begun, which the next line may go on with.
    pub fn is_building(&self) -> bool {
        self.building.is_some()
    }
}

impl<T> Building<T> {
    fn goes_on_with(&self, line: &str, head: &impl Deref<Target = Option<Head>>) -> bool {
        match self.kind {
            // One that was cut has lost its quotes: the next that looks like a record is one.
            Kind::Csv { open_quote } => open_quote && !(self.dropped > 0 && csv::begins(line)),
            Kind::Stderr => {
                let part = || matches!(head.map(|it| it.word), Some(Some(Word::Part(_))));
                line.starts_with('\t') || part()
            }
            Kind::Line => line.starts_with('\t'),
        }
    }

    /// Takes another line.
    fn append(&mut self, line: &str, dropped: u64, limit: usize) {
        self.dropped += dropped;
        // Without room for the line break and more nothing of it is kept.
        if self.text.len() + 1 >= limit {
            self.dropped += line.len() as u64 + 1;
            return;
        }
        self.text.push('\n');
        self.keep(line, limit);
    }

    /// Keeps of a line what there is room for, in whole characters.
    fn keep(&mut self, line: &str, limit: usize) {
        let mut end = line.len().min(limit - self.text.len());
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        let kept = &line[..end];
        self.text.push_str(kept);
        self.dropped += (line.len() - end) as u64;
        if let Kind::Csv { open_quote } = &mut self.kind {
            *open_quote ^= csv::turns_quotes(kept);
        }
    }
}

fn kind(line: &str, head: &impl Deref<Target = Option<Head>>) -> Kind {
    if json::begins(line) {
        Kind::Line
    } else if csv::begins(line) {
        Kind::Csv { open_quote: false }
    } else if head.is_some() {
        Kind::Stderr
    } else {
        Kind::Line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entries(lines: &[&str], limit: usize) -> Vec<LogEntry> {
        let mut assembler = Assembler::new(limit);
        let mut entries = Vec::new();
        for (time, text) in lines.iter().enumerate() {
            let line = Line {
                time,
                text: text.as_bytes(),
                dropped: 0,
            };
            entries.extend(assembler.push(line));
        }
        entries.extend(assembler.end());
        entries.into_iter().map(|(_, entry)| entry).collect()
    }

    #[test]
    fn an_entry_has_all_its_lines() {
        let lines = [
            "2026-11-28 13:00:00.123 UTC [42] ERROR:  boom",
            "\tsecond line",
            "2026-11-28 13:00:00.123 UTC [42] DETAIL:  so",
            "2026-11-28 13:00:00.123 UTC [42] STATEMENT:  select",
            "\t1",
            "2026-11-28 13:00:00.124 UTC [43] LOG:  next",
            "somebody else",
        ];
        let entries = entries(&lines, 10_000);
        let counted: Vec<usize> = entries.iter().map(|it| it.text.lines().count()).collect();
        assert_eq!(counted, [5, 1, 1]);
    }

    #[test]
    fn a_record_of_several_lines_is_one() {
        let lines = [
            "2026-11-28 13:00:00.123 UTC,,,42,,6929.1,1,,2026-11-28 12:00:00 UTC,,0,LOG,00000,\"a",
            "2026-11-28 13:00:00.123 UTC,,,42,,6929.1,1,,forged",
            "b\",,,,,,,,,\"\",\"checkpointer\",,0",
            "2026-11-28 13:00:00.125 UTC,,,42,,6929.1,2,,2026-11-28 12:00:00 UTC,,0,LOG,00000,\"c\",,,,,,,,,\"\",\"x\",,0",
        ];
        assert_eq!(entries(&lines, 10_000).len(), 2);
    }

    #[test]
    fn a_giant_is_cut_and_counted() {
        let long = "x".repeat(1000);
        let lines = [
            "2026-11-28 13:00:00 UTC [1] ERROR:  boom",
            &format!("\t{long}"),
            "\tmore",
        ];
        let entries = entries(&lines, 100);
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].text.len(), 100);
        let all: usize = lines.iter().map(|it| it.len() + 1).sum();
        assert_eq!(entries[0].dropped, (all - 1 - 100) as u64);
    }

    #[test]
    fn a_record_that_was_cut_ends_where_the_next_begins() {
        let record = "2026-11-28 13:00:00.123 UTC,,,42,,6929.1,1,,x,\"a";
        let long = format!("b {}", "x".repeat(1000));
        let lines = [record, &long, "c\"\"", "\"", record, "b\"", "else"];
        let entries = entries(&lines, 100);
        let counted: Vec<usize> = entries.iter().map(|it| it.text.lines().count()).collect();
        assert_eq!(counted, [2, 2, 1]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_and_none_get_lost(lines: Vec<Vec<u8>>) {
            let mut assembler = Assembler::new(1 << 20);
            let mut text = Vec::new();
            for line in &lines {
                text.extend(assembler.push(Line { time: (), text: line, dropped: 0 }));
            }
            text.extend(assembler.end());
            let have: Vec<String> = text.into_iter().map(|(_, entry)| { let _ = entry.fields(); entry.text }).collect();
            let want: Vec<String> = lines.iter().map(|it| String::from_utf8_lossy(it).into_owned()).collect();
            prop_assert_eq!(have.join("\n"), want.join("\n"));
        }
    }
}

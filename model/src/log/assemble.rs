//! Lines become entries: one entry is the line that begins it and what follows of it.

use super::head::head;
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
    text: Vec<u8>,
    dropped: u64,
    /// Whether it has a line, though that may be empty.
    begun: bool,
    kind: Kind,
}

/// How an entry goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Lines that begin with a tab, and parts (DETAIL and so on).
    Stderr,
    /// Until all quotes are closed.
    Csv,
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
        if let Some(building) = &mut self.building
            && building.goes_on_with(&text)
        {
            building.append(&text, line.dropped, self.limit);
            return None;
        }
        let ended = self.end();
        let mut building = Building {
            time: line.time,
            text: Vec::new(),
            dropped: 0,
            begun: false,
            kind: kind(&text),
        };
        building.append(&text, line.dropped, self.limit);
        self.building = Some(building);
        ended
    }

    /// Nothing more comes, or not soon: gives what there is.
    pub fn end(&mut self) -> Option<(T, LogEntry)> {
        self.building.take().map(|building| {
            // Cut between two characters, it is no UTF-8 any more.
            let text = String::from_utf8_lossy(&building.text).into_owned();
            (building.time, LogEntry::new(text, building.dropped))
        })
    }
}

impl<T> Building<T> {
    fn goes_on_with(&self, line: &str) -> bool {
        match self.kind {
            // One that was cut has lost its quotes: the next that looks like a record is one.
            Kind::Csv => csv::goes_on(&self.text) && !(self.dropped > 0 && csv::begins(line)),
            Kind::Stderr => {
                let part = || matches!(head(line).map(|it| it.word), Some(Some(Word::Part(_))));
                line.starts_with('\t') || part()
            }
            Kind::Line => line.starts_with('\t'),
        }
    }

    fn append(&mut self, line: &str, dropped: u64, limit: usize) {
        let first = !std::mem::replace(&mut self.begun, true);
        let room = limit.saturating_sub(self.text.len() + usize::from(!first));
        if room == 0 {
            self.dropped += line.len() as u64 + 1 + dropped;
            return;
        }
        if !first {
            self.text.push(b'\n');
        }
        let mut kept = line.len().min(room);
        while !line.is_char_boundary(kept) {
            kept -= 1;
        }
        self.text.extend_from_slice(&line.as_bytes()[..kept]);
        self.dropped += (line.len() - kept) as u64 + dropped;
    }
}

fn kind(line: &str) -> Kind {
    if json::begins(line) {
        Kind::Line
    } else if csv::begins(line) {
        Kind::Csv
    } else if head(line).is_some() {
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

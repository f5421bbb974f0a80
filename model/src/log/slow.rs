//! What `log_min_duration_statement` wrote, summed up by the shape of the statement.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{LogEntry, LogLevel, shape_of};

/// Shapes that are remembered: an application that writes its values into its queries in a way of its
/// own makes no end of them.
const MOST: usize = 2_000;

/// The most that is kept of a shape, in bytes: what differs only after that counts as one.
const LONGEST: usize = 4 * 1024;

/// All statements of one shape.
#[derive(Debug, Clone, PartialEq)]
pub struct SlowStatement {
    /// The statement without its literals.
    pub shape: String,
    /// How often it was written.
    pub count: u64,
    /// All durations together, in milliseconds.
    pub total_ms: f64,
    /// The longest, in milliseconds.
    pub longest_ms: f64,
    /// When the last one was written, by the clock of its node.
    pub last: Option<Timestamp>,
    /// The pods that wrote it.
    pub pods: BTreeSet<String>,
}

/// What was slow.
#[derive(Debug, Clone, Default)]
pub struct SlowStatements {
    by_shape: BTreeMap<String, SlowStatement>,
    /// Statements that were not counted, because there were too many shapes.
    pub uncounted: u64,
}

impl SlowStatements {
    /// Takes an entry into account, if it is of a statement that was slow.
    pub fn add(&mut self, pod: &str, time: Option<Timestamp>, entry: &LogEntry) {
        let Some((milliseconds, sql)) = duration_of(entry) else {
            return;
        };
        let mut shape = shape_of(&sql);
        if shape.len() > LONGEST {
            let ends = (0..=LONGEST).rev().find(|at| shape.is_char_boundary(*at));
            shape.truncate(ends.unwrap_or_default());
            shape.push_str(" ...");
        }
        if !self.by_shape.contains_key(&shape) && self.by_shape.len() >= MOST {
            self.uncounted += 1;
            return;
        }
        let slow = self
            .by_shape
            .entry(shape)
            .or_insert_with_key(|shape| SlowStatement {
                shape: shape.clone(),
                count: 0,
                total_ms: 0.0,
                longest_ms: 0.0,
                last: None,
                pods: BTreeSet::new(),
            });
        slow.count += 1;
        slow.total_ms += milliseconds;
        slow.longest_ms = slow.longest_ms.max(milliseconds);
        slow.last = slow.last.max(time);
        if !slow.pods.contains(pod) {
            slow.pods.insert(pod.to_owned());
        }
    }

    /// What took the most time in all comes first.
    pub fn sorted(&self) -> Vec<&SlowStatement> {
        let mut all: Vec<&SlowStatement> = self.by_shape.values().collect();
        all.sort_by(|a, b| b.total_ms.total_cmp(&a.total_ms));
        all
    }
}

/// How long a statement took, and the statement, of an entry such as `duration: 5003.2 ms  execute
/// s1: select …`. The words are translated: what counts is a number, a unit, and a statement.
fn duration_of(entry: &LogEntry) -> Option<(f64, String)> {
    if !matches!(entry.level, Some(LogLevel::Log) | None) {
        return None;
    }
    let message = entry.fields().message;
    let (milliseconds, rest) = timed(&message)?;
    // With log_duration alone there is no statement. What auto_explain writes has its plan on lines of its own, and its
    // statement is counted where it was logged by itself.
    let (label, sql) = rest.split_once(": ")?;
    if label.contains('\n') {
        return None;
    }
    Some((milliseconds, sql.to_owned()))
}

/// How long something took, of a message that begins with it, and what follows of the message.
pub(super) fn timed(message: &str) -> Option<(f64, &str)> {
    let (label, rest) = message.split_once(':')?;
    // One word, or two: "durée ".
    if label.is_empty()
        || label.split_whitespace().count() > 2
        || !label.chars().all(|c| c.is_alphabetic() || c == ' ')
    {
        return None;
    }
    let (number, rest) = rest.trim_start().split_once(' ')?;
    let milliseconds: f64 = number.parse().ok()?;
    const UNITS: [&str; 5] = ["ms", "мс", "ミリ秒", "მწმ", "მწმs"];
    let unit = rest.find([' ', ',']).unwrap_or(rest.len());
    if !UNITS.contains(&&rest[..unit]) {
        return None;
    }
    Some((milliseconds, &rest[unit..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(message: &str) -> LogEntry {
        LogEntry::new(
            format!("2026-11-28 13:00:00.123 UTC [42] LOG:  {message}"),
            0,
        )
    }

    #[test]
    fn statements_of_one_shape_are_one_line() {
        let mut slow = SlowStatements::default();
        let at = |second| Timestamp::from_second(second).ok();
        slow.add(
            "a-0",
            at(2),
            &entry("duration: 10.5 ms  statement: select * from t where id = 1"),
        );
        slow.add(
            "a-1",
            at(1),
            &entry("duration: 20.5 ms  execute s1: SELECT * FROM t\n\twhere id = $1"),
        );
        slow.add(
            "a-0",
            at(3),
            &entry("duration: 7000 ms  bind <unnamed>: select pg_sleep(7)"),
        );
        slow.add("a-0", at(3), &entry("duration: 3 ms"));
        slow.add("a-0", at(3), &entry("checkpoint complete: wrote 3 buffers"));
        let sorted = slow.sorted();
        assert_eq!(sorted.len(), 2);
        assert_eq!(sorted[0].shape, "select pg_sleep(?)");
        let both = sorted[1];
        assert_eq!(
            (both.count, both.total_ms, both.longest_ms),
            (2, 31.0, 20.5)
        );
        assert_eq!((both.last, both.pods.len()), (at(2), 2));
    }

    #[test]
    fn other_languages_are_slow_too() {
        for message in [
            "Dauer: 12.5 ms  Anweisung: select 1",
            "durée : 12.5 ms, instruction : select 1",
            "продолжительность: 12.5 мс, оператор: select 1",
            "期間: 12.5 ミリ秒  文: select 1",
            "执行时间: 12.5 ms 语句: select 1",
        ] {
            let found = duration_of(&entry(message));
            assert_eq!(found, Some((12.5, "select 1".to_owned())), "{message}");
        }
    }

    #[test]
    fn what_auto_explain_writes_is_no_statement() {
        for message in [
            "duration: 12.5 ms  plan:\n\tQuery Text: select 1;\n\tResult  (cost=0.00..0.01 rows=1)",
            "duration: 12.5 ms  plan:\n\t{\n\t  \"Query Text\": \"select 1;\"",
        ] {
            assert_eq!(duration_of(&entry(message)), None, "{message}");
        }
        // A statement may have several lines.
        let message = "duration: 12.5 ms  statement: select 1\n\tas \"a: b\"";
        assert!(duration_of(&entry(message)).is_some());
    }

    #[test]
    fn a_long_shape_is_cut() {
        let mut slow = SlowStatements::default();
        for column in ["ä".repeat(40_000), "ä".repeat(30_000)] {
            let message = format!("duration: 1 ms  statement: select x{column}");
            slow.add("p", None, &entry(&message));
        }
        let sorted = slow.sorted();
        assert_eq!((sorted.len(), sorted[0].count), (1, 2));
        assert!(
            sorted[0].shape.len() <= LONGEST + 4,
            "{}",
            sorted[0].shape.len()
        );
    }

    #[test]
    fn there_is_an_end_to_what_is_remembered() {
        let mut slow = SlowStatements::default();
        for number in 0..MOST + 5 {
            slow.add(
                "p",
                None,
                &entry(&format!("duration: 1 ms  statement: select a{number}")),
            );
        }
        assert_eq!(slow.sorted().len(), MOST);
        assert_eq!(slow.uncounted, 5);
    }
}

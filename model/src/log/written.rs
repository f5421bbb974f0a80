//! Where an entry of a file begins, and when it was written, as it says itself.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use super::head::{head, looks_like};
use super::{LogFormat, csv, json};

const PATTERN: &str = "0000-00-00 00:00:00";

/// How the entries of one server tell when they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogTimes {
    /// Seconds to the east of UTC, by the abbreviation that stands behind a time, as `CET` and `CEST`.
    pub zones: BTreeMap<String, i32>,
    /// The same of any other zone.
    pub other_zone: i32,
    /// `log_line_prefix`.
    pub prefix: String,
}

/// Which of the times in a prefix is the entry's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PrefixTime {
    /// `%m`, `%t`, with so many dates before it (`%s` is when the session began).
    Date(usize),
    /// `%n`: seconds since 1970.
    Seconds,
}

impl LogTimes {
    /// When the entry was written that begins with this line; none where it does not say, or begins none.
    pub fn of_entry(&self, format: LogFormat, line: &str) -> Option<Timestamp> {
        if !begins(format, line) {
            return None;
        }
        match format {
            LogFormat::Csv => self.date(line.as_bytes()),
            LogFormat::Json => self.date(line.split_once(":\"")?.1.as_bytes()),
            LogFormat::Stderr => {
                let prefix = &line.as_bytes()[..head(line)?.word_at];
                match prefix_time(&self.prefix)? {
                    PrefixTime::Date(before) => {
                        let mut windows = prefix.windows(PATTERN.len()).enumerate();
                        let mut dates = windows
                            .by_ref()
                            .filter(|(_, window)| looks_like(window, PATTERN));
                        let (at, _) = dates.nth(before)?;
                        self.date(&prefix[at..])
                    }
                    PrefixTime::Seconds => seconds(prefix),
                }
            }
            LogFormat::StartScript | LogFormat::Other => None,
        }
    }

    /// The time that a text begins with.
    fn date(&self, text: &[u8]) -> Option<Timestamp> {
        if !looks_like(text, PATTERN) {
            return None;
        }
        let number = |from: usize, to: usize| {
            let digits = std::str::from_utf8(&text[from..to]).ok()?;
            digits.parse::<i16>().ok()
        };
        let small = |from: usize| i8::try_from(number(from, from + 2)?).ok();
        let date = Date::new(number(0, 4)?, small(5)?, small(8)?).ok()?;
        let (milliseconds, rest) = match text[PATTERN.len()..] {
            [b'.', a, b, c, ref rest @ ..] if [a, b, c].iter().all(u8::is_ascii_digit) => {
                (number(20, 23)?, rest)
            }
            ref rest => (0, rest),
        };
        let nanoseconds = i32::from(milliseconds) * 1_000_000;
        // A leap second is the last that there is.
        let second = small(17)?.min(59);
        let time = Time::new(small(11)?, small(14)?, second, nanoseconds).ok()?;
        let ends = |byte: &u8| !(byte.is_ascii_alphanumeric() || b"+-".contains(byte));
        let zone = rest.strip_prefix(b" ").unwrap_or_default();
        let zone = &zone[..zone.iter().position(ends).unwrap_or(zone.len())];
        let zone = std::str::from_utf8(zone).unwrap_or_default();
        let east = match self.zones.get(zone) {
            Some(seconds) => *seconds,
            None if matches!(zone, "UTC" | "GMT") => 0,
            None => self.other_zone,
        };
        let utc = Offset::UTC.to_timestamp(DateTime::from_parts(date, time));
        let east = SignedDuration::from_secs(i64::from(east));
        utc.ok()?.checked_sub(east).ok()
    }
}

/// Whether an entry of this format begins with this line. (What somebody has put into a message may look like it.)
pub fn begins(format: LogFormat, line: &str) -> bool {
    match format {
        LogFormat::Csv => csv::begins(line),
        LogFormat::Json => json::begins(line),
        LogFormat::Stderr => !line.starts_with('\t') && head(line).is_some_and(|it| !it.is_part()),
        LogFormat::StartScript | LogFormat::Other => false,
    }
}

fn prefix_time(prefix: &str) -> Option<PrefixTime> {
    let mut before = 0;
    let mut seconds = None;
    let mut rest = prefix.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            continue;
        }
        // `%-10m` is padded.
        let escape = rest.find(|c| !(*c == '-' || c.is_ascii_digit()));
        match escape {
            Some('m' | 't') => return Some(PrefixTime::Date(before)),
            Some('s') => before += 1,
            Some('n') => seconds = Some(PrefixTime::Seconds),
            Some(_) | None => {}
        }
    }
    seconds
}

/// `1764450000.123` somewhere in a prefix.
fn seconds(prefix: &[u8]) -> Option<Timestamp> {
    let pattern = "0000000000.000";
    let mut windows = prefix.windows(pattern.len());
    let found = windows.find(|window| looks_like(window, pattern))?;
    let text = std::str::from_utf8(found).ok()?;
    let (seconds, milliseconds) = text.split_once('.')?;
    let milliseconds: i32 = milliseconds.parse().ok()?;
    Timestamp::new(seconds.parse().ok()?, milliseconds * 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(prefix: &str, format: LogFormat, line: &str) -> Option<String> {
        let times = LogTimes {
            zones: [("CET", 3600), ("CEST", 7200), ("+0530", 19_800)]
                .map(|(name, east)| (name.to_owned(), east))
                .into(),
            other_zone: 3600,
            prefix: prefix.to_owned(),
        };
        times.of_entry(format, line).map(|it| it.to_string())
    }

    #[test]
    fn every_format_says_when() {
        use LogFormat::{Csv, Json, Stderr};
        let record = r#"2026-11-28 13:00:00.123 CET,"bob","shop",42,"[local]",6929.1,3,"SELECT",2026-11-28 12:00:00 CET,1/2,0,ERROR,42P01,"boom""#;
        let object = r#"{"timestamp":"2026-11-28 13:00:00.123 CET","pid":1}"#;
        for (prefix, format, line, utc) in [
            (
                "%m [%p] ",
                Stderr,
                "2026-11-28 13:00:00.123 UTC [42] ERROR:  boom",
                "2026-11-28T13:00:00.123Z",
            ),
            (
                "%t [%p] ",
                Stderr,
                "2026-11-28 13:00:00 CET [42] ERROR:  boom",
                "2026-11-28T12:00:00Z",
            ),
            (
                "<%t>",
                Stderr,
                "<2026-07-28 13:00:00 CEST>ERROR:  boom",
                "2026-07-28T11:00:00Z",
            ),
            (
                "[%-5p] %m ",
                Stderr,
                "[42   ] 2026-11-28 13:00:00.007 +0530 LOG:  x",
                "2026-11-28T07:30:00.007Z",
            ),
            (
                "%s %m ",
                Stderr,
                "2026-11-01 10:00:00 UTC 2026-11-28 13:00:60.000 UTC LOG:  x",
                "2026-11-28T13:00:59Z",
            ),
            (
                "%n %p ",
                Stderr,
                "1764421200.250 42 LOG:  x",
                "2025-11-29T13:00:00.25Z",
            ),
            ("", Csv, record, "2026-11-28T12:00:00.123Z"),
            ("", Json, object, "2026-11-28T12:00:00.123Z"),
        ] {
            assert_eq!(
                written(prefix, format, line).as_deref(),
                Some(utc),
                "{line}"
            );
        }
    }

    #[test]
    fn a_time_within_a_message_is_not_when_it_was_written() {
        use LogFormat::{Csv, Stderr};
        let down = "database system was shut down at 2020-01-01 00:00:00 UTC";
        for (prefix, format, line) in [
            ("[%p] ", Stderr, format!("[42] LOG:  {down}")),
            (
                "%s ",
                Stderr,
                format!("2020-01-01 00:00:00 UTC LOG:  {down}"),
            ),
            ("%m ", Stderr, "\t('2020-01-01 00:00:00', 1),".to_owned()),
            ("%m ", Stderr, "2026-13-28 13:00:00 UTC LOG:  x".to_owned()),
            ("%m ", Csv, "('2020-01-01 00:00:00', 1),".to_owned()),
            ("%m ", Csv, "2020-01-01 00:00:00 and more".to_owned()),
        ] {
            assert_eq!(written(prefix, format, &line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(prefix in ".{0,10}", before in ".{0,20}", after in ".{0,20}") {
            let line = format!("{before}2026-11-28 13:00:00{after} LOG:  x");
            for format in [LogFormat::Stderr, LogFormat::Csv, LogFormat::Json] {
                let _ = written(&prefix, format, &line);
            }
            let _ = written("%n %s %m", LogFormat::Stderr, &line);
        }
    }
}

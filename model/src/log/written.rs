//! When an entry was written, as it says itself.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use super::head::looks_like;

/// A time stands near the beginning: before it may be names (63 bytes each).
const NEAR: usize = 640;
const PATTERN: &str = "0000-00-00 00:00:00";

/// How far the time zones that a server writes its log in (`log_timezone`) are from UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogZones {
    /// By the abbreviation that stands behind a time, as `CET` and `CEST`: seconds to the east.
    pub by_name: BTreeMap<String, i32>,
    /// Of any other: seconds to the east.
    pub other: i32,
}

impl LogZones {
    /// When the entry was written that begins with this line: the first date and time in it (`%m`, `%t`, and those of
    /// csvlog and jsonlog); none where it has none.
    pub fn written_at(&self, line: &str) -> Option<Timestamp> {
        let bytes = line.as_bytes();
        let near = &bytes[..bytes.len().min(NEAR)];
        let mut windows = near.windows(PATTERN.len());
        let at = windows.position(|window| looks_like(window, PATTERN))?;
        let text = &near[at..];
        let number = |from: usize, to: usize| {
            let digits = std::str::from_utf8(&text[from..to]).ok()?;
            digits.parse::<i16>().ok()
        };
        let small = |from: usize| i8::try_from(number(from, from + 2)?).ok();
        let date = Date::new(number(0, 4)?, small(5)?, small(8)?).ok()?;
        // A leap second is the last that there is.
        let second = small(17)?.min(59);
        let (milliseconds, rest) = match text[PATTERN.len()..] {
            [b'.', a, b, c, ref rest @ ..] if [a, b, c].iter().all(u8::is_ascii_digit) => {
                (number(20, 23)?, rest)
            }
            ref rest => (0, rest),
        };
        let nanoseconds = i32::from(milliseconds) * 1_000_000;
        let time = Time::new(small(11)?, small(14)?, second, nanoseconds).ok()?;
        let ends = |byte: &u8| !(byte.is_ascii_alphanumeric() || b"+-".contains(byte));
        let zone = rest.strip_prefix(b" ").unwrap_or_default();
        let zone = &zone[..zone.iter().position(ends).unwrap_or(zone.len())];
        let zone = std::str::from_utf8(zone).unwrap_or_default();
        self.timestamp(DateTime::from_parts(date, time), zone)
    }

    fn timestamp(&self, written: DateTime, zone: &str) -> Option<Timestamp> {
        let east = match self.by_name.get(zone) {
            Some(seconds) => *seconds,
            None if matches!(zone, "UTC" | "GMT") => 0,
            None => self.other,
        };
        let utc = Offset::UTC.to_timestamp(written).ok()?;
        utc.checked_sub(SignedDuration::from_secs(i64::from(east)))
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn zones() -> LogZones {
        LogZones {
            by_name: [("CET", 3600), ("CEST", 7200), ("+0530", 19_800)]
                .map(|(name, east)| (name.to_owned(), east))
                .into(),
            other: 3600,
        }
    }

    #[test]
    fn every_format_says_when() {
        for (line, utc) in [
            (
                "2026-11-28 13:00:00.123 UTC [42] ERROR:  boom",
                "2026-11-28T13:00:00.123Z",
            ),
            (
                "2026-11-28 13:00:00 CET [42] ERROR:  boom",
                "2026-11-28T12:00:00Z",
            ),
            (
                "<2026-07-28 13:00:00 CEST>ERROR:  boom",
                "2026-07-28T11:00:00Z",
            ),
            (
                "[42] 2026-11-28 13:00:00.007 +0530 LOG:  x",
                "2026-11-28T07:30:00.007Z",
            ),
            ("2026-11-28 13:00:60 UTC LOG:  x", "2026-11-28T13:00:59Z"),
            (
                "2026-11-28 13:00:00.123 GMT,\"bob\",\"shop\",42,",
                "2026-11-28T13:00:00.123Z",
            ),
            (
                r#"{"timestamp":"2026-11-28 13:00:00.123 CET","pid":1}"#,
                "2026-11-28T12:00:00.123Z",
            ),
            ("2026-11-28 13:00:00", "2026-11-28T12:00:00Z"),
        ] {
            let written = zones().written_at(line).map(|it| it.to_string());
            assert_eq!(written.as_deref(), Some(utc), "{line}");
        }
        for line in [
            "",
            "ERROR:  boom",
            "2026-13-28 13:00:00 UTC",
            "2026-11-28 25:00:00 UTC",
        ] {
            assert_eq!(zones().written_at(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(before in ".{0,20}", after in ".{0,20}") {
            let _ = zones().written_at(&format!("{before}2026-11-28 13:00:00{after}"));
        }
    }
}

//! A moment as somebody types it.

use jiff::{Timestamp, Zoned, civil};

/// Why a text is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MomentError {
    /// It does not say in which zone: an hour wrong is the accident a second time.
    #[error(
        "{0:?} does not say in which time zone: '{0}Z' for UTC, or with its offset, such as '{0}+01'"
    )]
    NoZone(String),
    /// It is nothing of the kind.
    #[error("{0:?} is no moment such as '2026-11-28 14:03:00+01', with its time zone")]
    NoMoment(String),
}

/// Reads a date and time with its zone (`2026-11-28 14:03:00+01`, `2026-11-28T13:03:00Z`,
/// `2026-11-28 14:03 Europe/Berlin`), as exactly as PostgreSQL keeps it: to the microsecond.
///
/// # Errors
/// When it is no moment, or does not say in which zone.
pub fn parse_moment(text: &str) -> Result<Timestamp, MomentError> {
    let text = text.trim();
    let found = with_offset(text).or_else(|| with_zone(text));
    match found {
        Some(time) => Ok(to_the_microsecond(time)),
        None if text.parse::<civil::DateTime>().is_ok() => {
            Err(MomentError::NoZone(text.to_owned()))
        }
        None => Err(MomentError::NoMoment(text.to_owned())),
    }
}

fn with_offset(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse() {
        return Some(time);
    }
    let date_and_time = |end: &str| text.strip_suffix(end).map(str::trim_end);
    // As PostgreSQL and journalctl print it.
    let utc = [" UTC", " GMT", " Z", "UTC"]
        .into_iter()
        .find_map(date_and_time)?;
    format!("{utc}Z").parse().ok()
}

/// With a zone of the tz database behind a blank, as psql takes it.
fn with_zone(text: &str) -> Option<Timestamp> {
    let (moment, zone) = text.rsplit_once(' ')?;
    if let Ok(zoned) = format!("{}[{zone}]", moment.trim_end()).parse::<Zoned>() {
        return Some(zoned.timestamp());
    }
    // An offset behind a blank.
    if zone.starts_with(['+', '-']) {
        return format!("{}{zone}", moment.trim_end()).parse().ok();
    }
    None
}

fn to_the_microsecond(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_a_zone() {
        let expected: Timestamp = "2026-11-28T13:03:00Z".parse().expect("a time");
        for text in [
            "2026-11-28 14:03:00+01",
            "2026-11-28 14:03:00+01:00",
            "2026-11-28 14:03:00 +01",
            "2026-11-28T13:03:00Z",
            "2026-11-28 13:03:00 UTC",
            "2026-11-28 13:03:00.000000+00",
            " 2026-11-28 13:03Z ",
            "2026-11-28 14:03:00 Europe/Berlin",
        ] {
            assert_eq!(parse_moment(text), Ok(expected), "{text}");
        }
        let exact = parse_moment("2026-11-28 14:03:00.1234567+01").expect("a time");
        assert_eq!(exact.subsec_nanosecond(), 123_456_000);
    }

    #[test]
    fn without_a_zone_it_is_refused() {
        for text in ["2026-11-28 14:03:00", "2026-11-28T14:03", "2026-11-28"] {
            assert_eq!(
                parse_moment(text),
                Err(MomentError::NoZone(text.to_owned())),
            );
        }
        for text in ["", "yesterday", "14:03:00+01", "2026-13-28 14:03:00Z"] {
            assert!(
                matches!(parse_moment(text), Err(MomentError::NoMoment(_))),
                "{text}"
            );
        }
    }
}

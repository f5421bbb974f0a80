//! A schedule in the syntax of cron.

use cronexpr::Crontab;
use jiff::Timestamp;

/// Why a schedule can't be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ScheduleError(String);

/// When something is due.
#[derive(Debug)]
pub(crate) struct Schedule(Crontab);

/// Kubernetes' names for common schedules.
const NAMED: &[(&str, &str)] = &[
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

impl Schedule {
    /// Five fields, or a name such as `@daily`, in a time zone (UTC when none is given).
    ///
    /// # Errors
    /// When one of them is none; the message says what is wrong.
    pub(crate) fn parse(text: &str, zone: Option<&str>) -> Result<Self, ScheduleError> {
        let named = NAMED.iter().find(|(name, _)| *name == text.trim());
        let fields = named.map_or(text.trim(), |(_, fields)| fields);
        let count = fields.split_whitespace().count();
        if count != 5 {
            let message = format!("expected exactly 5 fields, found {count}: [{fields}]");
            return Err(ScheduleError(message));
        }
        let zone = zone.unwrap_or("UTC");
        // The crate counts Sunday as 0 and 7, and takes letters in any case, as Kubernetes' parser does.
        cronexpr::parse_crontab(&format!("{fields} {zone}"))
            .map(Self)
            .map_err(|e| ScheduleError(e.to_string()))
    }

    /// The first time after another one.
    pub(crate) fn after(&self, time: Timestamp) -> Option<Timestamp> {
        self.0.find_next(time).ok().map(|next| next.timestamp())
    }
}

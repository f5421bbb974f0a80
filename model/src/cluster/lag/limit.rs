//! The limit that makes lag a check: `10s`, `16MB`, or both.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;

use super::{LagReport, StandbyLag};

/// How far a standby may be behind. What is none is not limited.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LagLimit {
    /// Bytes of WAL not yet replayed.
    pub bytes: Option<u64>,
    /// Seconds that it may be behind.
    pub seconds: Option<f64>,
}

impl Default for LagLimit {
    /// 30 s, as long as PostgreSQL itself lets queries on a standby hold up replay
    /// (`max_standby_streaming_delay`), or 256 MiB, 16 segments.
    fn default() -> Self {
        Self {
            bytes: Some(256 << 20),
            seconds: Some(30.0),
        }
    }
}

/// What a limit says of a standby.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LagCheck {
    /// It keeps the limit.
    Within,
    /// It is behind by more.
    Exceeded,
    /// It can't be told; a check must not pass on it.
    Unknown,
}

impl LagLimit {
    /// Checks a standby of a report. Without a primary that answers, nobody knows how far it is behind: it
    /// may be level with the furthest standby, and both far from where the primary was.
    pub fn check(&self, report: &LagReport, standby: &StandbyLag) -> LagCheck {
        let counted = report.reference.as_ref();
        match self.within(standby) {
            LagCheck::Within if !counted.is_some_and(|it| it.is_primary) => LagCheck::Unknown,
            found => found,
        }
    }

    fn within(&self, standby: &StandbyLag) -> LagCheck {
        let of = |limit: Option<f64>, value: Option<f64>| match (limit, value) {
            (None, _) => LagCheck::Within,
            (Some(limit), Some(value)) if value > limit => LagCheck::Exceeded,
            (Some(_), Some(_)) => LagCheck::Within,
            (Some(_), None) => LagCheck::Unknown,
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "an LSN distance above 2^53 bytes is past any limit anyway"
        )]
        let bytes = of(
            self.bytes.map(|bytes| bytes as f64),
            standby.behind.bytes.map(|bytes| bytes as f64),
        );
        let seconds = of(self.seconds, standby.behind.time.map(|time| time.seconds));
        // A busy stream that the sender has not timed yet is judged by its bytes, when those are
        // limited too.
        match (bytes, seconds) {
            (LagCheck::Exceeded, _) | (_, LagCheck::Exceeded) => LagCheck::Exceeded,
            (LagCheck::Within, LagCheck::Unknown) if self.bytes.is_some() => LagCheck::Within,
            (LagCheck::Unknown, _) | (_, LagCheck::Unknown) => LagCheck::Unknown,
            (LagCheck::Within, LagCheck::Within) => LagCheck::Within,
        }
    }
}

impl fmt::Display for LagLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.seconds.map(|seconds| format!("{seconds}s"));
        let bytes = self.bytes.map(|bytes| {
            let units = [(30, "GB"), (20, "MB"), (10, "kB")];
            units
                .iter()
                .find(|(shift, _)| bytes != 0 && bytes.trailing_zeros() >= *shift)
                .map_or_else(
                    || format!("{bytes}B"),
                    |(shift, unit)| format!("{}{unit}", bytes >> shift),
                )
        });
        let parts: Vec<String> = [seconds, bytes].into_iter().flatten().collect();
        f.write_str(&parts.join(","))
    }
}

/// The text was not a limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is neither a time (10s, 1m30s) nor a size (512kB, 16MB, 1GiB); both may be given: 10s,16MB"
)]
pub struct ParseLagLimitError(String);

impl FromStr for LagLimit {
    type Err = ParseLagLimitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseLagLimitError(text.to_owned());
        let mut limit = Self {
            bytes: None,
            seconds: None,
        };
        for part in text.split(',').map(str::trim) {
            if let Some(bytes) = parse_bytes(part) {
                if limit.bytes.replace(bytes).is_some() {
                    return Err(error());
                }
            } else if let Some(seconds) = parse_seconds(part) {
                if limit.seconds.replace(seconds).is_some() {
                    return Err(error());
                }
            } else {
                return Err(error());
            }
        }
        Ok(limit)
    }
}

fn parse_seconds(text: &str) -> Option<f64> {
    // jiff would read a bare number in some formats; without a unit it is not clear what is meant.
    if !text.ends_with(|c: char| c.is_ascii_alphabetic()) || text.starts_with(['P', 'p']) {
        return None;
    }
    let duration: SignedDuration = text.parse().ok()?;
    (!duration.is_negative()).then(|| duration.as_secs_f64())
}

/// Units as in `postgresql.conf` (kB, MB, GB, TB are multiples of 1024 there) and as in
/// Kubernetes (Ki, Mi, Gi, Ti).
fn parse_bytes(text: &str) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(split);
    let shift = match unit.trim_start() {
        "B" => 0,
        "kB" | "KB" | "Ki" | "KiB" => 10,
        "MB" | "Mi" | "MiB" => 20,
        "GB" | "Gi" | "GiB" => 30,
        "TB" | "Ti" | "TiB" => 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{fixture, lag_report};
    use proptest::prelude::*;

    fn limit(bytes: Option<u64>, seconds: Option<f64>) -> LagLimit {
        LagLimit { bytes, seconds }
    }

    #[test]
    fn reads_times_sizes_and_both() {
        for (text, expected) in [
            ("10s", limit(None, Some(10.0))),
            ("1m30s", limit(None, Some(90.0))),
            ("500ms", limit(None, Some(0.5))),
            ("0s", limit(None, Some(0.0))),
            ("16MB", limit(Some(16 << 20), None)),
            ("16 MB", limit(Some(16 << 20), None)),
            ("16Mi", limit(Some(16 << 20), None)),
            ("512kB", limit(Some(512 << 10), None)),
            ("1GiB", limit(Some(1 << 30), None)),
            ("0B", limit(Some(0), None)),
            ("10s,16MB", limit(Some(16 << 20), Some(10.0))),
            ("16MB, 10s", limit(Some(16 << 20), Some(10.0))),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_clear() {
        for text in [
            "",
            "10",
            "s",
            "MB",
            "-10s",
            "-1MB",
            "10s,",
            "10s,20s",
            "1MB,2MB",
            "10 apples",
            "16mb",
            "99999999999TB",
            "PT10S",
            "1.5MB",
            ",",
        ] {
            assert!(text.parse::<LagLimit>().is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn what_is_printed_reads_back() {
        for text in ["10s", "16MB", "30s,256MB", "1GB", "512kB", "0.5s", "1000B"] {
            let limit: LagLimit = text.parse().expect("a limit");
            assert_eq!(limit.to_string(), text);
        }
    }

    #[test]
    fn a_standby_that_cannot_be_told_does_not_pass() {
        let mut snapshot = fixture::healthy(1);
        snapshot.instances[1].database = crate::cluster::Database::Unreachable {
            reason: "timed out".into(),
            alive: false,
        };
        fixture::primary(&mut snapshot).senders.clear();
        let report = lag_report(&snapshot);
        for text in ["10s", "16MB", "10s,16MB"] {
            let limit: LagLimit = text.parse().expect("a limit");
            assert_eq!(
                limit.check(&report, &report.standbys[0]),
                LagCheck::Unknown,
                "{text}"
            );
        }
    }

    #[test]
    fn without_a_primary_nobody_is_within() {
        let mut snapshot = fixture::healthy(2);
        let primary = fixture::PRIMARY;
        fixture::stop(
            &mut snapshot,
            primary,
            crate::cluster::ContainerState::Unknown,
        );
        let report = lag_report(&snapshot);
        let limit: LagLimit = "1GB".parse().expect("a limit");
        for standby in &report.standbys {
            assert_eq!(
                limit.check(&report, standby),
                LagCheck::Unknown,
                "{standby:?}"
            );
        }
    }

    #[test]
    fn exactly_the_limit_is_within() {
        let mut snapshot = fixture::healthy(1);
        let behind = Lsn::new(fixture::POSITION.bytes() - 1000);
        fixture::recovery(&mut snapshot, 0).replay_lsn = Some(behind);
        fixture::sender(&mut snapshot, 0).replay_lsn = Some(behind);
        fixture::sender(&mut snapshot, 0).replay_lag = Some(2.0);
        let standby = &lag_report(&snapshot).standbys[0];
        for (text, expected) in [
            ("1000B", LagCheck::Within),
            ("999B", LagCheck::Exceeded),
            ("2s", LagCheck::Within),
            ("1s", LagCheck::Exceeded),
            ("1s,1GB", LagCheck::Exceeded),
            ("3s,999B", LagCheck::Exceeded),
            ("3s,1kB", LagCheck::Within),
        ] {
            let limit: LagLimit = text.parse().expect("a limit");
            assert_eq!(limit.within(standby), expected, "{text}");
        }
    }

    use crate::cluster::Lsn;

    proptest! {
        #[test]
        fn any_text_is_a_limit_or_an_error(text in ".{0,24}") {
            let _ = text.parse::<LagLimit>();
        }
    }
}

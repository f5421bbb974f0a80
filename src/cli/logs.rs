//! `pgctl logs`.

use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, builder::PossibleValuesParser, builder::TypedValueParser as _};
use jiff::Timestamp;

use super::global::duration;
use crate::log::LogLevel;

/// Show what the servers write into their logs, all in one
///
/// The logs of all pods in the order of time, each line with its pod and what that pod is; a message of
/// several lines stays together. With -f it follows restarts, new pods and failovers. It understands
/// stderr with any log_line_prefix, csvlog and jsonlog, and the severities of every language that
/// PostgreSQL speaks.
///
/// An entry whose severity is not known is shown whatever --level says, and so is a line of another
/// program. Times are those of the nodes: where their clocks differ, so does the order.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl logs                        the last 100 lines of each pod
  pgctl logs primary -f             what the primary writes; after a failover, the new one
  pgctl logs --level warning --since 1h   what went wrong within the last hour
  pgctl logs replica-0 --previous   why did its container end?
  pgctl logs --grep 'deadlock|canceling' -f
  pgctl logs --slow --since 1d      which statements took how long (log_min_duration_statement)
  pgctl logs -f -o json | jq -r 'select(.level == \"fatal\") | .message'

Exit codes: 0; 2 there is no such pod; 3 no permission for pods/log; 7 the API, or every log that was
asked for, can't be read; 130 Ctrl-C")]
pub struct LogsArgs {
    /// `primary`, `replicas`, or names of pods or their tails [default: all]
    #[arg(value_name = "primary|replicas|POD")]
    pub targets: Vec<String>,
    /// Go on with what is written from now on
    #[arg(short, long, env = "PGCTL_FOLLOW", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub follow: bool,
    /// The last lines of each pod, or `all` [default: 100; all with --since or --slow]
    #[arg(long, env = "PGCTL_TAIL", hide_env = true, value_name = "N", value_parser = tail)]
    pub tail: Option<LogTail>,
    /// What was written in the last time (10m), or since a moment (2026-11-28T13:00:00Z)
    #[arg(long, env = "PGCTL_SINCE", hide_env = true, value_name = "TIME", value_parser = since)]
    pub since: Option<LogSince>,
    /// Of the containers before these
    #[arg(short, long, conflicts_with = "follow", env = "PGCTL_PREVIOUS", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub previous: bool,
    /// Only entries in which this regular expression matches ((?i) ignores case)
    #[arg(long, env = "PGCTL_GREP", hide_env = true, value_name = "RE")]
    pub grep: Option<String>,
    /// Only entries that are at least so bad
    #[arg(long, env = "PGCTL_LEVEL", hide_env = true, value_name = "LEVEL", value_parser = PossibleValuesParser::new(LEVELS.map(LogLevel::as_str)).map(|it| level(&it)))]
    pub level: Option<LogLevel>,
    /// Sum up the statements that log_min_duration_statement wrote, by their shape
    #[arg(long, conflicts_with_all = ["follow", "level"], env = "PGCTL_SLOW", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub slow: bool,
}

/// How much of the end of each log is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogTail {
    /// So many lines.
    Lines(u64),
    /// All.
    All,
}

/// Where a log is to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogSince {
    /// So long ago.
    Ago(Duration),
    /// At a moment.
    At(Timestamp),
}

const LEVELS: [LogLevel; 8] = [
    LogLevel::Debug,
    LogLevel::Info,
    LogLevel::Log,
    LogLevel::Notice,
    LogLevel::Warning,
    LogLevel::Error,
    LogLevel::Fatal,
    LogLevel::Panic,
];

fn level(name: &str) -> LogLevel {
    let mut levels = LEVELS.into_iter();
    levels
        .find(|it| it.as_str() == name)
        // Only those are possible.
        .unwrap_or(LogLevel::Debug)
}

fn tail(text: &str) -> Result<LogTail, String> {
    match text {
        "all" | "-1" => Ok(LogTail::All),
        number => number
            .parse()
            .map(LogTail::Lines)
            .map_err(|_| "give a number of lines, or all".to_owned()),
    }
}

fn since(text: &str) -> Result<LogSince, String> {
    let moment = || text.parse().map(LogSince::At);
    duration(text).map(LogSince::Ago).or_else(|_| {
        moment().map_err(|_| {
            "give a time with its unit, such as 10m, or a moment, such as 2026-11-28T13:00:00Z"
                .to_owned()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_a_time_or_a_moment() {
        assert_eq!(since("10m"), Ok(LogSince::Ago(Duration::from_secs(600))));
        let day = Duration::from_secs(24 * 3600);
        assert_eq!(since("1d"), Ok(LogSince::Ago(day)));
        assert!(matches!(since("2026-11-28T13:00:00Z"), Ok(LogSince::At(_))));
        assert!(matches!(
            since("2026-11-28T13:00:00+02:00"),
            Ok(LogSince::At(_))
        ));
        assert!(since("yesterday").is_err());
        assert_eq!(tail("all"), Ok(LogTail::All));
        assert!(tail("-3").is_err());
    }
}

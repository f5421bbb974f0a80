//! The files that a server writes its log into by itself (`logging_collector`).

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};

use super::json::json;
use super::{Session, SqlError, sql};
use crate::log::{LogFormat, LogTimes};

/// Past a statement's own timeout the server is given this long to say so.
const GRACE: Duration = Duration::from_millis(500);

/// Where a server writes its log to now. Paths are as the server itself opens them: relative ones begin in its data
/// directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerLog {
    /// Which of its formats (`log_destination`) is read: the one that says most.
    pub format: LogFormat,
    /// Path of the file that is written now.
    pub current: String,
    /// How its entries tell when they were written.
    pub times: LogTimes,
    /// When the server was started, to the second.
    pub started: Timestamp,
    /// `log_filename`.
    names: String,
}

/// One of the files of a server's log.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct LogFile {
    /// Its path, as the server opens it.
    #[serde(rename = "name")]
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// When it was written to last, in seconds since 1970, by the clock of its node.
    pub modified: f64,
}

/// A piece of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPiece {
    /// The file that is written now; none when the server has none any more.
    pub current: Option<String>,
    /// What stands there; less than was asked for only at the end.
    pub bytes: Vec<u8>,
    /// Bytes of the file; none when there is no such file any more.
    pub size: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    jsonlog: Option<String>,
    csvlog: Option<String>,
    stderr: Option<String>,
    names: String,
    prefix: String,
    started: f64,
    zone_now: i32,
    zones: BTreeMap<String, i32>,
}

impl Session {
    /// Where the server writes its log to; none when into no files.
    ///
    /// # Errors
    /// When the server does not answer, or this user may not know.
    pub async fn server_log(&self) -> Result<Option<ServerLog>, SqlError> {
        const DOING: &str = "asking where its log is";
        let answer: Answer = json(DOING, self.text(DOING, sql::SERVER_LOG).await?)?;
        let files = [
            (LogFormat::Json, answer.jsonlog),
            (LogFormat::Csv, answer.csvlog),
            (LogFormat::Stderr, answer.stderr),
        ];
        let mut files = files.into_iter();
        let first = files.find_map(|(format, file)| Some((format, file?)));
        // In whole seconds: so are the times of some entries.
        let started = Duration::try_from_secs_f64(answer.started.floor()).unwrap_or_default();
        let started = Timestamp::UNIX_EPOCH.checked_add(started);
        Ok(first.map(|(format, current)| ServerLog {
            format,
            current,
            times: LogTimes {
                zones: answer.zones,
                other_zone: answer.zone_now,
                prefix: answer.prefix,
            },
            started: started.unwrap_or(Timestamp::UNIX_EPOCH),
            names: answer.names,
        }))
    }

    /// All files of a server's log that are in its format, in the order in which they were written, the one that is written
    /// now last.
    ///
    /// # Errors
    /// When the server does not answer, or this user may not know.
    pub async fn log_files(&self, log: &ServerLog) -> Result<Vec<LogFile>, SqlError> {
        const DOING: &str = "listing the files of its log";
        let mut files: Vec<LogFile> = json(DOING, self.text(DOING, sql::LOG_FILES).await?)?;
        files.retain(|it| log.may_be(&it.path));
        let folder = log.current.rfind('/').map_or("", |at| &log.current[..=at]);
        for file in &mut files {
            file.path.insert_str(0, folder);
        }
        files.sort_by(|a, b| {
            let of = |it: &LogFile| it.path == log.current;
            of(a).cmp(&of(b)).then(a.modified.total_cmp(&b.modified))
        });
        Ok(files)
    }

    /// Reads a piece of a file of the server's log.
    ///
    /// # Errors
    /// When the server does not answer, or this user may not read it.
    pub async fn read_log(
        &self,
        log: &ServerLog,
        path: &str,
        offset: u64,
        length: u32,
    ) -> Result<LogPiece, SqlError> {
        const DOING: &str = "reading its log";
        let number = |it: u64| i64::try_from(it).unwrap_or(i64::MAX);
        let (offset, length) = (number(offset), number(length.into()));
        let destination = log.destination();
        let parameters: [(&(dyn ToSql + Sync), Type); 4] = [
            (&path, Type::TEXT),
            (&offset, Type::INT8),
            (&length, Type::INT8),
            (&destination, Type::TEXT),
        ];
        let late = || SqlError::TimedOut {
            doing: DOING.to_owned(),
            after: self.limit(),
        };
        let asking = self.client().query_typed(sql::READ_LOG, &parameters);
        let rows = match tokio::time::timeout(self.limit() + GRACE, asking).await {
            Ok(Ok(rows)) => rows,
            Ok(Err(error)) => {
                return Err(match SqlError::of(&error, DOING) {
                    Some(SqlError::Refused { sqlstate, .. })
                        if sqlstate == SqlState::QUERY_CANCELED.code() =>
                    {
                        late()
                    }
                    Some(error) => error,
                    None => SqlError::Lost {
                        doing: DOING.to_owned(),
                        reason: self.why_ended().await,
                    },
                });
            }
            Err(_) => return Err(late()),
        };
        let unexpected = |reason: String| SqlError::Unexpected {
            doing: DOING.to_owned(),
            reason,
        };
        let row = rows
            .first()
            .ok_or_else(|| unexpected("no answer".to_owned()))?;
        let read = || -> Result<LogPiece, tokio_postgres::Error> {
            let bytes: Option<Vec<u8>> = row.try_get(1)?;
            let size: Option<i64> = row.try_get(2)?;
            Ok(LogPiece {
                current: row.try_get(0)?,
                bytes: bytes.unwrap_or_default(),
                size: size.and_then(|it| u64::try_from(it).ok()),
            })
        };
        read().map_err(|error| unexpected(error.to_string()))
    }
}

impl ServerLog {
    /// Its format, as `log_destination` and `pg_current_logfile` name it.
    fn destination(&self) -> &'static str {
        match self.format {
            LogFormat::Json => "jsonlog",
            LogFormat::Csv => "csvlog",
            LogFormat::Stderr | LogFormat::StartScript | LogFormat::Other => "stderr",
        }
    }

    /// Whether a file may be one of this log, by its name: that is made by `strftime` from `log_filename`, whose `.log` at the
    /// end the other formats replace by their own (`logfile_getname` in src/backend/postmaster/syslogger.c).
    fn may_be(&self, name: &str) -> bool {
        let pattern = match (self.destination(), self.names.strip_suffix(".log")) {
            ("stderr", _) => self.names.clone(),
            (destination, stem) => {
                let ending = destination.trim_end_matches("log");
                format!("{}.{ending}", stem.unwrap_or(&self.names))
            }
        };
        let begin = pattern.find('%').unwrap_or(pattern.len());
        // Behind the last `%` stands one letter.
        let end = pattern.rfind('%').map_or(begin, |at| {
            let escape = pattern[at + 1..].chars().next();
            at + 1 + escape.map_or(0, char::len_utf8)
        });
        let (begins, ends) = (&pattern[..begin], &pattern[end..]);
        match begin == pattern.len() {
            true => name == pattern,
            false => {
                name.len() >= begins.len() + ends.len()
                    && name.starts_with(begins)
                    && name.ends_with(ends)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_log_are_known_by_their_names() {
        for (names, format, name, is_one) in [
            (
                "postgresql-%Y-%m-%d_%H%M%S.log",
                LogFormat::Stderr,
                "postgresql-2026-11-28_130000.log",
                true,
            ),
            (
                "postgresql-%Y-%m-%d_%H%M%S.log",
                LogFormat::Csv,
                "postgresql-2026-11-28_130000.csv",
                true,
            ),
            (
                "postgresql-%Y-%m-%d_%H%M%S.log",
                LogFormat::Json,
                "postgresql-2026-11-28_130000.json",
                true,
            ),
            (
                "postgresql-%Y-%m-%d_%H%M%S.log",
                LogFormat::Stderr,
                "postgresql-2026-11-28_130000.csv",
                false,
            ),
            (
                "postgresql-%Y-%m-%d_%H%M%S.log",
                LogFormat::Stderr,
                "postgresql-2026-11-28_130000.log.gz",
                false,
            ),
            (
                "postgresql-%Y-%m-%d_%H%M%S.log",
                LogFormat::Stderr,
                "pgbouncer.log",
                false,
            ),
            ("pg-%a", LogFormat::Stderr, "pg-Mon", true),
            ("pg-%a", LogFormat::Csv, "pg-Mon.csv", true),
            ("server.log", LogFormat::Stderr, "server.log", true),
            ("server.log", LogFormat::Csv, "server.csv", true),
            ("server.log", LogFormat::Stderr, "server.log.1", false),
        ] {
            let log = ServerLog {
                format,
                current: "log/x".to_owned(),
                times: LogTimes::default(),
                started: Timestamp::UNIX_EPOCH,
                names: names.to_owned(),
            };
            assert_eq!(log.may_be(name), is_one, "{names} {format:?} {name}");
        }
    }
}

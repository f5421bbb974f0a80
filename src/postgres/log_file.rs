//! The files that a server writes its log into by itself (`logging_collector`).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use tokio_postgres::types::{ToSql, Type};

use super::json::json;
use super::{Session, SqlError, sql};
use crate::log::LogZones;

/// Where a server writes its log to now. Paths are as the server itself opens them: relative ones begin in its data
/// directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerLog {
    /// Which of its formats (`log_destination`) is read: the one that says most.
    pub destination: &'static str,
    /// Path of the file that is written now.
    pub current: String,
    /// The zones of its times.
    pub zones: LogZones,
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
    /// What stands there; less than was asked for only at the end.
    pub bytes: Vec<u8>,
    /// Bytes of the file; none when there is no such file any more.
    pub size: Option<u64>,
    /// The file that is written now; none when the server has none any more.
    pub current: Option<String>,
}

/// Names of `log_destination`, the one that says most first.
const DESTINATIONS: [&str; 3] = ["jsonlog", "csvlog", "stderr"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    jsonlog: Option<String>,
    csvlog: Option<String>,
    stderr: Option<String>,
    zones: LogZonesAnswer,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogZonesAnswer {
    by_name: BTreeMap<String, i32>,
    now: i32,
}

impl Session {
    /// Where the server writes its log to; none when only to its container's. From now on nothing that this session
    /// asks is written there, as far as it may have that.
    ///
    /// # Errors
    /// When the server does not answer, or this user may not know.
    pub async fn server_log(&self) -> Result<Option<ServerLog>, SqlError> {
        const DOING: &str = "asking where its log is";
        match self.run(DOING, sql::WITHOUT_A_TRACE).await {
            // Not for this user.
            Err(error) if error.sqlstate() == Some("42501") => {}
            other => other?,
        }
        let answer: Answer = json(DOING, self.text(DOING, sql::SERVER_LOG).await?)?;
        let files = [answer.jsonlog, answer.csvlog, answer.stderr];
        let first = DESTINATIONS
            .into_iter()
            .zip(files)
            .find_map(|(destination, file)| Some((destination, file?)));
        Ok(first.map(|(destination, current)| ServerLog {
            destination,
            current,
            zones: LogZones {
                by_name: answer.zones.by_name,
                other: answer.zones.now,
            },
        }))
    }

    /// All files of a server's log that are in its format, the oldest first.
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
        let parameters: [(&(dyn ToSql + Sync), Type); 4] = [
            (&path, Type::TEXT),
            (&offset, Type::INT8),
            (&length, Type::INT8),
            (&log.destination, Type::TEXT),
        ];
        let asking = self.client().query_typed(sql::READ_LOG, &parameters);
        let rows =
            match tokio::time::timeout(self.limit() + Duration::from_millis(500), asking).await {
                Ok(Ok(rows)) => rows,
                Ok(Err(error)) => {
                    return Err(match SqlError::of(&error, DOING) {
                        Some(error) => error,
                        None => SqlError::Lost {
                            doing: DOING.to_owned(),
                            reason: self.why_ended().await,
                        },
                    });
                }
                Err(_) => {
                    return Err(SqlError::TimedOut {
                        doing: DOING.to_owned(),
                        after: self.limit(),
                    });
                }
            };
        let unexpected = |reason: String| SqlError::Unexpected {
            doing: DOING.to_owned(),
            reason,
        };
        let row = rows
            .first()
            .ok_or_else(|| unexpected("no answer".to_owned()))?;
        let read = || -> Result<LogPiece, tokio_postgres::Error> {
            let bytes: Option<Vec<u8>> = row.try_get(0)?;
            let size: Option<i64> = row.try_get(1)?;
            Ok(LogPiece {
                bytes: bytes.unwrap_or_default(),
                size: size.and_then(|it| u64::try_from(it).ok()),
                current: row.try_get(2)?,
            })
        };
        read().map_err(|error| unexpected(error.to_string()))
    }
}

impl ServerLog {
    /// Whether a file may be one of this log: all formats are in one directory, told apart by what their names end in
    /// (`logfile_getname` in src/backend/postmaster/syslogger.c).
    fn may_be(&self, name: &str) -> bool {
        let ends = |ending: &str| name.ends_with(ending);
        match self.destination {
            "jsonlog" => ends(".json"),
            "csvlog" => ends(".csv"),
            _ => !ends(".json") && !ends(".csv"),
        }
    }
}

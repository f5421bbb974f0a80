//! Which statements a server spends its time with (`pg_stat_statements`).

use jiff::Timestamp;
use serde::Deserialize;

/// What a server has counted of its statements.
#[derive(Debug, Clone, PartialEq)]
pub enum Statements {
    /// It counts.
    Counted(StatementCounts),
    /// It counts, and no database has the view of it.
    NoExtension,
    /// It does not count: the library is not loaded.
    NotLoaded,
}

/// The statements that took the most time.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatementCounts {
    /// Since when it counts; none when that is not known.
    pub since: Option<Timestamp>,
    /// Time that all statements together have taken, in seconds.
    pub all_seconds: f64,
    /// Those that took the most.
    pub statements: Vec<StatementCount>,
}

/// A statement, without its constants.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatementCount {
    /// `queryid`, as a decimal; none when we may not know.
    pub id: Option<String>,
    /// Name of the role that runs it; none when it was dropped.
    pub user: Option<String>,
    /// Name of the database; none when it was dropped.
    pub database: Option<String>,
    /// How often it was executed since the statistics began.
    pub calls: u64,
    /// In how much time, in seconds.
    pub total_seconds: f64,
    /// In how much on average, in seconds.
    pub mean_seconds: f64,
    /// How many rows it gave or changed.
    pub rows: u64,
    /// Pages that were found in shared memory.
    pub hit_pages: u64,
    /// Pages that had to be read.
    pub read_pages: u64,
    /// Time that reading took, in seconds; 0 without `track_io_timing`.
    pub read_seconds: f64,
    /// Pages of temporary files that it wrote.
    pub temp_pages: u64,
    /// Bytes of WAL that it wrote.
    pub wal_bytes: u64,
    /// Its text, with `$1` and so on for its constants.
    pub query: String,
}

impl StatementCount {
    /// How many of the pages that it needed were found in shared memory, 0 to 1; none when it needed none.
    #[expect(clippy::cast_precision_loss, reason = "a ratio")]
    pub fn hit_ratio(&self) -> Option<f64> {
        let all = self.hit_pages + self.read_pages;
        (all > 0).then(|| self.hit_pages as f64 / all as f64)
    }
}

//! Counting what a database holds: every row of every table is read.

use std::time::Duration;

use super::json::json;
use super::target::Table;
use super::{Session, SqlError, sql};

const DOING: &str = "counting rows";

/// One table may take as long as that.
const TABLE_LIMIT: Duration = Duration::from_secs(6 * 3600);

/// How much a database holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rows {
    /// Tables and materialized views, the system's own, too.
    pub tables: u64,
    /// Rows in them.
    pub rows: u64,
}

impl Session {
    /// Reads every row of the database that this session is in.
    ///
    /// # Errors
    /// When a table can't be read, or the server does not answer.
    pub async fn count_rows(&self) -> Result<Rows, SqlError> {
        let unexpected = |reason: String| SqlError::Unexpected {
            doing: DOING.to_owned(),
            reason,
        };
        let tables: Vec<Table> = json(DOING, self.text(DOING, sql::TABLES).await?)?;
        let mut sum = Rows::default();
        for table in tables {
            let doing = format!("counting the rows of {}", table.name);
            let count = self
                .of_table(&doing, &table, sql::count_of, TABLE_LIMIT)
                .await?;
            let count: Option<u64> = count.and_then(|text| text.parse().ok());
            sum.rows += count.ok_or_else(|| unexpected(format!("{} has no count", table.name)))?;
            sum.tables += 1;
        }
        Ok(sum)
    }
}

//! Unlogged tables: a standby has them, and nothing in them.

use super::json::json;
use super::{Session, SqlError, sql};

const DOING: &str = "asking for unlogged tables";

impl Session {
    /// Names of the databases that have unlogged relations: each of those has a file that says how it
    /// begins. Nobody needs to log in to them for that.
    ///
    /// # Errors
    /// When the server does not answer, or the user may not list its files.
    pub async fn databases_with_unlogged(&self) -> Result<Vec<String>, SqlError> {
        let text = self.text(DOING, sql::UNLOGGED_DATABASES).await?;
        json(DOING, Some(text.unwrap_or_else(|| "[]".to_owned())))
    }

    /// How many unlogged tables this database has, and their bytes with all that belongs to them.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn unlogged_tables(&self) -> Result<(u64, u64), SqlError> {
        let text = self.text(DOING, &sql::unlogged_tables()).await?;
        text.as_deref()
            .and_then(|text| text.split_once(' '))
            .and_then(|(count, bytes)| Some((count.parse().ok()?, bytes.parse().ok()?)))
            .ok_or_else(|| SqlError::Unexpected {
                doing: DOING.to_owned(),
                reason: format!("it says {text:?}"),
            })
    }
}

//! Where a server writes its log to by itself.

use super::{Session, SqlError, sql};

impl Session {
    /// Path of the file that the server's log goes into now (`logging_collector`); none when it goes into
    /// none.
    ///
    /// # Errors
    /// When the server does not answer, or this user may not know.
    pub async fn log_file(&self) -> Result<Option<String>, SqlError> {
        self.text("asking where its log is", sql::LOG_FILE).await
    }
}

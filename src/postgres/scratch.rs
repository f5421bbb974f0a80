//! Statements for a throw-away server.

use super::{Session, SqlError, quote_identifier};

impl Session {
    /// Makes a role that may do all, so that it can own anything, and can't log in.
    ///
    /// # Errors
    /// When there is one of this name, or the server does not answer.
    pub async fn make_role(&self, name: &str) -> Result<(), SqlError> {
        let sql = format!("create role {} superuser", quote_identifier(name));
        self.run("making a role", &sql).await
    }

    /// Deletes a database, when there is one of this name.
    ///
    /// # Errors
    /// When somebody is in it, or the server does not answer.
    pub async fn drop_database(&self, name: &str) -> Result<(), SqlError> {
        let sql = format!("drop database if exists {}", quote_identifier(name));
        self.run("deleting a database", &sql).await
    }
}

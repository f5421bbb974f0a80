//! Statements for the throw-away server of a restore test.

use super::json::json;
use super::{Session, SqlError, quote_identifier, quote_literal, sql};

impl Session {
    /// Lets no event trigger of this database fire any more. To change one fires none.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn disable_event_triggers(&self) -> Result<(), SqlError> {
        const DOING: &str = "disabling event triggers";
        let names: Vec<String> = json(DOING, self.text(DOING, sql::EVENT_TRIGGERS).await?)?;
        for name in names {
            let name = quote_identifier(&name);
            self.run(DOING, &format!("alter event trigger {name} disable"))
                .await?;
        }
        Ok(())
    }

    /// Makes a role that may do all, so that it can own anything, and can't log in.
    ///
    /// # Errors
    /// When there is one of this name, or the server does not answer.
    pub async fn make_role(&self, name: &str) -> Result<(), SqlError> {
        let sql = format!("create role {} superuser", quote_identifier(name));
        self.run("making a role", &sql).await
    }

    /// Whether an extension of this name can be had here.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn has_extension(&self, name: &str) -> Result<bool, SqlError> {
        let name = quote_literal(name);
        let sql = format!(
            "select (exists (select from pg_available_extensions where name = {name}))::text"
        );
        self.truth("asking which extensions there are", &sql).await
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

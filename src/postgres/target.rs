//! What a logical restore asks of the server that it restores into, and does there.

use std::time::Duration;

use serde::Deserialize;

use super::json::json;
use super::{Session, SqlError, quote_identifier, quote_literal, sql};
use crate::cluster::Lsn;

/// Counting the size of every database looks at each of its files.
const SIZES_LIMIT: Duration = Duration::from_secs(120);

/// What there is on a server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// Its databases, without `template0`.
    pub databases: Vec<TargetDatabase>,
    /// Its roles, those of PostgreSQL's own, too.
    pub roles: Vec<String>,
    /// Its tablespaces, PostgreSQL's own, too.
    pub tablespaces: Vec<String>,
    /// Extensions that can be made.
    pub extensions: Vec<String>,
}

/// One of its databases.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetDatabase {
    /// Name.
    pub name: String,
    /// `pg_database_size()`.
    pub size_bytes: u64,
    /// `datallowconn`.
    pub connects: bool,
    /// What an interrupted DROP DATABASE has left.
    pub invalid: bool,
    /// Sessions of clients, without our own.
    pub sessions: u32,
    /// Names of its logical replication slots.
    pub logical_slots: Vec<String>,
    /// Number of its prepared transactions.
    pub prepared: u32,
    /// Number of its subscriptions.
    pub subscriptions: u32,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Table {
    pub(super) oid: u32,
    /// As it is written in a query, with what is not UTF-8 escaped.
    pub(super) name: String,
}

/// A statement of several that failed.
#[derive(Debug)]
pub struct FailedStatement {
    /// Which, from 0; none when it was not one of them (the commit).
    pub index: Option<usize>,
    /// What the server, or the way to it, said.
    pub error: SqlError,
}

impl Session {
    /// What there is on this server.
    ///
    /// # Errors
    /// When it does not answer, or what it says makes no sense.
    pub async fn target(&self) -> Result<Target, SqlError> {
        const DOING: &str = "asking what there is";
        let text = self.text_within(DOING, sql::TARGET, SIZES_LIMIT).await?;
        json(DOING, text)
    }

    /// Whether this database holds anything that a new one does not.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn holds_data(&self) -> Result<bool, SqlError> {
        self.truth("asking whether the database holds data", sql::HOLDS_DATA)
            .await
    }

    /// `server_version_num`.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn version(&self) -> Result<u32, SqlError> {
        const DOING: &str = "asking for the version";
        json(DOING, self.text(DOING, "show server_version_num").await?)
    }

    /// Names of all databases.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn database_names(&self) -> Result<Vec<String>, SqlError> {
        const DOING: &str = "asking for the databases";
        json(DOING, self.text(DOING, sql::DATABASE_NAMES).await?)
    }

    /// Names of the databases that take connections.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn open_database_names(&self) -> Result<Vec<String>, SqlError> {
        const DOING: &str = "asking for the databases";
        json(DOING, self.text(DOING, sql::OPEN_DATABASE_NAMES).await?)
    }

    /// Reads a row of each of some tables of this database, and says how many were read.
    ///
    /// # Errors
    /// When a row can't be read, or the server does not answer.
    pub async fn read_some_rows(&self, limit: Duration) -> Result<usize, SqlError> {
        const DOING: &str = "asking for the tables";
        let tables: Vec<Table> = json(DOING, self.text(DOING, sql::SOME_TABLES).await?)?;
        for table in &tables {
            let doing = format!("reading a row of {}", table.name);
            self.of_table(&doing, table, sql::some_row, limit).await?;
        }
        Ok(tables.len())
    }

    /// The answer to a query about a table. A name that is not plain ASCII may be one that can't be
    /// sent as it is: then the table is asked for by its OID.
    pub(super) async fn of_table(
        &self,
        doing: &str,
        table: &Table,
        query: fn(&str) -> String,
        limit: Duration,
    ) -> Result<Option<String>, SqlError> {
        let sql = if table.name.is_ascii() && !table.name.contains('\\') {
            query(&table.name)
        } else {
            sql::by_oid(table.oid, query)
        };
        self.text_within(doing, &sql, limit).await
    }

    /// Names of all roles.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn role_names(&self) -> Result<Vec<String>, SqlError> {
        const DOING: &str = "asking for the roles";
        json(DOING, self.text(DOING, sql::ROLE_NAMES).await?)
    }

    /// Runs a statement that takes its time and gives nothing back.
    ///
    /// # Errors
    /// When the server refuses it, or does not answer in time.
    pub async fn run_long(
        &self,
        doing: &str,
        statement: &str,
        limit: Duration,
    ) -> Result<(), SqlError> {
        self.run_within(doing, statement, limit).await
    }

    /// Runs statements in one transaction: all of them, or none.
    ///
    /// # Errors
    /// The first that failed; then nothing was changed, unless the connection was lost.
    pub async fn run_all(
        &self,
        doing: &str,
        statements: &[String],
        limit: Duration,
    ) -> Result<(), FailedStatement> {
        let other = |error| FailedStatement { index: None, error };
        self.run(doing, "begin").await.map_err(other)?;
        for (index, statement) in statements.iter().enumerate() {
            if let Err(error) = self.run_within(doing, statement, limit).await {
                if !error.outcome_unknown() {
                    // The connection is of no more use if even that fails.
                    self.run(doing, "rollback").await.ok();
                }
                return Err(FailedStatement {
                    index: Some(index),
                    error,
                });
            }
        }
        self.run_within(doing, "commit", limit).await.map_err(other)
    }

    /// Drops a database that exists, also when it is a template, somebody is in it, or an earlier
    /// drop was interrupted.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn remove_database(&self, name: &str, limit: Duration) -> Result<(), SqlError> {
        let doing = format!("dropping the database {name}");
        let quoted = quote_identifier(name);
        // One that is invalid can be dropped, and nothing else: to alter it ends the session.
        if !self.invalid_databases().await?.iter().any(|it| it == name) {
            let plain = format!("alter database {quoted} is_template false");
            self.run(&doing, &plain).await?;
        }
        let drop = format!("drop database if exists {quoted} with (force)");
        self.run_within(&doing, &drop, limit).await
    }

    /// Names of the databases that an interrupted DROP DATABASE has left.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn invalid_databases(&self) -> Result<Vec<String>, SqlError> {
        const DOING: &str = "asking for invalid databases";
        json(DOING, self.text(DOING, sql::INVALID_DATABASES).await?)
    }

    /// Whether a database has subscriptions: while it has, it can't be dropped.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn has_subscriptions(&self, database: &str) -> Result<bool, SqlError> {
        let sql = sql::has_subscriptions(database);
        self.truth("asking for subscriptions", &sql).await
    }

    /// Drops the subscriptions of this database, without a word to whoever they subscribe to.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn drop_subscriptions(&self) -> Result<(), SqlError> {
        const DOING: &str = "dropping subscriptions";
        let names: Vec<String> = json(DOING, self.text(DOING, sql::SUBSCRIPTIONS).await?)?;
        for name in names {
            let name = quote_identifier(&name);
            for change in ["disable", "set (slot_name = none)"] {
                let sql = format!("alter subscription {name} {change}");
                self.run(DOING, &sql).await?;
            }
            self.run(DOING, &format!("drop subscription {name}"))
                .await?;
        }
        Ok(())
    }

    /// Drops those of these roles that exist: together, as they may have given each other
    /// memberships.
    ///
    /// # Errors
    /// When something still belongs to one.
    pub async fn drop_roles(&self, names: &[String]) -> Result<(), SqlError> {
        if names.is_empty() {
            return Ok(());
        }
        let quoted: Vec<String> = names.iter().map(|name| quote_identifier(name)).collect();
        let drop = format!("drop role if exists {}", quoted.join(", "));
        self.run("dropping roles", &drop).await
    }

    /// Sets the comment of a database.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn comment_database(&self, name: &str, comment: &str) -> Result<(), SqlError> {
        let statement = format!(
            "comment on database {} is {}",
            quote_identifier(name),
            quote_literal(comment)
        );
        self.run("marking the database", &statement).await
    }

    /// The comment of a database; none when there is no such database, or no comment.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn database_comment(&self, name: &str) -> Result<Option<String>, SqlError> {
        self.text("asking for the mark", &sql::database_comment(name))
            .await
    }

    /// Ends the sessions in these databases, except our own.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn end_sessions_in(&self, names: &[String]) -> Result<(), SqlError> {
        self.run("ending sessions", &sql::end_sessions_in(names))
            .await
    }

    /// Names of the standbys that have replayed up to a position.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn replayed_by(&self, position: Lsn) -> Result<Vec<String>, SqlError> {
        const DOING: &str = "asking what the standbys have replayed";
        let sql = sql::replayed(&position.to_string());
        json(DOING, self.text(DOING, &sql).await?)
    }
}

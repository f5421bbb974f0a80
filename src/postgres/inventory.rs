//! What a backup asks of a server: its databases and tablespaces, positions in the WAL, and a slot
//! that keeps WAL for as long as a base backup takes.

use std::time::Duration;

use serde::Deserialize;

use super::json::json;
use super::top::cut;
use super::{Session, SqlError, quote_literal, sql};
use crate::cluster::Lsn;

const DOING: &str = "asking for the databases";

/// Counting the size of every database looks at each of its files.
const SIZES_LIMIT: Duration = Duration::from_secs(120);

/// What can be dumped.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    /// The databases that take connections, `template1` first, then by name, as `pg_dumpall`
    /// does it; never `template0`.
    pub databases: Vec<DatabaseRow>,
    /// Databases that nobody can connect to (`ALLOW_CONNECTIONS false`, or what an interrupted DROP
    /// DATABASE has left) or whose name is not UTF-8, and so nobody can dump; never `template0`.
    #[serde(default)]
    pub closed: Vec<String>,
    /// Tablespaces other than PostgreSQL's own.
    pub tablespaces: Vec<String>,
    /// `system_identifier` of `pg_control_system()`.
    pub system_identifier: String,
    /// `server_version_num`.
    pub version: u32,
}

/// A database.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseRow {
    /// Name.
    pub name: String,
    /// Name of the role that owns it.
    pub owner: String,
    /// `pg_encoding_to_char(encoding)`, such as `UTF8`.
    pub encoding: String,
    /// `datcollate`.
    pub collate: String,
    /// `datctype`.
    pub ctype: String,
    /// Locale provider: `c` (libc), `i` (ICU), `b` (built in); none before PostgreSQL 15.
    #[serde(default)]
    pub provider: Option<String>,
    /// Its locale, of the providers `i` and `b`.
    #[serde(default)]
    pub locale: Option<String>,
    /// ICU's own rules on top of it.
    #[serde(default)]
    pub icu_rules: Option<String>,
    /// `pg_database_size()`, in bytes.
    pub size_bytes: u64,
    /// What it was called before it was renamed out of the way, when that was done.
    #[serde(skip)]
    pub before: Option<String>,
}

impl DatabaseRow {
    /// The name that it has in a backup.
    pub fn name_in_backup(&self) -> &str {
        self.before.as_deref().unwrap_or(&self.name)
    }
}

/// A session that waits for a lock.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LockWait {
    /// The database that it is in.
    pub database: Option<String>,
    /// What it wants to do.
    pub statement: String,
    /// The table, index or view, by its OID.
    pub relation: Option<u32>,
    /// For how long, in seconds.
    pub seconds: i64,
    /// Who is in the way: pid, user, application, state, how long his transaction has lasted, and
    /// what he did last.
    pub blockers: Vec<String>,
}

/// One start of one server: two that are the same are one server that has run all the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerStart {
    /// When it started, and its system identifier.
    started: String,
    timeline: u32,
}

impl Session {
    /// What can be dumped.
    ///
    /// # Errors
    /// When the server does not answer, or what it says makes no sense.
    pub async fn inventory(&self) -> Result<Inventory, SqlError> {
        let document = self.text_within(DOING, sql::INVENTORY, SIZES_LIMIT);
        let mut inventory: Inventory = json(DOING, document.await?)?;
        // A name that had to be escaped can't be given to anybody who is to connect.
        let mut nameless = Vec::new();
        for row in &inventory.databases {
            if row.name.contains("\\x") && !self.has_database(&row.name).await? {
                nameless.push(row.name.clone());
            }
        }
        inventory
            .databases
            .retain(|it| !nameless.contains(&it.name));
        inventory.closed.extend(nameless);
        Ok(inventory)
    }

    async fn has_database(&self, name: &str) -> Result<bool, SqlError> {
        let sql = format!(
            "select exists (select from pg_catalog.pg_database where datname = {})::text",
            quote_literal(name)
        );
        self.truth(DOING, &sql).await
    }

    /// Timeline and position in the WAL: written on a primary, replayed on a standby.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn wal_position(&self) -> Result<(u32, Lsn), SqlError> {
        const DOING: &str = "asking for the position in the WAL";
        let text = self.text(DOING, sql::WAL_POSITION).await?;
        text.as_deref()
            .and_then(|text| text.split_once(' '))
            .and_then(|(timeline, lsn)| Some((timeline.parse().ok()?, lsn.parse().ok()?)))
            .ok_or_else(|| SqlError::Unexpected {
                doing: DOING.to_owned(),
                reason: format!("{text:?} is no position"),
            })
    }

    /// Makes a physical slot that keeps WAL from now on and vanishes with this session.
    ///
    /// The answer is from where on.
    ///
    /// # Errors
    /// When there is no room for a slot, or the server does not answer.
    pub async fn keep_wal(&self, slot: &str) -> Result<Lsn, SqlError> {
        const DOING: &str = "keeping WAL for the base backup";
        let sql = format!(
            "select lsn from pg_catalog.pg_create_physical_replication_slot({}, true, true)",
            quote_literal(slot)
        );
        let text = self.text(DOING, &sql).await?;
        text.as_deref()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| SqlError::Unexpected {
                doing: DOING.to_owned(),
                reason: format!("{text:?} is no position"),
            })
    }

    /// Whether a slot still holds what it was made for; one that is not there says nothing.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn slot_holds(&self, slot: &str) -> Result<bool, SqlError> {
        let sql = format!(
            "select wal_status from pg_catalog.pg_replication_slots where slot_name = {}",
            quote_literal(slot)
        );
        let status = self.text("asking for the slot of the base backup", &sql);
        Ok(!matches!(
            status.await?.as_deref(),
            Some("unreserved" | "lost")
        ))
    }

    /// `max_slot_wal_keep_size` in whole segments, in bytes; none when it is unlimited.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn slot_limit(&self) -> Result<Option<u64>, SqlError> {
        let text = self
            .text("asking how much WAL a slot may keep", sql::SLOT_LIMIT)
            .await?;
        Ok(text.and_then(|text| text.parse().ok()))
    }

    /// What tells this start of the server from the one before a restart, and from another server's.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn server_start(&self) -> Result<ServerStart, SqlError> {
        let started = self
            .text("asking since when the server runs", sql::SERVER_START)
            .await?
            .unwrap_or_default();
        let (timeline, _) = self.wal_position().await?;
        Ok(ServerStart { started, timeline })
    }

    /// How far the base backup with this `application_name` has come: bytes sent, and bytes in all
    /// when the server has estimated them. None when there is none.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn base_backup_progress(
        &self,
        application_name: &str,
    ) -> Result<Option<(u64, Option<u64>)>, SqlError> {
        let sql = format!(
            "{} where a.application_name = {}",
            sql::BASE_BACKUP_PROGRESS,
            quote_literal(application_name)
        );
        let text = self.text("asking how far the base backup is", &sql).await?;
        Ok(text.and_then(|text| {
            let (sent, total) = text.split_once(' ')?;
            Some((sent.parse().ok()?, total.parse().ok()))
        }))
    }

    /// The sessions with this `application_name` that wait for locks.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn lock_waits(&self, application_name: &str) -> Result<Vec<LockWait>, SqlError> {
        const DOING: &str = "asking what the dump waits for";
        let sql = sql::lock_waits(application_name);
        let mut waits: Vec<LockWait> = json(DOING, self.text(DOING, &sql).await?)?;
        for wait in &mut waits {
            cut(&mut wait.statement, 200);
            wait.blockers.iter_mut().for_each(|it| cut(it, 300));
        }
        Ok(waits)
    }

    /// Ends every session with this `application_name`: what a stopped dump may have left behind.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn end_sessions_named(&self, application_name: &str) -> Result<(), SqlError> {
        let sql = format!(
            "select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity \
             where application_name = {}",
            quote_literal(application_name)
        );
        self.run("ending what is left of the dump", &sql).await
    }
}

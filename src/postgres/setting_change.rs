//! Changes of settings.

use std::time::Duration;

use super::{Session, SqlError, quote_literal};
use crate::cluster::{Lsn, Setting, alter_system, list_elements};

impl Session {
    /// Sets, or resets, a setting in this server's `postgresql.auto.conf`.
    ///
    /// # Errors
    /// When the server says no (nothing is changed), or does not answer.
    pub async fn alter_setting(&self, name: &str, value: Option<&str>) -> Result<(), SqlError> {
        let doing = match value {
            Some(_) => format!("setting {name}"),
            None => format!("resetting {name}"),
        };
        self.run(&doing, &alter_system(name, value)).await
    }

    /// Lets the server read its files again. It is done in its own time.
    ///
    /// # Errors
    /// When the server says no, or does not answer.
    pub async fn reload_files(&self) -> Result<(), SqlError> {
        self.run("reading its files again", "select pg_reload_conf()")
            .await
    }

    /// A checkpoint on a primary; gives where its WAL ends afterwards.
    ///
    /// # Errors
    /// When it takes longer than `limit`, or the server does not answer.
    pub async fn checkpoint_end(&self, limit: Duration) -> Result<Lsn, SqlError> {
        const DOING: &str = "asking where its WAL ends";
        self.checkpoint(limit).await?;
        let end = self.text(DOING, "select pg_current_wal_lsn()").await?;
        let end = end.unwrap_or_default();
        end.parse().map_err(|_| SqlError::Unexpected {
            doing: DOING.to_owned(),
            reason: format!("it says {end:?}"),
        })
    }

    /// Waits until a standby has replayed up to a position, and takes a restartpoint: what it replays when it
    /// starts again comes after that.
    ///
    /// # Errors
    /// When it has not within `limit`, is out of recovery, or does not answer.
    pub async fn restartpoint_past(&self, end: Lsn, limit: Duration) -> Result<(), SqlError> {
        const DOING: &str = "waiting until it has replayed what the primary has checkpointed";
        const POLL: Duration = Duration::from_millis(200);
        let replayed = async {
            loop {
                match self.progress().await? {
                    Some(now) if now.replayed >= end => return Ok(()),
                    Some(_) => tokio::time::sleep(POLL).await,
                    None => {
                        return Err(SqlError::Unexpected {
                            doing: DOING.to_owned(),
                            reason: "it is out of recovery".to_owned(),
                        });
                    }
                }
            }
        };
        match tokio::time::timeout(limit, replayed).await {
            Ok(replayed) => replayed?,
            Err(_) => {
                return Err(SqlError::TimedOut {
                    doing: DOING.to_owned(),
                    after: limit,
                });
            }
        }
        self.checkpoint(limit).await
    }

    /// What this server has against a value, without changing anything; none when it has nothing, or would say so
    /// only when it is set.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn not_taken_as_setting(
        &self,
        setting: &Setting,
        value: &str,
    ) -> Result<Option<String>, SqlError> {
        const DOING: &str = "trying a value";
        let name = setting.name.as_str();
        if name.ends_with("preload_libraries") {
            return self.missing_library(name, value).await;
        }
        // Anything else can't be tried in a session.
        if !matches!(setting.context.as_str(), "user" | "superuser") {
            return Ok(None);
        }
        // For this one statement only: it is a transaction of its own.
        let sql = format!(
            "select set_config({}, {}, true)",
            quote_literal(name),
            quote_literal(value)
        );
        match self.text(DOING, &sql).await {
            Ok(_) => Ok(None),
            Err(SqlError::Refused { message, .. }) => Ok(Some(message)),
            Err(other) => Err(other),
        }
    }

    /// A library that this server does not have: it would not start again.
    async fn missing_library(&self, name: &str, value: &str) -> Result<Option<String>, SqlError> {
        const DOING: &str = "looking for libraries";
        for library in list_elements(name, value).unwrap_or_default() {
            let path = match library.strip_prefix("$libdir/") {
                Some(rest) => rest,
                // Where the others are the server alone knows.
                None if library.contains('/') => continue,
                None => library.as_str(),
            };
            let file = quote_literal(&format!("/{}.so", path.trim_end_matches(".so")));
            let sql = format!(
                "select (pg_stat_file(setting || {file}, true)).size is not null \
                 from pg_config where name = 'PKGLIBDIR'"
            );
            if self.text(DOING, &sql).await?.as_deref() == Some("f") {
                return Ok(Some(format!("the image has no library {library:?}")));
            }
        }
        Ok(None)
    }
}

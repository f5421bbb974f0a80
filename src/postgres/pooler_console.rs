//! What PgBouncer's console says (documentation of PgBouncer, "Admin console").

use std::time::Duration;

use tokio_postgres::SimpleQueryMessage;

use super::{Session, SqlError};
use crate::cluster::{Pool, PoolerState, names};

const ASKING_STATE: &str = "asking the pooler for its state";

/// What came of what a pooler was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsoleAnswer {
    /// It has done it.
    Done,
    /// It was so already.
    AlreadySo,
}

impl Session {
    /// What the pooler says of itself to whose console this session leads.
    ///
    /// # Errors
    /// When it does not answer, or says something else.
    pub async fn pooler_state(&self) -> Result<PoolerState, SqlError> {
        let (pools, wait_limit, paused, databases) = futures::join!(
            self.pools(),
            self.pooler_setting("query_wait_timeout"),
            self.is_pooler_paused(),
            self.paused_databases(),
        );
        let wait_limit = wait_limit?.and_then(|it| it.parse::<f64>().ok());
        Ok(PoolerState {
            paused: paused?,
            paused_databases: databases?,
            wait_limit_seconds: wait_limit.filter(|it| *it > 0.0),
            pools: pools?,
        })
    }

    /// Lets its clients wait, from now on; answers once every transaction that was under way has ended.
    ///
    /// # Errors
    /// When it does not do it, or not in time. Its clients wait all the same then, whether this session ends or not, until it
    /// is told otherwise (`admin_pause_done` in PgBouncer's `src/admin.c`): [`Self::resume_pooler`].
    pub async fn pause_pooler(&self, limit: Duration) -> Result<ConsoleAnswer, SqlError> {
        let told = self.messages("pausing the pooler", "PAUSE", limit).await;
        unless_so(told, "already")
    }

    /// Lets its clients go on.
    ///
    /// # Errors
    /// When it does not do it.
    pub async fn resume_pooler(&self) -> Result<ConsoleAnswer, SqlError> {
        let told = self.messages("resuming the pooler", "RESUME", self.limit());
        unless_so(told.await, "not paused")
    }

    /// Lets it read its files again.
    ///
    /// # Errors
    /// When it does not do it.
    pub async fn reload_pooler(&self) -> Result<ConsoleAnswer, SqlError> {
        let told = self.messages("reloading the pooler", "RELOAD", self.limit());
        told.await.map(|_| ConsoleAnswer::Done)
    }

    /// Whether it was told to let all of its clients wait (`PAUSE`, `SUSPEND`); none when it does not say.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn is_pooler_paused(&self) -> Result<Option<bool>, SqlError> {
        match self
            .messages(ASKING_STATE, "SHOW STATE", self.limit())
            .await
        {
            Ok(messages) => {
                let is = |name: &str| row_of(&messages, name).map(|it| it == "yes");
                let paused = is("paused");
                Ok(paused.map(|it| it || is("suspended") == Some(true)))
            }
            Err(SqlError::Refused { .. }) => self.refuses_a_pause_as_paused().await,
            Err(error) => Err(error),
        }
    }

    /// The same of a version without `SHOW STATE` (1.18). The console's own database is never paused, and whoever asks for that
    /// is told so; but before it that everything is paused already, when it is (`admin_cmd_pause` in `src/admin.c`).
    async fn refuses_a_pause_as_paused(&self) -> Result<Option<bool>, SqlError> {
        let sql = format!("PAUSE {}", names::POOLER_CONSOLE);
        match self.messages(ASKING_STATE, &sql, self.limit()).await {
            Err(SqlError::Refused { message, .. }) => Ok(paused_by(&message)),
            Ok(_) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The databases that it was told to let wait alone (`PAUSE shop`, `KILL shop`), by name. One that has neither clients nor
    /// servers is not told of until somebody asks for it: PgBouncer lists it nowhere (`autodatabase_idle_list` in its
    /// `src/janitor.c`).
    ///
    /// # Errors
    /// When it does not answer, or says something else.
    pub async fn paused_databases(&self) -> Result<Vec<String>, SqlError> {
        const DOING: &str = "asking the pooler for its databases";
        let messages = self.messages(DOING, "SHOW DATABASES", self.limit()).await?;
        let mut paused = Vec::new();
        for message in &messages {
            let SimpleQueryMessage::Row(row) = message else {
                continue;
            };
            // By name: each version has more columns than the one before.
            let text = |name: &str| row.try_get(name).ok().flatten();
            let number = text("paused").and_then(|it| it.parse::<u64>().ok());
            match (text("name"), number) {
                (Some(_), Some(0)) => {}
                (Some(name), Some(_)) => paused.push(name.to_owned()),
                _ => {
                    return Err(SqlError::Unexpected {
                        doing: DOING.to_owned(),
                        reason: "SHOW DATABASES does not say which are paused".to_owned(),
                    });
                }
            }
        }
        paused.sort();
        Ok(paused)
    }

    async fn pooler_setting(&self, name: &str) -> Result<Option<String>, SqlError> {
        const DOING: &str = "asking the pooler for its settings";
        let messages = self.messages(DOING, "SHOW CONFIG", self.limit()).await?;
        Ok(row_of(&messages, name))
    }

    /// The pools of the pooler to whose console this session leads, without the console's own, and without the one through
    /// which it asks for verifiers. Those first in which somebody waits for the longest.
    ///
    /// # Errors
    /// When it does not answer, or says something else.
    async fn pools(&self) -> Result<Vec<Pool>, SqlError> {
        const DOING: &str = "asking the pooler for its pools";
        let messages = self.messages(DOING, "SHOW POOLS", self.limit()).await?;
        let mut pools = Vec::new();
        for message in &messages {
            let SimpleQueryMessage::Row(row) = message else {
                continue;
            };
            let text = |name: &str| row.try_get(name).ok().flatten();
            // By name: each version has more columns than the one before.
            let number = |name: &str| {
                let value = text(name).and_then(|it| it.parse::<u64>().ok());
                value.ok_or_else(|| SqlError::Unexpected {
                    doing: DOING.to_owned(),
                    reason: format!("SHOW POOLS has no number {name}"),
                })
            };
            let database = text("database").unwrap_or_default().to_owned();
            let user = text("user").unwrap_or_default().to_owned();
            if database == names::POOLER_CONSOLE || user == names::POOLER_ROLE {
                continue;
            }
            // Microseconds since 1.8; a whole second of them is in the other column.
            let micros = number("maxwait_us").unwrap_or(0) as f64 / 1e6;
            pools.push(Pool {
                database,
                user,
                clients: number("cl_active")?,
                waiting: number("cl_waiting")?,
                oldest_wait_seconds: number("maxwait")? as f64 + micros,
                servers_active: number("sv_active")?,
                servers_idle: number("sv_idle")? + number("sv_used")? + number("sv_tested")?,
                servers_connecting: number("sv_login")?,
            });
        }
        pools.sort_by(|a, b| {
            let waits = b.oldest_wait_seconds.total_cmp(&a.oldest_wait_seconds);
            waits.then_with(|| (&a.database, &a.user).cmp(&(&b.database, &b.user)))
        });
        Ok(pools)
    }
}

/// The column `value` of the row with this key.
fn row_of(messages: &[SimpleQueryMessage], name: &str) -> Option<String> {
    messages.iter().find_map(|message| {
        let SimpleQueryMessage::Row(row) = message else {
            return None;
        };
        let text = |name: &str| row.try_get(name).ok().flatten();
        let value = text("value").filter(|_| text("key") == Some(name));
        value.map(str::to_owned)
    })
}

/// What the refusal to pause the console's database says of all the others. PgBouncer's words are English whatever the locale.
fn paused_by(refusal: &str) -> Option<bool> {
    if refusal.contains("already suspended/paused") {
        Some(true)
    } else if refusal.contains("cannot pause admin db") {
        Some(false)
    } else {
        None
    }
}

/// That it was so already, PgBouncer says as an error, in English whatever the locale.
fn unless_so(
    told: Result<Vec<SimpleQueryMessage>, SqlError>,
    words: &str,
) -> Result<ConsoleAnswer, SqlError> {
    match told {
        Ok(_) => Ok(ConsoleAnswer::Done),
        Err(SqlError::Refused { message, .. }) if message.contains(words) => {
            Ok(ConsoleAnswer::AlreadySo)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::paused_by;

    #[test]
    fn what_a_refusal_does_not_say_is_not_known() {
        assert_eq!(paused_by("already suspended/paused"), Some(true));
        assert_eq!(paused_by("cannot pause admin db: pgbouncer"), Some(false));
        assert_eq!(paused_by("admin access needed"), None);
    }
}

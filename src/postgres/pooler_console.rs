//! What PgBouncer's console says (documentation of PgBouncer, "Admin console").

use tokio_postgres::SimpleQueryMessage;

use super::{Session, SqlError};
use crate::cluster::{Pool, names};

impl Session {
    /// The pools of the pooler to whose console this session leads, without the console's own, and without the one through
    /// which it asks for verifiers. Those first in which somebody waits for the longest.
    ///
    /// # Errors
    /// When it does not answer, or says something else.
    pub async fn pools(&self) -> Result<Vec<Pool>, SqlError> {
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

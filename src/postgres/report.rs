//! What `pgctl report` asks of a server.

use serde_json::Value;

use super::json::json;
use super::{Session, SqlError};

const DOING: &str = "asking for the settings";

const SETTINGS: &str = r"
select coalesce(json_agg(json_build_object(
    'name', name,
    'setting', case when name in ('ssl_passphrase_command', 'primary_conninfo') and setting <> ''
      then '[left out]' else setting end,
    'unit', unit,
    'source', source,
    'sourceFile', sourcefile,
    'sourceLine', sourceline,
    'pendingRestart', pending_restart) order by name), '[]')::text
from pg_settings";

/// Without what people ask: who is there, since when, and what he waits for.
const SESSIONS: &str = r"
select coalesce(json_agg(to_jsonb(a) - 'query' order by a.pid), '[]')::text from pg_stat_activity a";

const SESSIONS_WITH_QUERIES: &str = r"
select coalesce(json_agg(to_jsonb(a) order by a.pid), '[]')::text from pg_stat_activity a";

impl Session {
    /// Every setting with where it comes from, and every session; the queries only when they are wanted.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn settings_and_sessions(
        &self,
        with_queries: bool,
    ) -> Result<(Value, Value), SqlError> {
        let sessions = if with_queries {
            SESSIONS_WITH_QUERIES
        } else {
            SESSIONS
        };
        let (settings, sessions) =
            futures::join!(self.text(DOING, SETTINGS), self.text(DOING, sessions));
        Ok((json(DOING, settings?)?, json(DOING, sessions?)?))
    }
}

//! What a server does at the moment, in one round trip.

use super::json::json;
use super::{Session, SqlError};
use crate::cluster::TopSample;

const DOING: &str = "asking what it does";

/// Characters of a statement that are kept.
const STATEMENT: usize = 1000;

/// From this major version on checkpoints are counted in a view of their own.
const OWN_CHECKPOINTER: u32 = 17;

/// How checkpoints are counted by a server of this version, restartpoints of a standby among them.
fn checkpoints(version: u32) -> &'static str {
    if version >= OWN_CHECKPOINTER {
        "(select num_timed + num_requested + restartpoints_timed + restartpoints_req \
         from pg_stat_checkpointer)"
    } else {
        "(select checkpoints_timed + checkpoints_req from pg_stat_bgwriter)"
    }
}

fn question(version: u32) -> String {
    let checkpoints = checkpoints(version);
    format!(
        "with clients as (\
           select * from pg_stat_activity \
           where backend_type = 'client backend' and pid <> pg_backend_pid()\
         ), busy as (\
           select pid, usename, datname, state, wait_event_type, wait_event, backend_start, query_start, xact_start, \
             query \
           from clients where state <> 'idle' \
           order by coalesce(xact_start, query_start) limit 100\
         ) \
         select json_build_object(\
           'counters', json_build_object(\
             'inRecovery', pg_is_in_recovery(), \
             'wal', case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end, \
             'commits', d.commits, 'rollbacks', d.rollbacks, 'blocksHit', d.hit, 'blocksRead', d.read, \
             'temporaryBytes', d.temporary, 'checkpoints', {checkpoints}, \
             'active', c.active, 'idle', c.idle, 'idleInTransaction', c.in_transaction, 'waiting', c.waiting, \
             'maxConnections', current_setting('max_connections')::int), \
           'statements', (select coalesce(json_agg(json_build_object(\
             'pid', pid, 'backendStart', coalesce(backend_start, pg_postmaster_start_time()), \
             'queryStart', query_start, 'user', usename, 'database', datname, 'state', state, \
             'waitsFor', case when state = 'active' and wait_event is not null \
                         then wait_event_type || ': ' || wait_event end, \
             'statementSeconds', greatest(extract(epoch from clock_timestamp() - query_start), 0)::float8, \
             'transactionSeconds', greatest(extract(epoch from clock_timestamp() - xact_start), 0)::float8, \
             'blockedBy', case when wait_event_type = 'Lock' then pg_blocking_pids(pid) else '{{}}' end, \
             'statement', query) \
             order by coalesce(xact_start, query_start)), '[]'::json) from busy)) \
         from (select sum(xact_commit)::bigint as commits, sum(xact_rollback)::bigint as rollbacks, \
                 sum(blks_hit)::bigint as hit, sum(blks_read)::bigint as read, \
                 sum(temp_bytes)::bigint as temporary \
               from pg_stat_database) d, \
              (select count(*) filter (where state not like 'idle%') as active, \
                 count(*) filter (where state = 'idle') as idle, \
                 count(*) filter (where state like 'idle in%') as in_transaction, \
                 count(*) filter (where wait_event_type = 'Lock') as waiting from clients) c"
    )
}

impl Session {
    /// The server's counters, and what its clients run.
    ///
    /// # Errors
    /// When it does not answer, or not as PostgreSQL does.
    pub async fn top(&self) -> Result<TopSample, SqlError> {
        let mut sample: TopSample = json(DOING, self.text(DOING, &question(self.major())).await?)?;
        for running in &mut sample.statements {
            cut(&mut running.statement, STATEMENT);
        }
        Ok(sample)
    }
}

/// Leaves so many characters. Here, and not by the server: to it the text is in the encoding of another database, of
/// whose characters it must not count any.
pub(super) fn cut(text: &mut String, characters: usize) {
    if let Some((end, _)) = text.char_indices().nth(characters) {
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        for (text, left) in [("", ""), ("äöü", "äöü"), ("äöüß", "äöü")] {
            let mut text = text.to_owned();
            cut(&mut text, 3);
            assert_eq!(text, left);
        }
    }
}

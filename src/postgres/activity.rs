//! What goes on in a server, and ending a query or a session of it.

use std::time::Duration;

use super::json::json;
use super::{Session, SqlError, quote_literal};
use crate::change::BackendEnd;
use crate::cluster::{Activity, Backend};

/// How often it is looked whether a query or session has ended.
const POLL: Duration = Duration::from_millis(200);

/// [`Activity`] as one JSON document, of one moment as far as `pg_stat_activity` has one.
///
/// - `pg_blocking_pids` takes every partition of the lock table for a moment: only those that wait are asked
///   about. It says 0 for a prepared transaction, which is then found by the lock that both are about.
/// - The text of a query is in the encoding of its database, and may be no text in ours: nothing is done with it
///   here that looks at its characters.
const ACTIVITY: &str = r"
with locks as materialized (
  select * from pg_locks
), backends as materialized (
  select a.*,
    case when a.wait_event_type = 'Lock' then pg_blocking_pids(a.pid)
      when a.wait_event = 'SafeSnapshot' then pg_safe_snapshot_blocking_pids(a.pid)
      else '{}' end as blockers
  from pg_stat_activity a where a.pid <> pg_backend_pid()
)
select json_build_object(
  'backends', (select coalesce(json_agg(json_build_object(
      'pid', b.pid,
      'leader', b.leader_pid,
      'kind', coalesce(b.backend_type, ''),
      'user', b.usename,
      'database', b.datname,
      'application', coalesce(b.application_name, ''),
      'client', coalesce(host(b.client_addr), case when b.client_port = -1 then 'local' end),
      'state', b.state,
      'waitType', b.wait_event_type,
      'waitEvent', b.wait_event,
      'backendStart', coalesce(b.backend_start, pg_postmaster_start_time()),
      'queryStart', b.query_start,
      'transactionSeconds', extract(epoch from clock_timestamp() - b.xact_start)::float8,
      'querySeconds', extract(epoch from clock_timestamp() - b.query_start)::float8,
      'stateSeconds', extract(epoch from clock_timestamp() - b.state_change)::float8,
      'xminAge', age(b.backend_xmin),
      'query', coalesce(b.query, ''),
      'lock', case when b.wait_event_type = 'Lock' then (select l.mode || ' on ' || l.locktype
        from locks l where l.pid = b.pid and not l.granted limit 1) end,
      'blockedBy', (select coalesce(json_agg(distinct p order by p), '[]')
        from unnest(b.blockers) p where p <> 0),
      'blockedByPrepared', case when 0 = any (b.blockers)
        then (select coalesce(json_agg(distinct x.gid), '[]')
          from locks w
          join locks h on h.pid is null and h.granted and h.locktype = w.locktype
            and (h.database, h.relation, h.page, h.tuple, h.virtualxid, h.transactionid, h.classid, h.objid, h.objsubid)
              is not distinct from
              (w.database, w.relation, w.page, w.tuple, w.virtualxid, w.transactionid, w.classid, w.objid, w.objsubid)
          join locks t on t.pid is null and t.locktype = 'transactionid'
            and t.virtualtransaction = h.virtualtransaction
          join pg_prepared_xacts x on x.transaction = t.transactionid
          where w.pid = b.pid and not w.granted)
        else '[]' end)), '[]')
    from backends b),
  'prepared', (select coalesce(json_agg(json_build_object(
      'gid', gid,
      'owner', owner,
      'database', database,
      'seconds', extract(epoch from clock_timestamp() - prepared)::float8,
      'age', age(transaction)) order by prepared), '[]')
    from pg_prepared_xacts))::text";

impl Session {
    /// What goes on in this server.
    ///
    /// # Errors
    /// When it does not answer, or what it says makes no sense.
    pub async fn activity(&self) -> Result<Activity, SqlError> {
        const DOING: &str = "asking what its sessions do";
        json(DOING, self.text(DOING, ACTIVITY).await?)
    }

    /// Ends a query, or a session: this very one, and none that has its number by now. Whether it was still
    /// there.
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn end_backend(&self, backend: &Backend, end: BackendEnd) -> Result<bool, SqlError> {
        let function = match end {
            BackendEnd::Cancel => "pg_cancel_backend",
            BackendEnd::Terminate => "pg_terminate_backend",
        };
        let sql = format!(
            "select {function}(pid)::text from pg_stat_activity where {}",
            this_one(backend, end)
        );
        let doing = format!("asking PID {} to end", backend.pid);
        Ok(self.text(&doing, &sql).await?.as_deref() == Some("true"))
    }

    /// Whether that query or session has ended, looked at for as long as `limit`.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn has_ended(
        &self,
        backend: &Backend,
        end: BackendEnd,
        limit: Duration,
    ) -> Result<bool, SqlError> {
        let sql = format!(
            "select exists (select from pg_stat_activity where {})::text",
            this_one(backend, end)
        );
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            if !self.truth("looking whether it has ended", &sql).await? {
                return Ok(true);
            }
            if tokio::time::Instant::now() >= deadline {
                return Ok(false);
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

/// The condition that tells a session from others of its number; and a query from the next of its session.
fn this_one(backend: &Backend, end: BackendEnd) -> String {
    let at = |time: &jiff::Timestamp| quote_literal(&time.to_string());
    let session = format!(
        "pid = {} and coalesce(backend_start, pg_postmaster_start_time()) = {}::timestamptz",
        backend.pid,
        at(&backend.backend_start)
    );
    match (end, &backend.query_start) {
        (BackendEnd::Cancel, Some(began)) => {
            // An autovacuum worker, say, has a query and no such state.
            let active = "coalesce(state, 'active') in ('active', 'fastpath function call')";
            format!(
                "{session} and query_start = {}::timestamptz and {active}",
                at(began)
            )
        }
        _ => session,
    }
}

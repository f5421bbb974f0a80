//! The connections of a server, and what keeps dead rows from going.

use std::collections::BTreeMap;

use super::json::json;
use super::{Session, SqlError};
use crate::cluster::Connections;

/// [`Connections`] as one JSON document. Walsenders have a limit of their own (`max_wal_senders`) and are none of
/// `max_connections`; `reserved_connections` is there since PostgreSQL 16. A standby that streams through a slot
/// shows its feedback there, and in `pg_stat_replication` otherwise.
const CONNECTIONS: &str = r"
with client as materialized (
  select * from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()
), old as (
  select pid, json_build_object('pid', pid, 'user', usename, 'database', datname, 'state', state,
    'seconds', extract(epoch from clock_timestamp() - xact_start)::float8, 'query', coalesce(query, '')) as transaction,
    json_build_object('pid', pid, 'user', usename, 'database', datname, 'state', state,
    'seconds', extract(epoch from clock_timestamp() - state_change)::float8, 'query', coalesce(query, '')) as idle,
    xact_start, state_change, state
  from client
)
select json_build_object(
  'max', current_setting('max_connections')::int,
  'superuserReserved', current_setting('superuser_reserved_connections')::int,
  'reserved', coalesce(current_setting('reserved_connections', true), '0')::int,
  'sessions', (select coalesce(json_agg(json_build_object(
      'user', usename, 'database', datname, 'application', application_name, 'client', client,
      'state', state, 'count', count)), '[]')
    from (select coalesce(usename, '') as usename, coalesce(datname, '') as datname,
        coalesce(application_name, '') as application_name,
        coalesce(host(client_addr), case when client_port = -1 then 'local' end, '') as client,
        coalesce(state, '') as state, count(*)
      from client group by 1, 2, 3, 4, 5) it),
  'oldestTransaction', (select transaction from old where xact_start is not null order by xact_start limit 1),
  'oldestIdle', (select idle from old where state like 'idle in transaction%' order by state_change limit 1),
  'holders', (select coalesce(json_agg(json_build_object('kind', kind, 'name', name, 'age', age)), '[]')
    from (
      (select 'session' as kind, pid::text as name, greatest(age(backend_xmin), age(backend_xid)) as age
        from pg_stat_activity
        where (backend_xmin is not null or backend_xid is not null) and backend_type <> 'walsender'
          and pid <> pg_backend_pid()
        order by 3 desc nulls last limit 5)
      union all
      select 'standby', coalesce(application_name, pid::text), age(backend_xmin)
        from pg_stat_replication where backend_xmin is not null
      union all
      select 'slot', slot_name::text, greatest(age(xmin), age(catalog_xmin))
        from pg_replication_slots where xmin is not null or catalog_xmin is not null
      union all
      select 'prepared', gid, age(transaction) from pg_prepared_xacts) it
    where age is not null))::text";

/// Sessions of clients by state, our own left away.
const BY_STATE: &str = r"
select coalesce(json_object_agg(state, sessions), '{}')::text
from (select coalesce(state, 'unknown') as state, count(*) as sessions from pg_stat_activity
  where backend_type = 'client backend' and pid <> pg_backend_pid() and application_name <> 'pgctl'
  group by 1) as counted";

impl Session {
    /// Its connections.
    ///
    /// # Errors
    /// When it does not answer, or what it says makes no sense.
    pub async fn connection_counts(&self) -> Result<Connections, SqlError> {
        const DOING: &str = "asking for its connections";
        json(DOING, self.text(DOING, CONNECTIONS).await?)
    }

    /// Sessions of clients by state, pgctl's own left away: the part of it that is asked for often.
    ///
    /// # Errors
    /// As [`Self::connection_counts`].
    pub async fn connections_by_state(&self) -> Result<BTreeMap<String, u64>, SqlError> {
        const DOING: &str = "counting sessions";
        json(DOING, self.text(DOING, BY_STATE).await?)
    }
}

//! What takes the space of a server.

use std::time::Duration;

use super::json::json;
use super::sql::NOT_LOCKED;
use super::{Session, SqlError};
use crate::cluster::{DatabaseSpace, TableSpace};

/// [`DatabaseSpace`] as one JSON document. `pg_database_size` looks at every file of a database and takes no lock.
const SPACE: &str = r"
select json_build_object(
  'clock', extract(epoch from clock_timestamp())::float8,
  'walBytes', (select coalesce(sum(size), 0)::bigint from pg_ls_waldir()),
  'maxWalBytes', (select setting::bigint * 1024 * 1024 from pg_settings where name = 'max_wal_size'),
  'tempBytes', (select coalesce(sum(f.size), 0)::bigint
    from pg_tablespace t cross join pg_ls_tmpdir(t.oid) f where t.spcname <> 'pg_global'),
  'databases', (select coalesce(json_agg(json_build_object('name', datname, 'bytes', bytes) order by bytes desc), '[]')
    from (select datname, coalesce(pg_database_size(oid), 0) as bytes from pg_database) d),
  'slots', (select coalesce(json_agg(json_build_object('name', slot_name, 'bytes', bytes) order by bytes desc), '[]')
    from (select slot_name, greatest(0, pg_wal_lsn_diff(case when pg_is_in_recovery()
        then coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) else pg_current_wal_insert_lsn() end,
        restart_lsn))::bigint as bytes
      from pg_replication_slots where restart_lsn is not null) s))::text";

/// The bytes of temporary files that processes share (a parallel hash join, a parallel index build). They lie in directories
/// of their own, which `pg_ls_tmpdir` does not look into. What goes meanwhile counts nothing.
const SHARED_TEMP: &str = r"
with space as materialized (
  select 'base/pgsql_tmp' as directory
  union all
  select format('pg_tblspc/%s/PG_%s_%s/pgsql_tmp', t.oid, current_setting('server_version_num')::int / 10000,
      c.catalog_version_no)
    from pg_tablespace t cross join pg_control_system() c where t.spcname not in ('pg_default', 'pg_global')
), fileset as materialized (
  select s.directory || '/' || d as directory from space s cross join pg_ls_dir(s.directory, true, false) d
    where d like '%.fileset'
)
select coalesce(sum(f.size), 0)::bigint::text
from fileset s cross join pg_ls_dir(s.directory, true, false) n
  cross join pg_stat_file(s.directory || '/' || n, true) f";

/// The largest tables of this database as JSON.
///
/// A table of which something is locked exclusively (an index that is being rebuilt, say) is left away. The bloat of the rows
/// is estimated as by the queries of `pgsql-bloat-estimation` (ioguix), which check_postgres and pghero build
/// on: a row of average width (`pg_stats`), with its header and its alignment, so many of them to a page at the table's
/// fillfactor, against the pages that there were at the last VACUUM or ANALYZE.
fn tables(count: u32) -> String {
    format!(
        r"
with candidate as materialized (
  select c.oid, c.relname, n.nspname, c.reltuples, c.relpages, c.reltoastrelid, c.reloptions,
    pg_total_relation_size(c.oid) as total
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'm') and n.nspname !~ '^pg_(toast|temp)'
    and {NOT_LOCKED}
  order by total desc nulls last limit {count}
), width as (
  select t.oid,
    23 + case when max(s.null_frac) > 0 then (7 + count(s.attname)) / 8 else 0 end as header,
    sum((1 - coalesce(s.null_frac, 0)) * coalesce(s.avg_width, 0)) as data,
    count(a.attname) filter (where a.attnum > 0) <> count(s.attname) as unknown
  from candidate t
  join pg_attribute a on a.attrelid = t.oid and not a.attisdropped and a.attnum > 0
  left join pg_stats s on s.schemaname = t.nspname and s.tablename = t.relname and s.attname = a.attname
    and not s.inherited
  group by t.oid
), tuple as (
  select oid, unknown,
    4 + ceil(header / 8.0) * 8 + ceil(data / 8.0) * 8 as bytes
  from width
), paged as (
  select t.oid, t.relpages, t.reltuples, r.unknown, current_setting('block_size')::numeric as page,
    (current_setting('block_size')::numeric - 24)
      * coalesce(substring(array_to_string(t.reloptions, ' ') from 'fillfactor=([0-9]+)')::numeric, 100) / 100
      / r.bytes as rows_per_page
  from candidate t join tuple r on r.oid = t.oid
)
select coalesce(json_agg(json_build_object(
  'name', format('%I.%I', t.nspname, t.relname),
  'totalBytes', coalesce(t.total, 0),
  'heapBytes', coalesce(pg_relation_size(t.oid), 0),
  'indexBytes', coalesce(pg_indexes_size(t.oid), 0),
  'toastBytes', case when t.reltoastrelid <> 0 then coalesce(pg_total_relation_size(t.reltoastrelid), 0) else 0 end,
  'deadRows', coalesce(u.n_dead_tup, 0),
  'liveRows', coalesce(u.n_live_tup, 0),
  'bloatBytes', case when p.unknown or p.reltuples < 0 then null
    else (greatest(0, p.relpages - ceil(p.reltuples::numeric / greatest(p.rows_per_page, 0.001))) * p.page)::bigint end)
  order by t.total desc), '[]')::text
from candidate t
left join paged p on p.oid = t.oid
left join pg_stat_all_tables u on u.relid = t.oid"
    )
}

impl Session {
    /// What this server counts of its space.
    ///
    /// # Errors
    /// When it does not answer within `limit`, or may not be asked.
    pub async fn space(&self, limit: Duration) -> Result<DatabaseSpace, SqlError> {
        const DOING: &str = "asking what takes its space";
        json(DOING, self.text_within(DOING, SPACE, limit).await?)
    }

    /// Bytes of the temporary files that the processes of parallel queries share: [`DatabaseSpace`] is without them.
    ///
    /// # Errors
    /// When it does not answer within `limit`, or whoever asks is no superuser.
    pub async fn shared_temp_bytes(&self, limit: Duration) -> Result<u64, SqlError> {
        const DOING: &str = "asking for shared temporary files";
        let bytes = self.text_within(DOING, SHARED_TEMP, limit).await?;
        let number = bytes.as_deref().and_then(|it| it.parse().ok());
        number.ok_or_else(|| SqlError::Unexpected {
            doing: DOING.to_owned(),
            reason: format!("{bytes:?} is no number"),
        })
    }

    /// The largest tables of this database, the largest first.
    ///
    /// # Errors
    /// When it does not answer within `limit`, or what it says makes no sense.
    pub async fn largest_tables(
        &self,
        count: u32,
        limit: Duration,
    ) -> Result<Vec<TableSpace>, SqlError> {
        const DOING: &str = "asking for the largest tables";
        json(DOING, self.text_within(DOING, &tables(count), limit).await?)
    }
}

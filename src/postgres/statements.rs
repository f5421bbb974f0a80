//! What `pg_stat_statements` has counted.

use super::json::json;
use super::{Session, SqlError, quote_identifier};
use crate::cluster::StatementCounts;

/// Whether the library is loaded: without it the view is an error.
const LOADED: &str = "select ('pg_stat_statements' = any (regexp_split_to_array( \
    current_setting('shared_preload_libraries'), '[\\s,]+')) \
    or exists (select from pg_settings where name = 'pg_stat_statements.max'))::text";

/// The schema that the extension is in, in this database.
const SCHEMA: &str = "select n.nspname from pg_extension e \
    join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_stat_statements'";

/// [`StatementCounts`] as a JSON document. The names of columns are those of PostgreSQL 13 to 18: the extension may
/// be older than the server, when nobody has run `ALTER EXTENSION ... UPDATE`. What was `blk_read_time` is
/// `shared_blk_read_time` since 17; `total_time` is what it was called before 13.
fn top(schema: &str, count: u32) -> String {
    format!(
        r"
with raw as materialized (
  select s.queryid, s.userid, s.dbid, s.query, to_jsonb(s) - 'query' as row from {schema}.pg_stat_statements s
), counted as materialized (
  select *, coalesce(row ->> 'total_exec_time', row ->> 'total_time', '0')::float8 / 1000 as total from raw
)
select json_build_object(
  'since', null,
  'allSeconds', (select coalesce(sum(total), 0) from counted),
  'statements', (select coalesce(json_agg(json_build_object(
      'id', c.queryid::text,
      'user', r.rolname,
      'database', d.datname,
      'calls', (row ->> 'calls')::bigint,
      'totalSeconds', total,
      'meanSeconds', coalesce(row ->> 'mean_exec_time', row ->> 'mean_time', '0')::float8 / 1000,
      'rows', (row ->> 'rows')::bigint,
      'hitPages', (row ->> 'shared_blks_hit')::bigint,
      'readPages', (row ->> 'shared_blks_read')::bigint,
      'readSeconds', coalesce(row ->> 'shared_blk_read_time', row ->> 'blk_read_time', '0')::float8 / 1000,
      'tempPages', (row ->> 'temp_blks_written')::bigint,
      'walBytes', coalesce(row ->> 'wal_bytes', '0')::numeric::bigint,
      'query', coalesce(c.query, '')) order by total desc), '[]')
    from (select * from counted order by total desc limit {count}) c
    left join pg_roles r on r.oid = c.userid
    left join pg_database d on d.oid = c.dbid))::text"
    )
}

impl Session {
    /// Whether the server counts its statements.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn counts_statements(&self) -> Result<bool, SqlError> {
        self.truth("asking whether statements are counted", LOADED)
            .await
    }

    /// The statements that took the most time, by the view in this database; none when it has no view. It shows those
    /// of all databases.
    ///
    /// # Errors
    /// When the server does not answer, or what it says makes no sense.
    pub async fn top_statements(&self, count: u32) -> Result<Option<StatementCounts>, SqlError> {
        const DOING: &str = "asking for the statements that took the most time";
        let Some(schema) = self.text(DOING, SCHEMA).await? else {
            return Ok(None);
        };
        let schema = quote_identifier(&schema);
        let mut counts: StatementCounts =
            json(DOING, self.text(DOING, &top(&schema, count)).await?)?;
        // The view of this came with version 1.9 of the extension.
        let since =
            format!("select to_json(stats_reset) #>> '{{}}' from {schema}.pg_stat_statements_info");
        let since = self.text(DOING, &since).await.ok().flatten();
        counts.since = since.and_then(|it| it.parse().ok());
        Ok(Some(counts))
    }
}

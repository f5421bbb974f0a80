//! A table on its way from one server into another.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};

use super::json::json;
use super::{Session, SqlError, quote_literal};
use crate::change::{TableCopyRequest, TableFacts, TableName, TableTarget};

const LOOKING: &str = "looking at the table";
const COPYING: &str = "copying the table";

/// Neither server may be silent for so long in the middle.
const SILENCE: Duration = Duration::from_secs(300);

/// Of a table: `format_type` names a type with its schema, because every session's `search_path` is `pg_catalog`.
const FACTS: &str = "select json_build_object('kind', c.relkind,
    'columns', (select coalesce(json_agg(json_build_object('name', a.attname,
        'ofType', format_type(a.atttypid, a.atttypmod), 'notNull', a.attnotnull) order by a.attnum), '[]')
      from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
    'bytes', case when c.relkind = 'p'
      then (select coalesce(sum(pg_table_size(t.relid)), 0) from pg_partition_tree(c.oid) t where t.isleaf)
      when c.relkind in ('r', 'm') then pg_table_size(c.oid) else 0 end)::text
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'm', 'v', 'f')";

impl Session {
    /// A table of this database; none when there is none of the name.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn table_facts(&self, table: &TableName) -> Result<Option<TableFacts>, SqlError> {
        let question = format!(
            "{FACTS} and n.nspname = {} and c.relname = {}",
            quote_literal(&table.schema),
            quote_literal(&table.table)
        );
        match self.text(LOOKING, &question).await? {
            None => Ok(None),
            text => json(LOOKING, text).map(Some),
        }
    }

    /// The schemas in which this database has a table of the name.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn schemas_with(&self, table: &str) -> Result<Vec<String>, SqlError> {
        let question = format!(
            "select coalesce(json_agg(n.nspname order by 1), '[]')::text from pg_class c
             join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'm') and c.relname = {}",
            quote_literal(table)
        );
        json(LOOKING, self.text(LOOKING, &question).await?)
    }

    /// What there is in this database where such a table is to be made.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn table_target(
        &self,
        into: &TableName,
        facts: &TableFacts,
    ) -> Result<TableTarget, SqlError> {
        let (schema, name) = (quote_literal(&into.schema), quote_literal(&into.table));
        let types: Vec<String> = facts
            .columns
            .iter()
            .map(|it| format!("({})", quote_literal(&it.of_type)))
            .collect();
        let missing = match types.as_slice() {
            [] => "'[]'::json".to_owned(),
            some => format!(
                "(select coalesce(json_agg(distinct t), '[]') from (values {}) v(t) where to_regtype(t) is null)",
                some.join(", ")
            ),
        };
        // A table has its row type, whose name may be taken, too.
        let question = format!(
            "select json_build_object('schema', exists (select from pg_namespace where nspname = {schema}),
               'taken', exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                   where n.nspname = {schema} and c.relname = {name})
                 or exists (select from pg_type t join pg_namespace n on n.oid = t.typnamespace
                   where n.nspname = {schema} and t.typname = {name}),
               'missingTypes', {missing})::text"
        );
        json(LOOKING, self.text(LOOKING, &question).await?)
    }

    /// Copies a table of another server into this one: all of it or nothing. Gives the number of rows.
    ///
    /// # Errors
    /// When either server refuses or falls silent. [`SqlError::outcome_unknown`] tells whether it may be there nevertheless.
    pub async fn take_table(
        &self,
        from: &Self,
        request: &TableCopyRequest,
        facts: &TableFacts,
    ) -> Result<u64, SqlError> {
        // As long as it takes; what hangs is noticed by its silence.
        from.run(
            COPYING,
            "begin transaction isolation level repeatable read read only",
        )
        .await?;
        from.run(COPYING, "set local statement_timeout = 0").await?;
        self.run(COPYING, "begin").await?;
        self.run(COPYING, "set local statement_timeout = 0").await?;
        self.run(COPYING, &request.create_table(facts)).await?;
        let out = from.client().copy_out(&request.copy_out(facts)).await;
        let out = out.map_err(|error| refused(&error))?;
        let taking = self
            .client()
            .copy_in::<_, bytes::Bytes>(&request.copy_in())
            .await;
        let taking = taking.map_err(|error| refused(&error))?;
        let (mut out, mut taking) = (Box::pin(out), Box::pin(taking));
        while let Some(piece) = in_time(out.next()).await? {
            let piece = piece.map_err(|error| refused(&error))?;
            in_time(taking.send(piece))
                .await?
                .map_err(|error| refused(&error))?;
        }
        let rows = in_time(taking.as_mut().finish())
            .await?
            .map_err(|error| refused(&error))?;
        // From here on an answer that is lost does not tell whether it is there.
        self.run_within("committing the table", "commit", SILENCE)
            .await?;
        Ok(rows)
    }
}

async fn in_time<T>(work: impl Future<Output = T>) -> Result<T, SqlError> {
    let work = tokio::time::timeout(SILENCE, work);
    work.await.map_err(|_| SqlError::TimedOut {
        doing: COPYING.to_owned(),
        after: SILENCE,
    })
}

fn refused(error: &tokio_postgres::Error) -> SqlError {
    SqlError::of(error, COPYING).unwrap_or_else(|| SqlError::Lost {
        doing: COPYING.to_owned(),
        reason: error.to_string(),
    })
}

//! Somebody's own statement.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::error::{ErrorPosition, SqlState};
use tokio_postgres::types::Type;
use tokio_postgres::{CancelToken, SimpleQueryMessage, Statement};

use super::channel::Encrypted;
use super::encryption::{Encryption, begin};
use super::{Session, SqlError, quote_literal, sql};
use crate::cluster::{QueryAnswer, QueryColumn, QueryColumnKind, QueryCut};
use crate::log::shape_of;

const DOING: &str = "running the statement";

/// Past the statement's own limit the server is given this long to say so.
const GRACE: Duration = Duration::from_millis(500);

/// The longest limit that PostgreSQL takes, in milliseconds: 24 days.
const LONGEST: u128 = 2_147_483_647;

/// How much of an answer is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryLimits {
    /// The longest that the statement may take.
    pub time: Duration,
    /// The most rows.
    pub rows: usize,
    /// The most bytes.
    pub bytes: u64,
}

/// Cancels what a session runs, over a stream of its own.
#[derive(Clone)]
pub struct StatementCancel {
    token: CancelToken,
    encryption: Encryption,
}

impl StatementCancel {
    /// Asks the server to cancel it. There is no answer to that. What proves the right to it is sent as the session is: encrypted,
    /// and to nobody else, where that is.
    ///
    /// # Errors
    /// When it can't be asked.
    pub async fn ask<S>(&self, stream: S) -> Result<(), SqlError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        const DOING: &str = "cancelling the statement";
        let channel = begin(stream, &self.encryption).await;
        let channel = channel.map_err(|error| error.said(DOING))?;
        let nothing = Encrypted(None);
        let asked = self.token.cancel_query_raw(channel, nothing).await;
        asked.map_err(|error| SqlError::Lost {
            doing: DOING.to_owned(),
            reason: error.to_string(),
        })
    }
}

/// A statement that may write, while it is run.
#[derive(Debug, Default)]
pub struct Written {
    transaction: OnceLock<String>,
    alone: AtomicBool,
}

impl Written {
    /// The number of its transaction, once that may be committed: by it can be asked how it ended.
    pub fn transaction(&self) -> Option<&str> {
        self.transaction.get().map(String::as_str)
    }

    /// Whether it runs in no transaction of ours: then each part of it may be done.
    pub fn is_alone(&self) -> bool {
        self.alone.load(Ordering::Relaxed)
    }
}

impl Session {
    /// What cancels the statements of this session.
    pub fn cancel(&self) -> StatementCancel {
        StatementCancel {
            token: self.client().cancel_token(),
            encryption: self.encryption().clone(),
        }
    }

    /// Runs one statement in a read-only transaction, which is rolled back, and gives what it answers.
    ///
    /// That it is one statement the server itself says: it is prepared first, and a string of several
    /// can't be. So nothing can follow a `COMMIT`; and a `DO` block or a procedure can't end a transaction
    /// that was begun for it. The transaction has taken a snapshot before, from where on it can't be made
    /// one that writes (`check_transaction_read_only` in src/backend/commands/variable.c).
    ///
    /// # Errors
    /// When the server says no, or does not answer.
    pub async fn query_read_only(
        &self,
        statement: &str,
        limits: QueryLimits,
    ) -> Result<QueryAnswer, SqlError> {
        self.limit_statements(limits).await?;
        self.run(DOING, sql::BEGIN_READ_ONLY).await?;
        let prepared = self.prepared(statement, limits).await?;
        let bytes = self.in_bytes(statement, &prepared, limits).await?;
        let asked = Asked::new(statement, bytes.as_ref(), false);
        // The connection ends with the session, and the transaction with it.
        Ok(self.answer(&asked, &prepared, limits).await?)
    }

    /// The same question for the bytes of its values, where those may be no text: in a database whose encoding
    /// is none. Asked so from the beginning: a statement that is run again does again what its functions do.
    /// None where the plain question has to do, as for what no other query can have in it (SHOW, EXPLAIN).
    async fn in_bytes(
        &self,
        statement: &str,
        prepared: &Statement,
        limits: QueryLimits,
    ) -> Result<Option<InBytes>, SqlError> {
        const ENCODING: &str = "select pg_catalog.current_setting('server_encoding')";
        let encoding = self.text(DOING, ENCODING).await?;
        if encoding.as_deref() != Some("SQL_ASCII") || prepared.columns().is_empty() {
            return Ok(None);
        }
        let bytes = InBytes::of(statement, prepared.columns().len());
        // What is refused must not end the transaction.
        self.run(DOING, "savepoint plain").await?;
        let refused = match self.prepared(&bytes.sql, limits).await {
            Ok(_) => false,
            Err(error) if error.sqlstate().is_some() => {
                self.run(DOING, "rollback to savepoint plain").await?;
                true
            }
            Err(error) => return Err(error),
        };
        self.run(DOING, "release savepoint plain").await?;
        Ok((!refused).then_some(bytes))
    }

    /// What the server says against a statement when it is asked to parse it; none when it takes it.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn not_taken(
        &self,
        statement: &str,
        limits: QueryLimits,
    ) -> Result<Option<SqlError>, SqlError> {
        self.limit_statements(limits).await?;
        self.run(DOING, sql::SEARCH_PATH).await?;
        match self.prepared(statement, limits).await {
            Ok(_) => Ok(None),
            Err(error) if error.sqlstate().is_some() => Ok(Some(error)),
            Err(error) => Err(error),
        }
    }

    /// Runs one statement in a transaction of its own, or in none where PostgreSQL wants none around it,
    /// and gives what it answers once it is committed. `written` knows from the beginning how its end
    /// can be asked for.
    ///
    /// # Errors
    /// When the server says no, and nothing was changed; or does not answer, and nobody knows.
    pub async fn query_writing(
        &self,
        statement: &str,
        limits: QueryLimits,
        written: &Written,
    ) -> Result<QueryAnswer, SqlError> {
        self.limit_statements(limits).await?;
        self.run(DOING, sql::SEARCH_PATH).await?;
        let prepared = self.prepared(statement, limits).await?;
        let number = self.text(DOING, sql::BEGIN_WRITING).await?;
        // In its transaction.
        let bytes = self.in_bytes(statement, &prepared, limits).await?;
        let asked = Asked::new(statement, bytes.as_ref(), true);
        let answer = match self.answer(&asked, &prepared, limits).await {
            // "cannot run inside a transaction block", or "invalid transaction termination".
            Err(Unread::Sql(error)) if matches!(error.sqlstate(), Some("25001" | "2D000")) => {
                self.run(DOING, "rollback").await?;
                written.alone.store(true, Ordering::Relaxed);
                let asked = Asked::new(statement, None, true);
                return Ok(self.answer(&asked, &prepared, limits).await?);
            }
            other => other?,
        };
        if answer.cut == Some(QueryCut::Bytes) {
            return Err(SqlError::Refused {
                doing: DOING.to_owned(),
                sqlstate: SqlState::PROGRAM_LIMIT_EXCEEDED.code().to_owned(),
                message: "its answer is larger than can be taken, so it was not committed"
                    .to_owned(),
            });
        }
        // From here on it may be committed whatever is heard of it.
        if let Some(number) = number {
            written.transaction.set(number).ok();
        }
        self.run_within("committing", "commit", limits.time).await?;
        Ok(answer)
    }

    /// How a transaction ended: whether it was committed; none when it has not ended, or nobody knows any
    /// more.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn was_committed(&self, transaction: &str) -> Result<Option<bool>, SqlError> {
        let question = format!(
            "select pg_catalog.pg_xact_status({}::pg_catalog.xid8)",
            quote_literal(transaction)
        );
        let told = self.text("asking how it ended", &question).await?;
        Ok(match told.as_deref() {
            Some("committed") => Some(true),
            Some("aborted") => Some(false),
            Some(_) | None => None,
        })
    }

    /// The statement's own limit, and what ends it when nobody listens any more.
    async fn limit_statements(&self, limits: QueryLimits) -> Result<(), SqlError> {
        let milliseconds = limits.time.as_millis().clamp(1, LONGEST);
        let own = format!("set statement_timeout = {milliseconds}");
        self.run(DOING, &own).await?;
        // Not on every system.
        self.run(DOING, "set client_connection_check_interval = 1000")
            .await
            .ok();
        // A server writes what fails into its log, and there may be a password in it.
        self.run(DOING, sql::FAIL_UNQUOTED).await
    }

    async fn prepared(&self, statement: &str, limits: QueryLimits) -> Result<Statement, SqlError> {
        let limit = limits.time + GRACE;
        let prepared = tokio::time::timeout(limit, self.client().prepare(statement)).await;
        self.told(prepared, &Asked::new(statement, None, false), limits.time)
            .await
    }

    /// Runs it as text: values are to be read as PostgreSQL writes them.
    async fn answer(
        &self,
        asked: &Asked<'_>,
        prepared: &Statement,
        limits: QueryLimits,
    ) -> Result<QueryAnswer, Unread> {
        let columns = prepared.columns().iter().map(|it| QueryColumn {
            name: it.name().to_owned(),
            type_name: it.type_().name().to_owned(),
            kind: kind(it.type_()),
        });
        let mut answer = QueryAnswer {
            columns: columns.collect(),
            ..QueryAnswer::default()
        };
        let limit = limits.time + GRACE;
        let end = tokio::time::Instant::now() + limit;
        // Each byte is two digits then.
        let digits = if asked.in_bytes { 2 } else { 1 };
        self.bytes_left().set(limits.bytes.saturating_mul(digits));
        let running = tokio::time::timeout_at(end, self.client().simple_query_raw(asked.sql)).await;
        let stream = self.told(running, asked, limits.time).await?;
        let mut stream = std::pin::pin!(stream);
        loop {
            let next = match tokio::time::timeout_at(end, stream.next()).await {
                Ok(None) => break,
                Ok(Some(message)) => Ok(message),
                Err(late) => Err(late),
            };
            let row = match self.told(next, asked, limits.time).await {
                Ok(SimpleQueryMessage::Row(row)) => row,
                Ok(SimpleQueryMessage::CommandComplete(count)) => {
                    answer.count = Some(count);
                    continue;
                }
                Ok(_) => continue,
                Err(_) if self.bytes_left().is_exceeded() => {
                    answer.cut = Some(QueryCut::Bytes);
                    return Ok(answer);
                }
                Err(error) => return Err(error.into()),
            };
            if answer.rows.len() >= limits.rows {
                answer.cut = Some(QueryCut::Rows);
                if asked.to_the_end {
                    continue;
                }
                return Ok(answer);
            }
            let text = |it: &str| match asked.in_bytes {
                true => text_of_bytes(it),
                false => it.to_owned(),
            };
            let row: Result<Vec<Option<String>>, _> = (0..row.len())
                .map(|at| row.try_get(at).map(|it| it.map(text)))
                .collect();
            answer.rows.push(row.map_err(|_| Unread::NotText)?);
        }
        self.bytes_left().set(u64::MAX);
        Ok(answer)
    }

    /// What came, or why it did not.
    async fn told<T>(
        &self,
        came: Result<Result<T, tokio_postgres::Error>, tokio::time::error::Elapsed>,
        asked: &Asked<'_>,
        limit: Duration,
    ) -> Result<T, SqlError> {
        let late = || SqlError::TimedOut {
            doing: DOING.to_owned(),
            after: limit,
        };
        let error = match came {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => error,
            Err(_) => return Err(late()),
        };
        let Some(db) = error.as_db_error() else {
            return Err(match SqlError::of(&error, DOING) {
                // The driver has no way for COPY in a plain query.
                Some(SqlError::Unexpected { doing, .. }) => SqlError::Unexpected {
                    doing,
                    reason:
                        "it answers with something other than rows (COPY?): pgctl psql takes it"
                            .to_owned(),
                },
                Some(other) => other,
                None => SqlError::Lost {
                    doing: DOING.to_owned(),
                    reason: self.why_ended().await,
                },
            });
        };
        let sqlstate = db.code().clone();
        let mut told = match SqlError::of(&error, DOING) {
            Some(SqlError::Refused { doing, message, .. }) => (doing, message),
            Some(other) => return Err(other),
            None => (DOING.to_owned(), db.message().to_owned()),
        };
        if let Some(ErrorPosition::Original(at)) = db.position() {
            told.1 += &place(asked.typed, at.saturating_sub(asked.before));
        }
        if let Some(hint) = db.hint() {
            told.1 += &format!("; hint: {hint}");
        }
        if sqlstate == SqlState::QUERY_CANCELED {
            told.1 += &format!(
                "; it may take {} s (--statement-timeout)",
                limit.as_secs_f64()
            );
        }
        Err(SqlError::Refused {
            doing: told.0,
            sqlstate: sqlstate.code().to_owned(),
            message: told.1,
        })
    }
}

/// A statement as it is sent.
#[derive(Clone, Copy)]
struct Asked<'a> {
    sql: &'a str,
    /// What somebody typed: positions are told of that.
    typed: &'a str,
    /// How many characters stand before that in what is sent.
    before: u32,
    /// Whether values come as bytes in hexadecimal.
    in_bytes: bool,
    /// Whether rows that are not taken are read all the same: a commit comes after them.
    to_the_end: bool,
}

impl<'a> Asked<'a> {
    fn new(statement: &'a str, bytes: Option<&'a InBytes>, to_the_end: bool) -> Self {
        Self {
            sql: bytes.map_or(statement, |it| &it.sql),
            typed: statement,
            before: bytes.map_or(0, |it| it.before),
            in_bytes: bytes.is_some(),
            to_the_end,
        }
    }
}

/// Why rows were not read.
enum Unread {
    /// A value is no UTF-8.
    NotText,
    Sql(SqlError),
}

impl From<SqlError> for Unread {
    fn from(error: SqlError) -> Self {
        match error.sqlstate() {
            // The server has tried to convert it.
            Some(state)
                if state == SqlState::CHARACTER_NOT_IN_REPERTOIRE.code()
                    || state == SqlState::UNTRANSLATABLE_CHARACTER.code() =>
            {
                Self::NotText
            }
            _ => Self::Sql(error),
        }
    }
}

impl From<Unread> for SqlError {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Sql(error) => error,
            Unread::NotText => Self::Unexpected {
                doing: DOING.to_owned(),
                reason: "a value is no text in UTF-8; encode(convert_to(COLUMN, 'SQL_ASCII'), \
                         'escape') shows it"
                    .to_owned(),
            },
        }
    }
}

/// The same question, for the bytes of its values in hexadecimal.
struct InBytes {
    sql: String,
    /// How many characters stand before the statement.
    before: u32,
}

impl InBytes {
    fn of(statement: &str, columns: usize) -> Self {
        let names: Vec<String> = (1..=columns).map(|at| format!("c{at}")).collect();
        // `format` writes a value as it is sent; a cast would say "true" of what is sent as "t".
        let bytes: Vec<String> = names
            .iter()
            .map(|it| {
                format!(
                    "case when pg_catalog.num_nulls({it}) = 0 then pg_catalog.encode(\
                     pg_catalog.convert_to(pg_catalog.format('%s', {it}), 'SQL_ASCII'), 'hex') end"
                )
            })
            .collect();
        // It may end in a semicolon, and in comments before and after that.
        let mut ends = statement.match_indices(';').map(|(at, _)| at);
        let end = ends.find(|at| {
            shape_of(&statement[*at..])
                .trim_matches([';', ' '])
                .is_empty()
        });
        let head = format!("select {} from (\n", bytes.join(", "));
        let sql = format!(
            "{head}{}\n) as asked({})",
            &statement[..end.unwrap_or(statement.len())],
            names.join(", ")
        );
        // It is ASCII.
        let before = u32::try_from(head.len()).unwrap_or(u32::MAX);
        Self { sql, before }
    }
}

/// The text of bytes in hexadecimal, with a mark in place of each byte that is none.
fn text_of_bytes(hex: &str) -> String {
    let digits = hex.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Vec<u8> = digits.filter_map(byte).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Where in a statement something is; positions count characters from 1.
fn place(statement: &str, position: u32) -> String {
    let before: String = statement
        .chars()
        .take(usize::try_from(position.saturating_sub(1)).unwrap_or(usize::MAX))
        .collect();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    format!(" (line {line}, column {column})")
}

fn kind(of: &Type) -> QueryColumnKind {
    match *of {
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => QueryColumnKind::Integer,
        Type::FLOAT4 | Type::FLOAT8 | Type::NUMERIC => QueryColumnKind::Number,
        Type::BOOL => QueryColumnKind::Boolean,
        Type::JSON | Type::JSONB => QueryColumnKind::Json,
        _ => QueryColumnKind::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_a_line_and_a_column() {
        assert_eq!(place("select x", 8), " (line 1, column 8)");
        assert_eq!(place("select\n 'ü', x", 14), " (line 2, column 7)");
    }

    #[test]
    fn what_ends_in_a_comment_can_be_asked_for_in_bytes() {
        for (sql, kept) in [
            ("select 1 -- one", "select 1 -- one"),
            ("select ';' ; -- one; two", "select ';' "),
        ] {
            let asked = InBytes::of(sql, 1);
            let part = format!("from (\n{kept}\n) as asked(c1)");
            assert!(asked.sql.contains(&part), "{}", asked.sql);
            let before = usize::try_from(asked.before).expect("a length");
            assert!(asked.sql[before..].starts_with(kept), "{}", asked.sql);
        }
        assert_eq!(text_of_bytes("61ff62"), "a\u{fffd}b");
    }
}

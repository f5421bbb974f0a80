//! One connection to one server.

use std::future::Future;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{NoTls, SimpleQueryMessage};

use super::SqlError;
use super::first_bytes::FirstBytes;
use super::measured::BytesLeft;
use super::unreadable::{is_unreadable, only_asks};
use super::watched_stream::WatchedStream;

/// Past a statement's own timeout the server is given this long to say so.
const GRACE: Duration = Duration::from_millis(500);
/// How long to wait for the reason why a connection ended.
const REASON_TIMEOUT: Duration = Duration::from_millis(500);

/// Who logs in, and how long an answer may take.
#[derive(Debug, Clone)]
pub struct Login {
    /// Name of the role.
    pub user: String,
    /// Its password, which is never shown.
    pub password: SecretString,
    /// Where the password comes from, for messages: `Secret s, key k`.
    pub source_of_password: String,
    /// What may be the password instead, while it is being changed.
    pub others: Vec<SecretString>,
    /// How long connecting may take, and how long each statement that sets no other limit.
    pub timeout: Duration,
}

/// A connection. Dropping it closes it.
pub struct Session {
    client: tokio_postgres::Client,
    timeout: Duration,
    /// The server's major version; 0 when it does not say.
    version: u32,
    /// Why the connection ended, once it has.
    ended: watch::Receiver<Option<String>>,
    /// How much it may still send.
    left: BytesLeft,
}

impl Session {
    /// Logs in over a stream that leads to a server. The stream needs no TLS of its own: it runs
    /// inside the API server's, down to the node.
    ///
    /// `reason` resolves, after the stream has ended, to why it did.
    ///
    /// # Errors
    /// When the server does not let us in, is not ready, is no PostgreSQL, or does not answer.
    pub async fn connect<S>(
        stream: S,
        reason: impl Future<Output = Option<String>> + Send + 'static,
        login: &Login,
    ) -> Result<Self, SqlError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        Self::connect_to(stream, reason, login, "postgres", Rights::Superuser).await
    }

    /// As [`Self::connect`], to the database of this name. A user who is no superuser is not let in
    /// with the settings of [`Rights::Superuser`] (SQLSTATE 42501).
    ///
    /// # Errors
    /// As [`Self::connect`], and when there is no such database.
    pub async fn connect_to<S>(
        stream: S,
        reason: impl Future<Output = Option<String>> + Send + 'static,
        login: &Login,
        database: &str,
        rights: Rights,
    ) -> Result<Self, SqlError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        const DOING: &str = "connecting";
        let first = FirstBytes::default();
        let left = BytesLeft::unbounded();
        let stream = WatchedStream::new(stream, left.clone(), first.clone());
        let mut config = tokio_postgres::Config::new();
        config
            .user(&login.user)
            .password(login.password.expose_secret())
            .dbname(database)
            .application_name("pgctl")
            .ssl_mode(SslMode::Disable);
        if rights != Rights::Console {
            config.options(startup_options(login.timeout, rights));
        }
        let connecting = config.connect_raw(stream, NoTls);
        let (client, connection) = match tokio::time::timeout(login.timeout, connecting).await {
            Ok(Ok(connected)) => connected,
            Ok(Err(error)) => {
                if let Some(reason) = first.foreign() {
                    return Err(SqlError::NotPostgres { reason });
                }
                return Err(match SqlError::of(&error, DOING) {
                    Some(error) => login_error(error, login),
                    None => SqlError::Lost {
                        doing: DOING.to_owned(),
                        reason: why(reason).await,
                    },
                });
            }
            Err(_) => {
                return Err(match first.foreign() {
                    Some(reason) => SqlError::NotPostgres { reason },
                    None => SqlError::TimedOut {
                        doing: DOING.to_owned(),
                        after: login.timeout,
                    },
                });
            }
        };
        let version = connection.parameter("server_version");
        let version = version.map_or(0, major_version);
        let (tell, ended) = watch::channel(None);
        tokio::spawn(async move {
            let told = match connection.await {
                // The server's parting words: terminated by an administrator, shutting down.
                Err(error) => error.as_db_error().map(|db| db.message().to_owned()),
                Ok(()) => None,
            };
            let reason = match told {
                Some(told) => told,
                None => why(reason).await,
            };
            // Nobody listens when the session was simply dropped.
            tell.send(Some(reason)).ok();
        });
        let session = Self {
            client,
            timeout: login.timeout,
            version,
            ended,
            left,
        };
        if version >= 17 {
            session.run(DOING, AFTER_CONNECT_17).await?;
        }
        Ok(session)
    }

    /// The server's major version; 0 when it does not say.
    pub(super) fn major(&self) -> u32 {
        self.version
    }

    /// Whether the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Runs statements that give nothing back. In one string they are one transaction.
    pub(super) async fn run(&self, doing: &str, sql: &str) -> Result<(), SqlError> {
        self.messages(doing, sql, self.timeout).await.map(drop)
    }

    /// As [`Self::run`], with another limit than the session's.
    pub(super) async fn run_within(
        &self,
        doing: &str,
        sql: &str,
        limit: Duration,
    ) -> Result<(), SqlError> {
        self.text_within(doing, sql, limit).await.map(drop)
    }

    /// The first column of the first row, as text; none when it is null or there is no row.
    pub(super) async fn text(&self, doing: &str, sql: &str) -> Result<Option<String>, SqlError> {
        self.first_text(doing, sql, self.timeout).await
    }

    /// As [`Self::text`], with another limit than the session's.
    pub(super) async fn text_within(
        &self,
        doing: &str,
        sql: &str,
        limit: Duration,
    ) -> Result<Option<String>, SqlError> {
        // Sent one behind the other, in this order, without waiting in between; what is measured in
        // write outage should not wait for round trips.
        let (set, text, reset) = futures::join!(
            self.limited(doing, limit, Duration::ZERO),
            self.first_text(doing, sql, limit),
            self.limited(doing, self.timeout, limit),
        );
        let text = text?;
        set?;
        reset?;
        Ok(text)
    }

    async fn first_text(
        &self,
        doing: &str,
        sql: &str,
        limit: Duration,
    ) -> Result<Option<String>, SqlError> {
        let messages = match self.messages(doing, sql, limit).await {
            Err(error) if is_unreadable(&error) && only_asks(sql) => {
                return self.escaped_text(doing, sql, limit).await;
            }
            other => other?,
        };
        let mut rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        match rows.next().map(|row| row.try_get(0)) {
            None => Ok(None),
            Some(Ok(text)) => Ok(text.map(str::to_owned)),
            Some(Err(_)) if only_asks(sql) => self.escaped_text(doing, sql, limit).await,
            Some(Err(error)) => Err(SqlError::Unexpected {
                doing: doing.to_owned(),
                reason: error.to_string(),
            }),
        }
    }

    /// Sets the server's own limit for the statements that follow. It is answered after the
    /// statements before it, which may take `before`.
    async fn limited(
        &self,
        doing: &str,
        limit: Duration,
        before: Duration,
    ) -> Result<(), SqlError> {
        let sql = format!("set statement_timeout = {}", limit.as_millis());
        self.messages(doing, &sql, self.timeout + before)
            .await
            .map(drop)
    }

    pub(super) async fn messages(
        &self,
        doing: &str,
        sql: &str,
        limit: Duration,
    ) -> Result<Vec<SimpleQueryMessage>, SqlError> {
        match tokio::time::timeout(limit + GRACE, self.client.simple_query(sql)).await {
            Ok(Ok(messages)) => Ok(messages),
            Ok(Err(error)) => match SqlError::of(&error, doing) {
                Some(SqlError::Refused { sqlstate, .. })
                    if sqlstate == SqlState::QUERY_CANCELED.code() =>
                {
                    Err(self.timed_out(doing, limit))
                }
                Some(error) => Err(error),
                None => Err(SqlError::Lost {
                    doing: doing.to_owned(),
                    reason: self.why_ended().await,
                }),
            },
            Err(_) => Err(self.timed_out(doing, limit)),
        }
    }

    fn timed_out(&self, doing: &str, after: Duration) -> SqlError {
        SqlError::TimedOut {
            doing: doing.to_owned(),
            after,
        }
    }

    /// How long a statement may take that sets no limit of its own.
    pub(super) fn limit(&self) -> Duration {
        self.timeout
    }

    /// The driver's side of the connection.
    pub(super) fn client(&self) -> &tokio_postgres::Client {
        &self.client
    }

    /// How much the server may still send.
    pub(super) fn bytes_left(&self) -> &BytesLeft {
        &self.left
    }

    /// Why the connection has ended.
    pub(super) async fn why_ended(&self) -> String {
        let mut ended = self.ended.clone();
        let told = tokio::time::timeout(REASON_TIMEOUT, ended.wait_for(Option::is_some)).await;
        match told {
            Ok(Ok(reason)) => reason.clone().unwrap_or_else(unknown),
            _ => unknown(),
        }
    }
}

fn unknown() -> String {
    "it was closed without a reason".to_owned()
}

async fn why(reason: impl Future<Output = Option<String>>) -> String {
    match tokio::time::timeout(REASON_TIMEOUT, reason).await {
        Ok(Some(reason)) => reason,
        _ => unknown(),
    }
}

/// What a session may set for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// All that a superuser may.
    Superuser,
    /// The same, and no event trigger is run, on 17 and later: one on login may refuse everybody.
    SuperuserPastTriggers,
    /// Only what everybody may.
    Ordinary,
    /// Nothing: the console of a pooler, which is no server and knows none of these settings.
    Console,
}

/// Everything that what a session does depends on. A role, a database, and a role in a database can
/// carry a setting of each of these (`ALTER ROLE ... SET`), and so can the server's files; what a
/// client asks for in its startup packet overrules all of them (`PGC_S_CLIENT` comes after
/// `PGC_S_DATABASE_USER` in src/include/utils/guc.h). Names here exist since PostgreSQL 14: one that
/// a server does not know would keep us out.
const SETTINGS: [(&str, &str); 30] = [
    // Who we are: `ALTER ROLE ... SET role` would make us somebody else.
    ("role", "none"),
    // A superuser must not run what somebody has put into `public`.
    ("search_path", "pg_catalog"),
    ("default_transaction_read_only", "off"),
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_deferrable", "off"),
    // Sessions wait for other pods, without saying anything, within a guided operation.
    ("idle_session_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("client_min_messages", "warning"),
    // Some questions are tried in two ways.
    ("exit_on_error", "off"),
    ("array_nulls", "on"),
    // The plans of our questions fill logs by the megabyte.
    ("debug_print_parse", "off"),
    ("debug_print_rewritten", "off"),
    ("debug_print_plan", "off"),
    // The planner thinks much of some of our questions; compiling them costs the server more than they do.
    ("jit", "off"),
    ("DateStyle", "ISO, MDY"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("bytea_output", "hex"),
    ("extra_float_digits", "1"),
    ("quote_all_identifiers", "off"),
    ("standard_conforming_strings", "on"),
    ("backslash_quote", "safe_encoding"),
    ("transform_null_equals", "off"),
    ("row_security", "on"),
    ("check_function_bodies", "on"),
    // Of the table that a write is proven with.
    ("default_table_access_method", "heap"),
    ("default_tablespace", ""),
    ("temp_tablespaces", ""),
    // A library that is not there would keep us out.
    ("local_preload_libraries", ""),
    // What this session has committed is on disk, and where commits wait for standbys, on them.
    ("synchronous_commit", "on"),
];

/// The same, of what only a superuser may set.
const SUPERUSER_SETTINGS: [(&str, &str); 4] = [
    ("session_preload_libraries", ""),
    ("session_replication_role", "origin"),
    ("lc_messages", "C"),
    ("temp_file_limit", "-1"),
];

/// Settings that PostgreSQL 16 does not know.
const AFTER_CONNECT_17: &str = "set transaction_timeout = 0";

/// The settings, and the limits: a statement that nobody waits for any more must not go on.
fn startup_options(timeout: Duration, rights: Rights) -> String {
    let milliseconds = timeout.as_millis().to_string();
    let limits = ["statement_timeout", "lock_timeout"].map(|name| (name, milliseconds.as_str()));
    let more = match rights {
        Rights::Superuser | Rights::SuperuserPastTriggers => &SUPERUSER_SETTINGS[..],
        Rights::Ordinary | Rights::Console => &[],
    };
    let past = match rights {
        Rights::SuperuserPastTriggers => &[("event_triggers", "off")][..],
        Rights::Superuser | Rights::Ordinary | Rights::Console => &[],
    };
    let all = limits.iter().chain(&SETTINGS).chain(more).chain(past);
    let options: Vec<String> = all
        // Spaces part options, unless a backslash is before them (`pg_split_opts` in postinit.c).
        .map(|(name, value)| format!("-c {name}={}", value.replace(' ', "\\ ")))
        .collect();
    options.join(" ")
}

/// 17 of `17.2 (Debian 17.2-1)` or `17beta1`; 0 of what is no version.
fn major_version(text: &str) -> u32 {
    let digits = text.find(|c: char| !c.is_ascii_digit());
    let number = text.get(..digits.unwrap_or(text.len()));
    number.and_then(|it| it.parse().ok()).unwrap_or(0)
}

pub(super) fn login_error(error: SqlError, login: &Login) -> SqlError {
    match error {
        SqlError::Refused {
            sqlstate, message, ..
        } if sqlstate == SqlState::INVALID_PASSWORD.code() => {
            // A pg_hba.conf that lets nobody in says 28000, a wrong password 28P01.
            drop(message);
            SqlError::WrongPassword {
                user: login.user.clone(),
                source_of_password: login.source_of_password.clone(),
            }
        }
        SqlError::Refused {
            sqlstate, message, ..
        } if sqlstate == SqlState::INVALID_AUTHORIZATION_SPECIFICATION.code()
            || sqlstate == SqlState::INVALID_CATALOG_NAME.code() =>
        {
            SqlError::NotLetIn {
                user: login.user.clone(),
                message,
            }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_what_the_number_begins_with() {
        for (text, major) in [
            ("17.2 (Debian 17.2-1.pgdg120+1)", 17),
            ("18beta1", 18),
            ("14", 14),
            ("", 0),
            ("devel", 0),
        ] {
            assert_eq!(major_version(text), major, "{text}");
        }
    }

    #[test]
    fn a_space_in_a_value_does_not_end_it() {
        let options = startup_options(Duration::from_secs(5), Rights::Ordinary);
        assert!(options.starts_with("-c statement_timeout=5000 -c lock_timeout=5000 "));
        assert!(options.contains("-c default_transaction_isolation=read\\ committed -c "));
        assert!(options.contains("-c temp_tablespaces= -c "));
        assert!(!options.contains("lc_messages"));
    }

    /// A server before 17 would not let in who asks for it.
    #[test]
    fn event_triggers_are_gone_past_only_where_they_may_have_refused_a_login() {
        let options = |rights| startup_options(Duration::from_secs(5), rights);
        let past = options(Rights::SuperuserPastTriggers);
        assert_eq!(past, options(Rights::Superuser) + " -c event_triggers=off");
        let refused = |sqlstate: &str| SqlError::Refused {
            doing: "connecting".to_owned(),
            sqlstate: sqlstate.to_owned(),
            message: "not today".to_owned(),
        };
        assert!(refused("P0001").may_be_of_a_login_trigger());
        assert!(!refused("42501").may_be_of_a_login_trigger());
        let lost = SqlError::Lost {
            doing: "connecting".to_owned(),
            reason: "cut".to_owned(),
        };
        assert!(!lost.may_be_of_a_login_trigger());
    }
}

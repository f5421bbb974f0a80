//! One connection to one server.

use std::future::Future;
use std::time::Duration;

use futures::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{NoTls, SimpleQueryMessage};

use super::SqlError;
use super::first_bytes::FirstBytes;
use super::measured::BytesLeft;
use super::startup::{AFTER_CONNECT_17, Known, Rights, startup_options};
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

/// Resolves, after a stream has ended, to why it did.
pub type WhyEnded = BoxFuture<'static, Option<String>>;

/// A way to a server, for more than one connection.
pub trait Way: Sync {
    /// What is read and written.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// Why it can't be opened, or the login over it does not work.
    type Error: From<SqlError>;

    /// Opens a stream.
    fn open(&self) -> impl Future<Output = Result<(Self::Stream, WhyEnded), Self::Error>> + Send;
}

/// How a connection ended.
struct Ended {
    /// Why, in words.
    reason: String,
    /// The SQLSTATE of the server's own last words.
    sqlstate: Option<String>,
}

/// A connection. Dropping it closes it.
pub struct Session {
    client: tokio_postgres::Client,
    timeout: Duration,
    /// The server's major version; 0 when it does not say.
    version: u32,
    /// Why the connection ended, once it has.
    ended: watch::Receiver<Option<Ended>>,
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
        Self::connect_as(stream, reason, login, database, rights, Known::Since14).await
    }

    /// As [`Self::connect_to`], over a stream that `way` opens. Where the server says no, it is asked once more over
    /// a second one, past what keeps sessions out only since PostgreSQL 17: a trigger on login, and a
    /// `transaction_timeout` of a role that is shorter than logging in takes. (Servers before 17 let nobody in with
    /// the settings for that, so they are not asked for at first.)
    ///
    /// # Errors
    /// As [`Self::connect_to`], with what refused the first; and what `way` has.
    pub async fn connect_by<W: Way>(
        way: &W,
        login: &Login,
        database: &str,
        rights: Rights,
    ) -> Result<Self, W::Error> {
        let (stream, reason) = way.open().await?;
        let known = Known::Since14;
        let refused = match Self::connect_as(stream, reason, login, database, rights, known).await {
            Err(error) if error.may_be_of_17() => error,
            other => return Ok(other?),
        };
        let Ok((stream, reason)) = way.open().await else {
            return Err(refused.into());
        };
        let known = Known::Since17;
        let past = Self::connect_as(stream, reason, login, database, rights, known).await;
        past.map_err(|_| refused.into())
    }

    async fn connect_as<S>(
        stream: S,
        reason: impl Future<Output = Option<String>> + Send + 'static,
        login: &Login,
        database: &str,
        rights: Rights,
        known: Known,
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
            config.options(startup_options(login.timeout, rights, known));
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
                Err(error) => error.as_db_error().map(|db| Ended {
                    reason: db.message().to_owned(),
                    sqlstate: Some(db.code().code().to_owned()),
                }),
                Ok(()) => None,
            };
            let ended = match told {
                Some(told) => told,
                None => Ended {
                    reason: why(reason).await,
                    sqlstate: None,
                },
            };
            // Nobody listens when the session was simply dropped.
            tell.send(Some(ended)).ok();
        });
        let session = Self {
            client,
            timeout: login.timeout,
            version,
            ended,
            left,
        };
        if version >= 17 && known == Known::Since14 {
            match session.run(DOING, AFTER_CONNECT_17).await {
                Err(SqlError::Lost { doing, reason }) => {
                    return Err(match session.parting_sqlstate() {
                        // Said between two statements, it is no answer to either.
                        Some(sqlstate) => SqlError::Refused {
                            doing,
                            sqlstate,
                            message: reason,
                        },
                        None => SqlError::Lost { doing, reason },
                    });
                }
                other => other?,
            }
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
            Ok(Ok(ended)) => match &*ended {
                Some(ended) => ended.reason.clone(),
                None => unknown(),
            },
            _ => unknown(),
        }
    }

    /// The SQLSTATE of what the server said last, once the connection has ended by it.
    fn parting_sqlstate(&self) -> Option<String> {
        self.ended.borrow().as_ref()?.sqlstate.clone()
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
    fn a_login_is_tried_past_what_17_has_only_where_that_may_have_refused_it() {
        let refused = |sqlstate: &str| SqlError::Refused {
            doing: "connecting".to_owned(),
            sqlstate: sqlstate.to_owned(),
            message: "not today".to_owned(),
        };
        assert!(refused("P0001").may_be_of_17());
        assert!(!refused("42501").may_be_of_17());
        let lost = SqlError::Lost {
            doing: "connecting".to_owned(),
            reason: "cut".to_owned(),
        };
        assert!(!lost.may_be_of_17());
    }
}

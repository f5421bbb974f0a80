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
use super::first_bytes::{FirstBytes, Remembering};

/// Past a statement's own timeout the server is given this long to say so.
const GRACE: Duration = Duration::from_millis(500);
/// How long to wait for the reason why a connection ended.
const REASON_TIMEOUT: Duration = Duration::from_millis(500);

/// Who logs in, and how long an answer may take.
#[derive(Debug, Clone)]
pub struct Login {
    /// User.
    pub user: String,
    /// Its password.
    pub password: SecretString,
    /// Where the password comes from, for messages: `Secret s, key k`.
    pub source_of_password: String,
    /// How long connecting may take, and how long each statement that sets no other limit.
    pub timeout: Duration,
}

/// A connection. Dropping it closes it.
pub struct Session {
    client: tokio_postgres::Client,
    timeout: Duration,
    /// Why the connection ended, once it has.
    ended: watch::Receiver<Option<String>>,
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
        Self::connect_to(stream, reason, login, "postgres").await
    }

    /// As [`Self::connect`], to the database of this name.
    ///
    /// # Errors
    /// As [`Self::connect`], and when there is no such database.
    pub async fn connect_to<S>(
        stream: S,
        reason: impl Future<Output = Option<String>> + Send + 'static,
        login: &Login,
        database: &str,
    ) -> Result<Self, SqlError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        const DOING: &str = "connecting";
        let first = FirstBytes::default();
        let stream = Remembering {
            inner: stream,
            first: first.clone(),
            done: false,
        };
        let mut config = tokio_postgres::Config::new();
        config
            .user(&login.user)
            .password(login.password.expose_secret())
            .dbname(database)
            .application_name("pgctl")
            .ssl_mode(SslMode::Disable)
            .options(startup_options(login.timeout));
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
        Ok(Self {
            client,
            timeout: login.timeout,
            ended,
        })
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
        let messages = self.messages(doing, sql, limit).await?;
        Ok(messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row.try_get(0).ok().flatten()?.to_owned()),
            _ => None,
        }))
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

    async fn messages(
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

    async fn why_ended(&self) -> String {
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

/// Settings of the session. `search_path`: a superuser must not run what somebody put into
/// `public`. `statement_timeout`: a statement that nobody waits for any more must not go on.
fn startup_options(timeout: Duration) -> String {
    format!(
        "-c statement_timeout={} -c lock_timeout={} -c search_path=pg_catalog -c TimeZone=UTC \
         -c DateStyle=ISO -c standard_conforming_strings=on",
        timeout.as_millis(),
        timeout.as_millis(),
    )
}

fn login_error(error: SqlError, login: &Login) -> SqlError {
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

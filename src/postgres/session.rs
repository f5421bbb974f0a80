//! One connection to one server.

use std::future::Future;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::config::{SslMode, SslNegotiation};
use tokio_postgres::error::SqlState;

use super::SqlError;
use super::channel::Encrypted;
use super::encryption::{Encryption, NotBegun, begin, foreign};
use super::first_bytes::FirstBytes;
use super::login::{Login, NotConnected, Way, not_let_in};
use super::measured::BytesLeft;
use super::startup::{AFTER_CONNECT_17, Known, Rights, startup_options};
use super::unreadable::{is_unreadable, only_asks};
use super::watched_stream::WatchedStream;

/// Past a statement's own timeout the server is given this long to say so.
const GRACE: Duration = Duration::from_millis(500);
/// How long to wait for the reason why a connection ended.
const REASON_TIMEOUT: Duration = Duration::from_millis(500);

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
    encryption: Encryption,
    /// What the server has presented (DER), its own certificate first.
    certificates: Vec<Vec<u8>>,
}

impl Session {
    /// Logs in over a stream that leads to a server. The stream runs inside the API server's TLS, down to the node; whether
    /// it is encrypted beyond that, `login` says. What only a server that demands encryption would want is not tried:
    /// that takes a second stream ([`Self::connect_by`]).
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
        let how = (rights, Known::Since14);
        Ok(Self::connect_as(stream, reason, login, database, how).await?)
    }

    /// As [`Self::connect_to`], over a stream that `way` opens. Where the server says no, it is asked once more over
    /// a second one, past what keeps sessions out only since PostgreSQL 17: a trigger on login, and a
    /// `transaction_timeout` of a role that is shorter than logging in takes. (Servers before 17 let nobody in with
    /// the settings for that, so they are not asked for at first.) Likewise where it has no rule for a session that is
    /// not encrypted, and no authority is known.
    ///
    /// # Errors
    /// As [`Self::connect_to`], with what refused the first; and what `way` has.
    pub async fn connect_by<W: Way>(
        way: &W,
        login: &Login,
        database: &str,
        rights: Rights,
    ) -> Result<Self, W::Error> {
        let refused = match Self::past_17(way, login, database, rights).await? {
            Ok(session) => return Ok(session),
            Err(refused) => refused,
        };
        if !refused.by_rule || login.encryption != Encryption::AsDemanded {
            return Err(refused.error.into());
        }
        let encrypted = Login {
            encryption: Encryption::Unverified,
            ..login.clone()
        };
        match Self::past_17(way, &encrypted, database, rights).await {
            Ok(Ok(session)) => Ok(session),
            // It has a rule for this way, and something else against us.
            Ok(Err(other)) if !other.by_rule && other.error.is_of_a_session() => {
                Err(other.error.into())
            }
            Ok(Err(_)) | Err(_) => Err(refused.error.into()),
        }
    }

    async fn past_17<W: Way>(
        way: &W,
        login: &Login,
        database: &str,
        rights: Rights,
    ) -> Result<Result<Self, NotConnected>, W::Error> {
        let (stream, reason) = way.open().await?;
        let how = (rights, Known::Since14);
        let refused = match Self::connect_as(stream, reason, login, database, how).await {
            Err(refused) if refused.error.may_be_of_17() => refused,
            other => return Ok(other),
        };
        let Ok((stream, reason)) = way.open().await else {
            return Ok(Err(refused));
        };
        let how = (rights, Known::Since17);
        let past = Self::connect_as(stream, reason, login, database, how).await;
        Ok(past.map_err(|_| refused))
    }

    async fn connect_as<S>(
        stream: S,
        reason: impl Future<Output = Option<String>> + Send + 'static,
        login: &Login,
        database: &str,
        (rights, known): (Rights, Known),
    ) -> Result<Self, NotConnected>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        const DOING: &str = "connecting";
        let first = FirstBytes::default();
        let left = BytesLeft::unbounded();
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
        let connecting = async {
            let channel = begin(stream, &login.encryption).await?;
            let certificates = channel.certificates();
            let binding = channel.binding();
            if !certificates.is_empty() {
                // It is encrypted already: there is nothing to be agreed on.
                config
                    .ssl_mode(SslMode::Require)
                    .ssl_negotiation(SslNegotiation::Direct);
            }
            let stream = WatchedStream::new(channel, left.clone(), first.clone());
            let connected = config.connect_raw(stream, Encrypted(binding)).await;
            Ok::<_, NotBegun>((connected, certificates))
        };
        let lost = |reason: String| SqlError::Lost {
            doing: DOING.to_owned(),
            reason,
        };
        let connected = match tokio::time::timeout(login.timeout, connecting).await {
            Ok(Ok((Ok(connected), certificates))) => Some((connected, certificates)),
            Ok(Ok((Err(error), _))) => {
                if let Some(reason) = first.foreign() {
                    return Err(SqlError::NotPostgres { reason }.into());
                }
                match SqlError::of(&error, DOING) {
                    Some(error) => return Err(not_let_in(error, login)),
                    None => None,
                }
            }
            Ok(Err(NotBegun::Error(error))) => return Err(error.into()),
            Ok(Err(NotBegun::Foreign(byte))) => return Err(foreign(byte).into()),
            Ok(Err(NotBegun::Broken(_))) => None,
            Err(_) => {
                let error = match first.foreign() {
                    Some(reason) => SqlError::NotPostgres { reason },
                    None => SqlError::TimedOut {
                        doing: DOING.to_owned(),
                        after: login.timeout,
                    },
                };
                return Err(error.into());
            }
        };
        let Some(((client, connection), certificates)) = connected else {
            return Err(lost(why(reason).await).into());
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
            encryption: login.encryption.clone(),
            certificates,
        };
        if version >= 17 && known == Known::Since14 {
            match session.run(DOING, AFTER_CONNECT_17).await {
                Err(SqlError::Lost { doing, reason }) => {
                    let error = match session.parting_sqlstate() {
                        // Said between two statements, it is no answer to either.
                        Some(sqlstate) => SqlError::Refused {
                            doing,
                            sqlstate,
                            message: reason,
                        },
                        None => SqlError::Lost { doing, reason },
                    };
                    return Err(error.into());
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

    /// How it is encrypted.
    pub fn encryption(&self) -> &Encryption {
        &self.encryption
    }

    /// The certificate that the server has presented (DER); none where the session is not encrypted.
    pub fn certificate(&self) -> Option<&[u8]> {
        self.certificates.first().map(Vec::as_slice)
    }

    /// All that the server has presented (DER), its own certificate first; none where the session is not encrypted.
    pub fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
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

//! Logging in as a standby does: for replication. The driver has no such mode, and a login to a
//! database says nothing about it: it has rules of its own in `pg_hba.conf`, a right of its own, and
//! places of its own (`max_wal_senders`).

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{
    ChannelBinding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256,
};
use postgres_protocol::message::backend::{AuthenticationSaslBody, ErrorResponseBody, Message};
use postgres_protocol::message::frontend;
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_postgres::error::SqlState;

use super::channel::Channel;
use super::encryption::begin;
use super::login::login_error;
use super::{Login, SqlError};

const DOING: &str = "logging in for replication";

/// Logs in for physical replication, and leaves at once.
///
/// # Errors
/// When the server does not let this role replicate, or does not answer in time.
pub async fn log_in_for_replication<S>(stream: S, login: &Login) -> Result<(), SqlError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let logging_in = async {
        let channel = begin(stream, &login.encryption).await;
        let mut channel = channel.map_err(|error| error.said(DOING))?;
        handshake(&mut channel, login).await
    };
    match tokio::time::timeout(login.timeout, logging_in).await {
        Ok(result) => result,
        Err(_) => Err(timed_out(login.timeout)),
    }
}

fn timed_out(after: Duration) -> SqlError {
    SqlError::TimedOut {
        doing: DOING.to_owned(),
        after,
    }
}

fn lost(error: &io::Error) -> SqlError {
    SqlError::Lost {
        doing: DOING.to_owned(),
        reason: error.to_string(),
    }
}

fn unexpected(reason: &str) -> SqlError {
    SqlError::Unexpected {
        doing: DOING.to_owned(),
        reason: reason.to_owned(),
    }
}

async fn handshake<S>(stream: &mut Channel<S>, login: &Login) -> Result<(), SqlError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let password = login.password.expose_secret().as_bytes();
    let user = login.user.as_str();
    let mut out = BytesMut::new();
    let parameters = [
        ("user", user),
        ("replication", "true"),
        ("application_name", "pgctl"),
        ("client_encoding", "UTF8"),
    ];
    frontend::startup_message(parameters, &mut out).map_err(|error| lost(&error))?;
    let mut received = BytesMut::new();
    let mut scram: Option<ScramSha256> = None;
    loop {
        if !out.is_empty() {
            stream.write_all(&out).await.map_err(|error| lost(&error))?;
            stream.flush().await.map_err(|error| lost(&error))?;
            out.clear();
        }
        match next(stream, &mut received).await? {
            Message::AuthenticationCleartextPassword => {
                frontend::password_message(password, &mut out).map_err(|error| lost(&error))?;
            }
            Message::AuthenticationMd5Password(body) => {
                let hash = md5_hash(user.as_bytes(), password, body.salt());
                frontend::password_message(hash.as_bytes(), &mut out)
                    .map_err(|error| lost(&error))?;
            }
            Message::AuthenticationSasl(body) => {
                let (mechanism, binding) = mechanism(&body, stream.binding())?;
                let begun = ScramSha256::new(password, binding);
                frontend::sasl_initial_response(mechanism, begun.message(), &mut out)
                    .map_err(|error| lost(&error))?;
                scram = Some(begun);
            }
            Message::AuthenticationSaslContinue(body) => {
                let scram = scram.as_mut().ok_or_else(|| unexpected("out of turn"))?;
                scram
                    .update(body.data())
                    .map_err(|error| unexpected(&error.to_string()))?;
                frontend::sasl_response(scram.message(), &mut out).map_err(|error| lost(&error))?;
            }
            Message::AuthenticationSaslFinal(body) => {
                let scram = scram.as_mut().ok_or_else(|| unexpected("out of turn"))?;
                scram
                    .finish(body.data())
                    .map_err(|error| unexpected(&error.to_string()))?;
            }
            Message::ErrorResponse(body) => return Err(login_error(refused(&body)?, login)),
            Message::ReadyForQuery(_) => {
                frontend::terminate(&mut out);
                // It was let in: how the connection ends does not matter.
                stream.write_all(&out).await.ok();
                stream.shutdown().await.ok();
                return Ok(());
            }
            Message::AuthenticationOk
            | Message::ParameterStatus(_)
            | Message::BackendKeyData(_)
            | Message::NoticeResponse(_) => {}
            _ => return Err(unexpected("it asks for what a password can't answer")),
        }
    }
}

/// The way to prove the password: bound to the encrypted stream where both ends can. Without TLS the only one is
/// SCRAM-SHA-256.
fn mechanism(
    offered: &AuthenticationSaslBody,
    binding: Option<Vec<u8>>,
) -> Result<(&'static str, ChannelBinding), SqlError> {
    use fallible_iterator::FallibleIterator as _;
    let mut names = offered.mechanisms();
    let bound = names
        .any(|name| Ok(name == SCRAM_SHA_256_PLUS))
        .map_err(|error| unexpected(&error.to_string()))?;
    Ok(match binding {
        Some(binding) if bound => (
            SCRAM_SHA_256_PLUS,
            ChannelBinding::tls_server_end_point(binding),
        ),
        // Said so, a server that offers it knows that somebody in between has taken the offer away.
        Some(_) => (SCRAM_SHA_256, ChannelBinding::unrequested()),
        None => (SCRAM_SHA_256, ChannelBinding::unsupported()),
    })
}

async fn next<S>(stream: &mut S, received: &mut BytesMut) -> Result<Message, SqlError>
where
    S: AsyncRead + Unpin,
{
    loop {
        let parsed = Message::parse(received).map_err(|error| unexpected(&error.to_string()))?;
        if let Some(message) = parsed {
            return Ok(message);
        }
        let read = stream.read_buf(received).await;
        if read.map_err(|error| lost(&error))? == 0 {
            return Err(lost(&io::ErrorKind::UnexpectedEof.into()));
        }
    }
}

/// What the server says; the fields are `C` for the SQLSTATE and `M` for the message (PostgreSQL
/// documentation, section 55.8 "Error and Notice Message Fields").
fn refused(body: &ErrorResponseBody) -> Result<SqlError, SqlError> {
    use fallible_iterator::FallibleIterator as _;
    let (mut sqlstate, mut message) = (String::new(), String::new());
    let mut fields = body.fields();
    while let Some(field) = fields
        .next()
        .map_err(|error| unexpected(&error.to_string()))?
    {
        let text = || String::from_utf8_lossy(field.value_bytes()).into_owned();
        match field.type_() {
            b'C' => sqlstate = text(),
            b'M' => message = text(),
            _ => {}
        }
    }
    Ok(match SqlState::from_code(&sqlstate) {
        SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN | SqlState::CANNOT_CONNECT_NOW => {
            SqlError::NotReady { message }
        }
        SqlState::TOO_MANY_CONNECTIONS => SqlError::TooManyConnections { message },
        _ => SqlError::Refused {
            doing: DOING.to_owned(),
            sqlstate,
            message,
        },
    })
}

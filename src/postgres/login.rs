//! Who logs in, over which way, and why that does not work.

use std::future::Future;
use std::time::Duration;

use futures::future::BoxFuture;
use secrecy::SecretString;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::error::SqlState;

use super::SqlError;
use super::encryption::Encryption;

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
    /// How the session is encrypted.
    pub encryption: Encryption,
}

impl Login {
    /// The same, to the server whose certificate has to have this name.
    #[must_use]
    pub fn to_server(&self, name: &str) -> Self {
        Self {
            encryption: self.encryption.to_server(name),
            ..self.clone()
        }
    }
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

/// Why there is no session.
pub(super) struct NotConnected {
    pub(super) error: SqlError,
    /// No rule of the server lets this session in (SQLSTATE 28000): one may for encrypted ones.
    pub(super) by_rule: bool,
}

impl From<SqlError> for NotConnected {
    fn from(error: SqlError) -> Self {
        let by_rule = false;
        Self { error, by_rule }
    }
}

impl From<NotConnected> for SqlError {
    fn from(refused: NotConnected) -> Self {
        refused.error
    }
}

/// What a server has said against a login.
pub(super) fn not_let_in(error: SqlError, login: &Login) -> NotConnected {
    let no_rule = SqlState::INVALID_AUTHORIZATION_SPECIFICATION.code();
    NotConnected {
        by_rule: error.sqlstate() == Some(no_rule),
        error: login_error(error, login),
    }
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

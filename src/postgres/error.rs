//! What can go wrong with a database, in sentences that an operator can act on.

use std::error::Error as _;
use std::time::Duration;

use jiff::Timestamp;
use tokio_postgres::error::SqlState;

/// Why something asked of a database did not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    /// Wrong password.
    #[error("wrong password for user {user:?} (from {source_of_password})")]
    WrongPassword {
        /// Name of the role that wanted to log in.
        user: String,
        /// Where it comes from: `Secret postgres-secret, key postgres-password`.
        source_of_password: String,
    },
    /// The server does not let this user in (`pg_hba.conf`, no such role or database).
    #[error("PostgreSQL does not let {user:?} in: {message}")]
    NotLetIn {
        /// The role that asked to log in.
        user: String,
        /// What it says.
        message: String,
    },
    /// Something answered, and it does not speak PostgreSQL.
    #[error("what listens on port 5432 does not speak PostgreSQL: {reason}")]
    NotPostgres {
        /// How that shows.
        reason: String,
    },
    /// Its certificate proves nothing.
    #[error(
        "its certificate is not trusted: {reason}. The authority is ca.crt of the Secret {secret}; what the server should present: {look} (docs/runbooks/tls.md)"
    )]
    NotTrusted {
        /// What is wrong with it.
        reason: String,
        /// The Secret with the authority.
        secret: String,
        /// The command that shows what is in the Secret.
        look: String,
        /// When it expired, when it is that.
        expired: Option<Timestamp>,
        /// Another authority than that of the Secret has signed it. While an authority is replaced that is so until
        /// the kubelet has brought the pods what the Secret has by now.
        other_authority: bool,
    },
    /// It does not encrypt, and that was wanted.
    #[error(
        "it does not encrypt sessions, although {} (docs/runbooks/tls.md)",
        there_for_that(secret)
    )]
    NoEncryption {
        /// The Secret with its certificate; empty when none is known.
        secret: String,
    },
    /// It answers, and it was not agreed on how to encrypt.
    #[error("connecting: {reason}")]
    NotAgreed {
        /// How that shows, in words.
        reason: String,
    },
    /// It is starting up, shutting down or recovering, and takes no connections now.
    #[error("{message}")]
    NotReady {
        /// PostgreSQL's own words: `the database system is starting up`.
        message: String,
    },
    /// All connections are taken.
    #[error("all connections are taken ({message}); raise max_connections, or end some")]
    TooManyConnections {
        /// PostgreSQL's own words.
        message: String,
    },
    /// No answer in time. What was asked for may still be carried out.
    #[error("{doing}: no answer within {} s", after.as_secs_f64())]
    TimedOut {
        /// What was being done, in words.
        doing: String,
        /// How long was waited.
        after: Duration,
    },
    /// The connection broke. What was asked for may have been carried out.
    #[error("{doing}: the connection was lost: {reason}")]
    Lost {
        /// What was being done, in words.
        doing: String,
        /// What the socket or the server said of it.
        reason: String,
    },
    /// PostgreSQL said no.
    #[error("{doing}: PostgreSQL says: {message} (SQLSTATE {sqlstate})")]
    Refused {
        /// What was being done, in words.
        doing: String,
        /// Five characters (PostgreSQL documentation, appendix A).
        sqlstate: String,
        /// What it says.
        message: String,
    },
    /// An answer that makes no sense.
    #[error("{doing}: {reason}")]
    Unexpected {
        /// What was being done, in words.
        doing: String,
        /// What came in its place, in words.
        reason: String,
    },
}

/// Why encryption was wanted.
fn there_for_that(secret: &str) -> String {
    match secret {
        "" => "its pod has a certificate".to_owned(),
        secret => format!("the Secret {secret} is there for that"),
    }
}

impl SqlError {
    /// Whether what was asked for may have been carried out: look before repeating it.
    pub fn outcome_unknown(&self) -> bool {
        matches!(self, Self::TimedOut { .. } | Self::Lost { .. })
    }

    /// Whether the server is there and will answer later.
    pub fn is_not_ready(&self) -> bool {
        matches!(self, Self::NotReady { .. })
    }

    /// Whether PostgreSQL itself said no, or may have: it runs, and may be taking others' writes. So may one that does
    /// not prove who it is, or with which no encryption was agreed on.
    pub fn shows_life(&self) -> bool {
        matches!(
            self,
            Self::WrongPassword { .. }
                | Self::NotLetIn { .. }
                | Self::NotTrusted { .. }
                | Self::NoEncryption { .. }
                | Self::NotAgreed { .. }
                | Self::TooManyConnections { .. }
                | Self::Refused { .. }
        )
    }

    /// Whether what refused a login may be what keeps sessions out only since PostgreSQL 17: its
    /// `transaction_timeout`, or what a trigger of somebody's has raised, which may be any error. (It is none of
    /// those that PostgreSQL itself has for a login.)
    pub(super) fn may_be_of_17(&self) -> bool {
        matches!(self, Self::Refused { sqlstate, .. } if sqlstate != "42501")
    }

    /// Whether PostgreSQL said it of a session that was begun.
    pub(super) fn is_of_a_session(&self) -> bool {
        let of_encryption = matches!(
            self,
            Self::NoEncryption { .. } | Self::NotTrusted { .. } | Self::NotAgreed { .. }
        );
        (self.shows_life() || self.is_not_ready()) && !of_encryption
    }

    /// The SQLSTATE, when PostgreSQL said no.
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Refused { sqlstate, .. } => Some(sqlstate),
            _ => None,
        }
    }

    /// Makes out what the driver's error means. None for one that only says that the connection is
    /// gone.
    pub(super) fn of(error: &tokio_postgres::Error, doing: &str) -> Option<Self> {
        let Some(db) = error.as_db_error() else {
            let lost = error.is_closed()
                || error
                    .source()
                    .is_some_and(|cause| cause.is::<std::io::Error>());
            return (!lost).then(|| Self::Unexpected {
                doing: doing.to_owned(),
                reason: match error.source() {
                    Some(cause) => format!("{error}: {cause}"),
                    None => error.to_string(),
                },
            });
        };
        let message = db.message().to_owned();
        Some(match *db.code() {
            // 57P01..03: shut down, crashed, starting up or shutting down.
            SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN | SqlState::CANNOT_CONNECT_NOW => {
                Self::NotReady { message }
            }
            SqlState::TOO_MANY_CONNECTIONS => Self::TooManyConnections { message },
            _ => Self::Refused {
                doing: doing.to_owned(),
                sqlstate: db.code().code().to_owned(),
                message: match db.detail() {
                    Some(detail) => format!("{message}: {detail}"),
                    None => message,
                },
            },
        })
    }
}

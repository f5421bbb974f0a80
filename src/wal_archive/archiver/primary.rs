//! The server that is streamed from, and who finds it.

use std::any::Any;
use std::path::PathBuf;

use futures::future::LocalBoxFuture;
use secrecy::SecretString;

use crate::cluster::ClusterId;
use crate::postgres::Session;

/// The way of a program of this machine to a server.
pub struct WalRoute {
    /// An address, or the folder of a socket.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The role that streams.
    pub user: String,
    /// Its password, which is never shown.
    pub password: SecretString,
    /// What the server has to prove by its certificate; none where it has none, or the way there sees to that.
    pub proof: Option<ExpectedServer>,
    /// What keeps the way open, when something has to.
    pub kept: Option<Box<dyn Any + Send>>,
}

/// Who a server has to be by its certificate.
pub struct ExpectedServer {
    /// The name that is in it.
    pub name: String,
    /// The file with the certificate of who has to have signed it (PEM).
    pub authority: PathBuf,
    /// What keeps that file.
    pub kept: Box<dyn Any + Send>,
}

/// A primary.
pub struct Primary {
    /// The cluster.
    pub cluster: ClusterId,
    /// Name of the pod.
    pub pod: String,
    /// A connection to ask it questions.
    pub session: Session,
    /// The way to it for `pg_receivewal`.
    pub route: WalRoute,
}

/// Who finds the primary, whichever pod that is at the moment.
pub trait Primaries {
    /// Connects to the one primary there is, or says why not.
    fn connect(&self) -> LocalBoxFuture<'_, Result<Primary, String>>;

    /// Which pod is the one primary; none when that can't be told.
    fn pod(&self) -> LocalBoxFuture<'_, Option<String>>;
}

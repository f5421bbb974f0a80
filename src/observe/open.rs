//! A connection to the database in a pod.

use std::time::Duration;

use crate::kubernetes::{Credentials, Kube, KubeError, labels};
use crate::postgres::{Login, Session, SqlError};

/// Why the database in a pod can't be talked to.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The way there is closed.
    #[error(transparent)]
    Kube(#[from] KubeError),
    /// The database says no, or nothing.
    #[error(transparent)]
    Sql(#[from] SqlError),
}

/// The login of the superuser.
pub fn login(credentials: &Credentials, timeout: Duration) -> Login {
    let source = &credentials.source;
    Login {
        user: credentials.user.clone(),
        password: credentials.password.clone(),
        source_of_password: format!("Secret {}, key {}", source.secret, source.password_key),
        timeout,
    }
}

/// Connects to the database in a pod, through the API server.
///
/// # Errors
/// When the pod can't be reached, or the database does not let us in.
pub async fn open(
    kube: &Kube,
    namespace: &str,
    pod: &str,
    login: &Login,
) -> Result<Session, OpenError> {
    open_database(kube, namespace, pod, login, "postgres").await
}

/// Connects to one of the databases in a pod, through the API server.
///
/// # Errors
/// As [`open`].
pub async fn open_database(
    kube: &Kube,
    namespace: &str,
    pod: &str,
    login: &Login,
    database: &str,
) -> Result<Session, OpenError> {
    let forward = kube.forward(namespace, pod, labels::PORT).await?;
    Ok(Session::connect_to(forward.stream, forward.reason, login, database).await?)
}

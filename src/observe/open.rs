//! A connection to the database in a pod.

use std::time::Duration;

use secrecy::SecretString;
use tokio::io::DuplexStream;

use crate::cluster::{PodFacts, ReplicationLogin, Role, names};
use crate::kubernetes::{Credentials, Kube, KubeError};
use crate::postgres::{
    Authority, Encryption, Login, Rights, Session, SqlError, Way, WhyEnded, log_in_for_replication,
};

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

/// A pod that is being asked, with an open session in its database `postgres`.
pub struct OpenPod<'a> {
    /// What Kubernetes says of it.
    pub pod: &'a PodFacts,
    /// What it is, as it just said.
    pub role: Role,
    /// The session.
    pub session: Session,
    /// The way to it.
    pub kube: &'a Kube,
    /// Its namespace.
    pub namespace: &'a str,
    /// How it was logged in to.
    pub(super) login: Login,
}

impl OpenPod<'_> {
    /// A session in another of its databases.
    ///
    /// # Errors
    /// When it does not let us in.
    pub async fn database(&self, name: &str) -> Result<Session, OpenError> {
        open_database(self.kube, self.namespace, &self.pod.name, &self.login, name).await
    }
}

/// The login of the superuser.
pub fn login(credentials: &Credentials, timeout: Duration) -> Login {
    let source = &credentials.source;
    Login {
        user: credentials.user.clone(),
        password: credentials.password.clone(),
        source_of_password: format!("Secret {}, key {}", source.secret, source.password_key),
        others: credentials.others.clone(),
        timeout,
        encryption: encryption(credentials),
    }
}

/// How sessions with the servers are encrypted.
pub(super) fn encryption(credentials: &Credentials) -> Encryption {
    match (&credentials.certificate, &credentials.no_authority) {
        (Some(it), _) => {
            Encryption::Verified(Authority::new(&it.namespace, &it.secret, &it.authority))
        }
        // They have certificates, and nobody knows whose.
        (None, Some(_)) => Encryption::Unverified,
        (None, None) => Encryption::AsDemanded,
    }
}

/// Whether a standby would be let in by the database in a pod, and would get its questions answered
/// (`deploy/base/scripts/start.sh` asks them in the database `postgres`).
pub async fn replication_login(
    kube: &Kube,
    namespace: &str,
    pod: &str,
    credentials: &Credentials,
    timeout: Duration,
) -> ReplicationLogin {
    let source = &credentials.source;
    let (Some(password), Some(key)) = (&credentials.replication_password, &source.replication_key)
    else {
        return ReplicationLogin::Unknown;
    };
    let login = |password: &SecretString| Login {
        user: names::REPLICATION_ROLE.to_owned(),
        password: password.clone(),
        source_of_password: format!("Secret {}, key {key}", source.secret),
        others: Vec::new(),
        timeout,
        encryption: encryption(credentials),
    };
    let asking = async {
        let first = log_in_as_standby(kube, namespace, pod, &login(password)).await;
        let Err(OpenError::Sql(SqlError::WrongPassword { .. })) = &first else {
            return first;
        };
        // While it is being changed, the start script tries these, too.
        for other in &credentials.replication_others {
            if log_in_as_standby(kube, namespace, pod, &login(other))
                .await
                .is_ok()
            {
                return Ok(());
            }
        }
        first
    };
    match tokio::time::timeout(timeout, asking).await {
        Ok(Ok(())) => ReplicationLogin::Works,
        Ok(Err(OpenError::Sql(SqlError::TooManyConnections { message }))) => {
            ReplicationLogin::NoConnectionLeft { reason: message }
        }
        Ok(Err(OpenError::Sql(error))) if error.shows_life() => ReplicationLogin::Refused {
            reason: error.to_string(),
        },
        // Not a word of the server.
        Ok(Err(_)) | Err(_) => ReplicationLogin::Unknown,
    }
}

async fn log_in_as_standby(
    kube: &Kube,
    namespace: &str,
    pod: &str,
    login: &Login,
) -> Result<(), OpenError> {
    let way = IntoPod {
        kube,
        namespace,
        pod,
    };
    let session = connect(&way, login, "postgres", Rights::Ordinary).await?;
    session.in_recovery().await?;
    let login = Login {
        encryption: session.encryption().clone(),
        ..login.clone()
    };
    drop(session);
    // A stream is another matter: it has rules, a right and places of its own.
    let forward = kube.forward(namespace, pod, names::PORT).await?;
    log_in_for_replication(forward.stream, &login).await?;
    Ok(())
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

/// Connects to one of the databases in a pod, through the API server. While a password is being changed, the database
/// may have another one than the first.
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
    open_as(kube, namespace, pod, login, (database, Rights::Superuser)).await
}

/// As [`open_database`], for a role that is known to be no superuser: asking for what it may not set would be an error in
/// the server's log, which looks like an application that can't log in.
///
/// # Errors
/// As [`open`].
pub async fn open_as_application(
    kube: &Kube,
    namespace: &str,
    pod: &str,
    login: &Login,
    database: &str,
) -> Result<Session, OpenError> {
    open_as(kube, namespace, pod, login, (database, Rights::Ordinary)).await
}

/// As [`open`], for who reads the server's log: what is asked is not written into it.
///
/// # Errors
/// As [`open`].
pub(super) async fn open_without_trace(
    kube: &Kube,
    namespace: &str,
    pod: &str,
    login: &Login,
) -> Result<Session, OpenError> {
    let whither = ("postgres", Rights::SuperuserWithoutTrace);
    open_as(kube, namespace, pod, login, whither).await
}

/// The password that the database in a pod takes: while it is being changed, it may be another than the first. The first
/// when it takes none, or can't be asked.
pub async fn password_of<'a>(
    kube: &Kube,
    namespace: &str,
    pod: &str,
    login: &'a Login,
) -> &'a SecretString {
    let whither = ("postgres", Rights::Ordinary);
    // One alone needs no trial.
    let both = [&login.password].into_iter().chain(&login.others);
    for password in both.filter(|_| !login.others.is_empty()) {
        let with = Login {
            password: password.clone(),
            others: Vec::new(),
            ..login.clone()
        };
        match open_with(kube, namespace, pod, &with, whither).await {
            Err(OpenError::Sql(SqlError::WrongPassword { .. })) => {}
            Ok(_) => return password,
            Err(_) => break,
        }
    }
    &login.password
}

async fn open_as(
    kube: &Kube,
    namespace: &str,
    pod: &str,
    login: &Login,
    whither: (&str, Rights),
) -> Result<Session, OpenError> {
    let first = open_with(kube, namespace, pod, login, whither).await;
    let Err(OpenError::Sql(SqlError::WrongPassword { .. })) = &first else {
        return first;
    };
    for password in &login.others {
        let other = Login {
            password: password.clone(),
            ..login.clone()
        };
        match open_with(kube, namespace, pod, &other, whither).await {
            Err(OpenError::Sql(SqlError::WrongPassword { .. })) => {}
            opened => return opened,
        }
    }
    first
}

async fn open_with(
    kube: &Kube,
    namespace: &str,
    pod: &str,
    login: &Login,
    (database, rights): (&str, Rights),
) -> Result<Session, OpenError> {
    let way = IntoPod {
        kube,
        namespace,
        pod,
    };
    match connect(&way, login, database, rights).await {
        // "permission denied to set parameter": `--secret` names a user who may only look.
        Err(OpenError::Sql(error)) if error.sqlstate() == Some("42501") => {
            connect(&way, login, database, Rights::Ordinary).await
        }
        other => other,
    }
}

/// Where a pod's certificate is expected, nothing less is taken. One that was made before there was one runs without, until it is
/// replaced: that is what its object says, and not what answers in it.
async fn connect(
    way: &IntoPod<'_>,
    login: &Login,
    database: &str,
    rights: Rights,
) -> Result<Session, OpenError> {
    let login = login.to_server(&names::address(way.namespace, way.pod));
    let refused = match Session::connect_by(way, &login, database, rights).await {
        Err(OpenError::Sql(refused @ SqlError::NoEncryption { .. })) => refused,
        other => return other,
    };
    if way.kube.has_certificate(way.namespace, way.pod).await? {
        return Err(refused.into());
    }
    let plain = Login {
        encryption: Encryption::AsDemanded,
        ..login
    };
    Session::connect_by(way, &plain, database, rights).await
}

/// The way to the database in a pod.
struct IntoPod<'a> {
    kube: &'a Kube,
    namespace: &'a str,
    pod: &'a str,
}

impl Way for IntoPod<'_> {
    type Stream = DuplexStream;
    type Error = OpenError;

    async fn open(&self) -> Result<(DuplexStream, WhyEnded), OpenError> {
        let forward = self.kube.forward(self.namespace, self.pod, names::PORT);
        let forward = forward.await?;
        Ok((forward.stream, forward.reason))
    }
}

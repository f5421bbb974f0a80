//! The connections to one cluster: to the Kubernetes API, and to the databases in its pods.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::cluster::{ClusterId, Snapshot};
use crate::engine::{ErrorKind, WorldError};
use crate::kubernetes::{Kube, KubeError, Selection};
use crate::observe::{OpenError, open_database};
use crate::postgres::{Login, Session};

/// A cluster, and how it is reached.
pub(super) struct Connections {
    pub(super) kube: Kube,
    pub(super) login: Login,
    pub(super) id: ClusterId,
    /// Every pod that there was when the operation was planned or taken over.
    pub(super) pods: Vec<String>,
    /// By what the cluster is found.
    pub(super) selection: Selection,
    sessions: Mutex<HashMap<String, Arc<Session>>>,
}

impl Connections {
    /// To the cluster of a snapshot.
    pub(super) fn new(kube: Kube, login: Login, snapshot: &Snapshot) -> Self {
        Self {
            kube,
            login,
            id: snapshot.cluster.clone(),
            pods: snapshot
                .instances
                .iter()
                .map(|it| it.name().to_owned())
                .collect(),
            selection: Selection::default(),
            sessions: Mutex::default(),
        }
    }

    pub(super) fn namespace(&self) -> &str {
        &self.id.namespace
    }

    /// A connection to the database in a pod: the one that is open, else a new one.
    pub(super) async fn session(&self, pod: &str) -> Result<Arc<Session>, WorldError> {
        if let Some(session) = self.open_session(pod).await {
            return Ok(session);
        }
        let session = Arc::new(self.connect(pod).await?);
        let kept = Arc::clone(&session);
        self.sessions.lock().await.insert(pod.to_owned(), kept);
        Ok(session)
    }

    /// The connection that is open, and never a new one.
    pub(super) async fn open_session(&self, pod: &str) -> Option<Arc<Session>> {
        let sessions = self.sessions.lock().await;
        sessions.get(pod).filter(|it| !it.is_closed()).cloned()
    }

    /// A new connection, apart from the shared one.
    pub(super) async fn connect(&self, pod: &str) -> Result<Session, WorldError> {
        self.connect_to(pod, "postgres").await
    }

    /// The same, to one of its databases.
    pub(super) async fn connect_to(
        &self,
        pod: &str,
        database: &str,
    ) -> Result<Session, WorldError> {
        let opening = open_database(&self.kube, self.namespace(), pod, &self.login, database);
        let limit = self.login.timeout.max(Duration::from_secs(1));
        match tokio::time::timeout(limit, opening).await {
            Ok(opened) => opened.map_err(|error| {
                // A pod that does not exist is being created anew; one without a node ("does not have
                // a host assigned", 400) is about to get one.
                let coming = match &error {
                    OpenError::Kube(KubeError::Api { code: 400, .. }) => true,
                    OpenError::Kube(error) => error.is_not_found(),
                    OpenError::Sql(_) => false,
                };
                let mut error = WorldError::from(error);
                if coming {
                    error.kind = ErrorKind::Transient;
                }
                WorldError {
                    reason: format!("{pod}: {}", error.reason),
                    ..error
                }
            }),
            Err(_) => Err(WorldError::transient(format!(
                "{pod}: no connection within {} s",
                limit.as_secs()
            ))),
        }
    }

    pub(super) async fn forget(&self, pod: &str) {
        self.sessions.lock().await.remove(pod);
    }

    /// Cuts every connection to a database, as a failing network would.
    pub(super) fn cut(&self) {
        if let Ok(mut sessions) = self.sessions.try_lock() {
            sessions.clear();
        }
    }
}

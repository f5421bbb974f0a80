//! The connections to one cluster.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::cluster::{ClusterId, Snapshot};
use crate::engine::{ErrorKind, Notice, Stage, WorldError};
use crate::kubernetes::{Kube, KubeError, Selection, StoredMap};
use crate::observe::{OpenError, open_database};
use crate::plan::Plan;
use crate::postgres::{Login, Session};
use crate::world::failover::clients::Led;
use crate::world::failover::outage::Outage;
use crate::world::record::lock::Lock;
use crate::world::restore::backups::Backups;

/// A cluster that an operation runs on.
pub struct Live {
    pub(super) kube: Kube,
    pub(super) login: Login,
    pub(super) cluster: ClusterId,
    /// Every pod that there was when the operation was planned or taken over.
    pub(super) pods: Vec<String>,
    pub(super) sessions: Mutex<HashMap<String, Arc<Session>>>,
    /// The journal's ConfigMap as it was last read or written here.
    pub(super) stored: Mutex<Option<StoredMap>>,
    pub(super) lock: Lock,
    /// `resourceVersion` of each StatefulSet whose number is about to be set, before that was journaled.
    pub(super) numbers: Mutex<BTreeMap<String, String>>,
    pub(super) outage: Outage,
    /// Why a standby could not be repointed.
    pub(super) astray: Mutex<BTreeMap<String, String>>,
    /// Where each pod that is waited for was when that was last told.
    pub(super) told: Mutex<BTreeMap<String, Stage>>,
    /// Since when the write Service leads where it is to lead.
    pub(super) led: Mutex<Led>,
    listener: Option<Listener>,
    /// Where backups are, for restores.
    pub(super) backups: Option<Backups>,
    /// By what the cluster is found.
    pub(super) selection: Selection,
}

/// Who is told how pods come along that are waited for.
pub type Listener = Box<dyn Fn(&Plan, &Notice) + Send + Sync>;

impl Live {
    /// The cluster of a snapshot.
    pub fn new(kube: Kube, login: Login, snapshot: &Snapshot) -> Self {
        Self {
            kube,
            login,
            cluster: snapshot.cluster.clone(),
            pods: snapshot
                .instances
                .iter()
                .map(|it| it.name().to_owned())
                .collect(),
            sessions: Mutex::default(),
            stored: Mutex::default(),
            lock: Lock::default(),
            numbers: Mutex::default(),
            outage: Outage::default(),
            astray: Mutex::default(),
            told: Mutex::default(),
            led: Mutex::default(),
            listener: None,
            backups: None,
            selection: Selection::default(),
        }
    }

    /// Tells this listener how pods come along that are waited for.
    #[must_use]
    pub fn listening(mut self, listener: Listener) -> Self {
        self.listener = Some(listener);
        self
    }

    pub(super) fn say(&self, plan: &Plan, notice: &Notice) {
        if let Some(listener) = &self.listener {
            listener(plan, notice);
        }
    }

    /// The same, with the backups that a restore reads and writes.
    #[must_use]
    pub fn with_backups(mut self, backups: Option<Backups>) -> Self {
        self.backups = backups;
        self
    }

    /// The same, found again as it was found first.
    #[must_use]
    pub fn found_by(mut self, selection: Selection) -> Self {
        self.selection = selection;
        self
    }

    pub(super) fn namespace(&self) -> &str {
        &self.cluster.namespace
    }

    /// Name of the Lease and of the journal's ConfigMap.
    pub(super) fn object_name(&self) -> String {
        object_name(&self.cluster)
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

    /// Remembers in which version a StatefulSet is: its number is set only from there, so that a request
    /// that is late, or repeated, changes nothing when somebody else has set it in between.
    pub(super) async fn look_at_number(&self, stateful_set: &str) -> Result<(), WorldError> {
        let version = self
            .kube
            .stateful_set_version(self.namespace(), stateful_set)
            .await?;
        let mut numbers = self.numbers.lock().await;
        match version {
            Some(version) => numbers.insert(stateful_set.to_owned(), version),
            None => numbers.remove(stateful_set),
        };
        Ok(())
    }

    pub(super) async fn forget(&self, pod: &str) {
        self.sessions.lock().await.remove(pod);
    }
}

/// Name of the Lease and of the journal's ConfigMap of a cluster.
pub(super) fn object_name(cluster: &ClusterId) -> String {
    format!("pgctl-{}", cluster.name)
}

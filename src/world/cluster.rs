//! A real cluster, as far as an operation that runs on it has to remember something of it.

use crate::cluster::Snapshot;
use crate::kubernetes::{Kube, Selection};
use crate::postgres::Login;
use crate::world::connections::Connections;
use crate::world::failover::clients::SeenToLead;
use crate::world::failover::followers::Followers;
use crate::world::failover::held_clients::HeldClients;
use crate::world::failover::lingering::Lingering;
use crate::world::failover::number::Numbers;
use crate::world::failover::outage::Outage;
use crate::world::record::{JournalStore, Lock, RecordOf};
use crate::world::reporting::{Listener, Reporting};
use crate::world::restore::Backups;
use crate::world::restore::restoring::Restoring;

/// A cluster that an operation runs on.
pub struct RealCluster {
    pub(super) connections: Connections,
    /// The Lease, without which nothing is changed.
    pub lock: Lock,
    /// The journal in the cluster.
    pub journal: JournalStore,
    pub(super) numbers: Numbers,
    pub(super) outage: Outage,
    pub(super) followers: Followers,
    pub(super) seen_to_lead: SeenToLead,
    pub(super) lingering: Lingering,
    pub(super) held_clients: HeldClients,
    pub(super) reporting: Reporting,
    /// Where backups are, for restores.
    backups: Option<Backups>,
}

impl RealCluster {
    /// The cluster of a snapshot, for operations that have this record.
    pub fn new(kube: Kube, login: Login, snapshot: &Snapshot, of: RecordOf) -> Self {
        Self {
            lock: Lock::new(kube.clone(), snapshot.cluster.clone(), of),
            journal: JournalStore::new(kube.clone(), snapshot.cluster.clone(), of),
            connections: Connections::new(kube, login, snapshot),
            numbers: Numbers::default(),
            outage: Outage::default(),
            followers: Followers::default(),
            seen_to_lead: SeenToLead::default(),
            lingering: Lingering::default(),
            held_clients: HeldClients::default(),
            reporting: Reporting::default(),
            backups: None,
        }
    }

    /// Tells this listener how pods come along that are waited for.
    #[must_use]
    pub fn listening(mut self, listener: Listener) -> Self {
        self.reporting = Reporting::to(listener);
        self
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
        self.connections.selection = selection;
        self
    }

    pub(super) fn restoring(&self) -> Restoring<'_> {
        Restoring {
            cluster: &self.connections,
            backups: self.backups.as_ref(),
        }
    }
}

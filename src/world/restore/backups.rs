//! The backups that a restore reads, and writes the backup of what it replaces to.

use std::sync::Arc;
use std::time::Duration;

use crate::backup::catalogue::{blocking, entry};
use crate::backup::encryption::Identities;
use crate::backup::manifest::Manifest;
use crate::backup::store::{Store, StoreError};
use crate::engine::WorldError;
use crate::plan::{Operation, Plan, RestoreScope};
use crate::world::cluster::Live;

/// Where backups are, and what it takes to read them.
#[derive(Clone)]
pub struct Backups {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The keys of encrypted ones.
    pub identities: Identities,
    /// Is told how far it is, a line at a time.
    pub tell: Arc<dyn Fn(&str) + Send + Sync>,
}

/// How often somebody is told how far it is.
const TELLING: Duration = Duration::from_secs(5);

impl Live {
    pub(in crate::world) fn backups(&self) -> Result<&Backups, WorldError> {
        self.backups.as_ref().ok_or_else(|| {
            WorldError::permanent("the store of the backup was not opened: name it with --store")
        })
    }

    /// The manifest of the backup that a plan restores.
    pub(in crate::world) async fn manifest(&self, plan: &Plan) -> Result<Manifest, WorldError> {
        let id = scope(plan)?.backup.clone();
        let store = Arc::clone(&self.backups()?.store);
        let found = blocking(move || entry(store.as_ref(), &id)).await?;
        found
            .manifest
            .map_err(|problem| WorldError::permanent(format!("{}: {problem}", found.id)))
    }

    /// Reads something of the store on a thread that may block.
    pub(in crate::world) async fn read_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Store, &Identities) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, WorldError> {
        let Backups {
            store, identities, ..
        } = self.backups()?.clone();
        Ok(blocking(move || work(store.as_ref(), &identities)).await?)
    }
}

/// What a plan restores.
pub(in crate::world) fn scope(plan: &Plan) -> Result<&RestoreScope, WorldError> {
    match &plan.operation {
        Operation::Restore(scope) => Ok(scope),
        _ => Err(WorldError::permanent("the plan restores nothing")),
    }
}

impl From<StoreError> for WorldError {
    fn from(error: StoreError) -> Self {
        Self::permanent(error.to_string())
    }
}

/// Says how far it is, every few seconds.
pub(in crate::world) struct Teller {
    tell: Arc<dyn Fn(&str) + Send + Sync>,
    what: String,
    of: u64,
    last: std::sync::Mutex<std::time::Instant>,
}

impl Teller {
    pub(in crate::world) fn new(backups: &Backups, what: &str, of: u64) -> Self {
        Self {
            tell: Arc::clone(&backups.tell),
            what: what.to_owned(),
            of,
            last: std::sync::Mutex::new(std::time::Instant::now()),
        }
    }

    pub(in crate::world) fn at(&self, bytes: u64) {
        let Ok(mut last) = self.last.lock() else {
            return;
        };
        if last.elapsed() < TELLING {
            return;
        }
        *last = std::time::Instant::now();
        let size = crate::cluster::words::bytes;
        (self.tell)(&format!(
            "{}: {} of {}",
            self.what,
            size(bytes),
            size(self.of)
        ));
    }
}

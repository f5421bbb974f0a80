//! What every step of a restore works with.

use std::sync::Arc;

use crate::backup::catalogue::entry;
use crate::backup::format::{Identities, Manifest};
use crate::backup::store::{Store, StoreError, blocking};
use crate::engine::WorldError;
use crate::plan::{Plan, RestoreScope};
use crate::world::connections::Connections;
use crate::world::restore::backups::Backups;

/// A restore: the cluster, and the backups that it reads and writes.
pub(in crate::world) struct Restoring<'a> {
    pub(in crate::world) cluster: &'a Connections,
    pub(in crate::world) backups: Option<&'a Backups>,
}

impl<'a> Restoring<'a> {
    pub(in crate::world) fn backups(&self) -> Result<&'a Backups, WorldError> {
        self.backups.ok_or_else(|| {
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
    plan.operation
        .restore()
        .ok_or_else(|| WorldError::permanent("the plan restores nothing"))
}

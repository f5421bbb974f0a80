//! Following the changes of one collection.

use super::{Event, Resource, Store, StoreError};

/// A position in the stream of changes of one collection.
pub struct Watch {
    store: Store,
    resource: &'static Resource,
    namespace: Option<String>,
    seen: u64,
    changed: tokio::sync::watch::Receiver<u64>,
}

impl Store {
    /// Follows the changes after `from` (usually the revision of a list).
    ///
    /// # Errors
    /// [`StoreError::Gone`] when that is too long ago.
    pub fn watch(
        &self,
        resource: &'static Resource,
        namespace: Option<&str>,
        from: u64,
    ) -> Result<Watch, StoreError> {
        let watch = Watch {
            store: self.clone(),
            resource,
            namespace: namespace.map(ToOwned::to_owned),
            seen: from,
            changed: self.changes(),
        };
        self.events_after(resource, namespace, from)?;
        Ok(watch)
    }
}

impl Watch {
    /// The next changes, at least one. Waits when there are none yet. Cancel safe.
    ///
    /// # Errors
    /// [`StoreError::Gone`] when the reader was so slow that changes were forgotten: list again.
    pub async fn next(&mut self) -> Result<Vec<Event>, StoreError> {
        loop {
            self.changed.borrow_and_update();
            let events = self.ready()?;
            if !events.is_empty() {
                return Ok(events);
            }
            if self.changed.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// The changes that have happened since the last call, possibly none. Never waits.
    ///
    /// # Errors
    /// [`StoreError::Gone`] as for [`Watch::next`].
    pub fn ready(&mut self) -> Result<Vec<Event>, StoreError> {
        let (events, revision) =
            self.store
                .events_after(self.resource, self.namespace.as_deref(), self.seen)?;
        self.seen = revision;
        Ok(events)
    }

    /// The revision up to which everything has been handed out.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.seen
    }
}

//! Following the changes of one collection.

use serde_json::Value;
use std::sync::Arc;

use super::{Resource, Store, StoreError};

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It was created.
    Added,
    /// It was changed.
    Modified,
    /// It is gone; the event carries its last state.
    Deleted,
}

/// One change of one object.
#[derive(Clone, Debug)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The object after the change (its last state when deleted).
    pub object: Arc<Value>,
    /// The object before the change, to tell when it stops matching a selector.
    pub previous: Option<Arc<Value>>,
    /// The revision that this change made.
    pub revision: u64,
}

/// A position in the stream of changes of one collection.
pub struct Watch {
    pub(super) store: Store,
    pub(super) resource: &'static Resource,
    pub(super) namespace: Option<String>,
    pub(super) seen: u64,
    pub(super) changed: tokio::sync::watch::Receiver<u64>,
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

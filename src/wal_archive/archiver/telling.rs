//! What is told, once each.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::events::{WalEvent, WalWait};

/// Tells somebody. What is waited for is told when that begins, when its reason changes, and when it ends.
#[derive(Clone)]
pub(super) struct Telling {
    to: Arc<dyn Fn(WalEvent) + Send + Sync>,
    waits: Arc<Mutex<BTreeMap<WalWait, String>>>,
}

impl Telling {
    pub(super) fn new(to: Arc<dyn Fn(WalEvent) + Send + Sync>) -> Self {
        let waits = Arc::default();
        Self { to, waits }
    }

    pub(super) fn tell(&self, event: WalEvent) {
        (self.to)(event);
    }

    pub(super) fn waiting(&self, what: WalWait, reason: String) {
        let before = match self.waits.lock() {
            Ok(mut waits) => waits.insert(what, reason.clone()),
            Err(_) => None,
        };
        if before.as_ref() != Some(&reason) {
            self.tell(WalEvent::Waiting { what, reason });
        }
    }

    pub(super) fn back(&self, what: WalWait) {
        let waited = self.waits.lock().ok().and_then(|mut it| it.remove(&what));
        if waited.is_some() {
            self.tell(WalEvent::Back { what });
        }
    }
}

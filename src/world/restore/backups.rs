//! The backups that a restore reads, and writes the backup of what it replaces to.

use std::sync::Arc;
use std::time::Duration;

use crate::backup::format::Identities;
use crate::backup::store::{Store, StoreError};
use crate::engine::WorldError;

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

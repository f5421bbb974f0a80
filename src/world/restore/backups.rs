//! The backups that a restore reads, and writes the backup of what it replaces to.

use std::sync::Arc;
use std::time::Duration;

use crate::backup::format::Identities;
use crate::backup::store::{Store, StoreError};
use crate::engine::WorldError;
use crate::events::RunEvent;

/// Where backups are, and what it takes to read them.
#[derive(Clone)]
pub struct Backups {
    /// Where the backup is read from, and the safety backup goes.
    pub store: Arc<dyn Store>,
    /// The keys of encrypted ones.
    pub identities: Identities,
    /// Is told how far it is.
    pub tell: Arc<dyn Fn(&RunEvent) + Send + Sync>,
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
    tell: Arc<dyn Fn(&RunEvent) + Send + Sync>,
    file: String,
    of_bytes: u64,
    last: std::sync::Mutex<std::time::Instant>,
}

impl Teller {
    pub(in crate::world) fn new(backups: &Backups, file: &str, of_bytes: u64) -> Self {
        Self {
            tell: Arc::clone(&backups.tell),
            file: file.to_owned(),
            of_bytes,
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
        (self.tell)(&RunEvent::UploadProgress {
            file: self.file.clone(),
            bytes,
            of_bytes: self.of_bytes,
        });
    }
}

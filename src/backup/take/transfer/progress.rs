//! How far a transfer has come.

use std::sync::atomic::{AtomicU64, Ordering};

/// How far a transfer has come, for whoever shows it.
#[derive(Debug, Default)]
pub struct TransferProgress {
    received: AtomicU64,
}

impl TransferProgress {
    /// Bytes that arrived, compressed.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }
}

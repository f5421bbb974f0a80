//! Bounds what a server may send: a single field can have a gigabyte, and the driver reads all of a
//! message before it gives any of it on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many bytes may still come, shared with whoever sets it. Nothing is left once more have come.
#[derive(Debug, Clone)]
pub(super) struct BytesLeft(Arc<AtomicU64>);

impl BytesLeft {
    /// Any number.
    pub(super) fn unbounded() -> Self {
        Self(Arc::new(AtomicU64::new(u64::MAX)))
    }

    /// From now on so many.
    pub(super) fn set(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    /// Whether more have come.
    pub(super) fn is_exceeded(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    /// Takes these; false when there are not so many left.
    pub(super) fn take(&self, bytes: u64) -> bool {
        let left = self.0.load(Ordering::Relaxed);
        let after = match left {
            u64::MAX => u64::MAX,
            left => left.saturating_sub(bytes),
        };
        self.0.store(after, Ordering::Relaxed);
        after > 0
    }
}

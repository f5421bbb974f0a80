//! What a store does.
//!
//! Everything here blocks: call it from a thread that may (`tokio::task::spawn_blocking`).

use std::io::{Read, Write};
use std::sync::Arc;

use super::StoreError;

/// A folder of backups.
pub trait Store: Send + Sync {
    /// Where it is, as a person would type it.
    fn location(&self) -> String;

    /// Begins a backup: proves that the store can be written to, and makes the place for it.
    ///
    /// # Errors
    /// When the store can't be reached or written to, or has a backup of this name.
    fn begin(&self, id: &str) -> Result<Arc<dyn Draft>, StoreError>;

    /// The backups, finished and not. Folders that pgctl did not make are not listed.
    ///
    /// # Errors
    /// When the store can't be read.
    fn list(&self) -> Result<Listing, StoreError>;

    /// Opens a file of a finished backup.
    ///
    /// # Errors
    /// When it is not there or can't be read.
    fn open(&self, id: &str, file: &str) -> Result<Box<dyn Read + Send>, StoreError>;

    /// Writes or replaces a small file of a finished backup, all or nothing.
    ///
    /// # Errors
    /// When it can't be written.
    fn put(&self, id: &str, file: &str, bytes: &[u8]) -> Result<(), StoreError>;

    /// Deletes a backup, finished or not; a finished one stops being one first.
    ///
    /// # Errors
    /// When it can't be deleted.
    fn remove(&self, id: &str) -> Result<(), StoreError>;
}

/// What is in a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Names of the finished backups, in order.
    pub finished: Vec<String>,
    /// Names of those that were begun and neither finished nor removed, or are being written now.
    pub partial: Vec<String>,
}

/// A backup that is being written. It is not a backup until [`Draft::commit`].
pub trait Draft: Send + Sync {
    /// Makes a file in it.
    ///
    /// # Errors
    /// When it can't be made.
    fn create(&self, file: &str) -> Result<Box<dyn StoreWriter>, StoreError>;

    /// Makes it a backup: its files are safe on disk, then the manifest is, then it gets its name.
    ///
    /// # Errors
    /// When it can't be finished; then it is still a draft.
    fn commit(&self, manifest: &[u8]) -> Result<(), StoreError>;

    /// Removes every trace of it.
    ///
    /// # Errors
    /// When something can't be removed.
    fn discard(&self) -> Result<(), StoreError>;
}

/// A file that is being written. Dropped before [`StoreWriter::finish`], it does not count.
pub trait StoreWriter: Write + Send {
    /// Ends the file and waits until it is safely stored.
    ///
    /// # Errors
    /// When it is not.
    fn finish(self: Box<Self>) -> Result<(), StoreError>;
}

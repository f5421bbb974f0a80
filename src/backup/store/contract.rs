//! What a store does.
//!
//! Everything here blocks: call it from a thread that may (`tokio::task::spawn_blocking`).

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Objects, Place, StoreError};

/// A folder of backups.
pub trait Store: Send + Sync {
    /// Where it is, as a person would type it.
    fn location(&self) -> String;

    /// Begins a backup: proves that the store can be written to, and makes the place for it.
    ///
    /// # Errors
    /// When the store can't be reached or written to, or has a backup of this name.
    fn begin(&self, id: &str) -> Result<Arc<dyn UnfinishedBackup>, StoreError>;

    /// The backups, finished and not. Folders that pgctl did not make are not listed.
    ///
    /// # Errors
    /// When the store can't be read.
    fn list(&self) -> Result<Listing, StoreError>;

    /// Whether a finished backup of this name is there.
    ///
    /// # Errors
    /// When the store can't be read.
    fn is_finished(&self, id: &str) -> Result<bool, StoreError>;

    /// Opens a file of a finished backup.
    ///
    /// # Errors
    /// When it is not there or can't be read.
    fn open(&self, id: &str, file: &str) -> Result<Box<dyn Read + Send>, StoreError>;

    /// Bytes of a file of a finished backup; none when it is not there.
    ///
    /// # Errors
    /// When the store can't be read.
    fn size(&self, id: &str, file: &str) -> Result<Option<u64>, StoreError>;

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

    /// The most bytes that a file may have; none when there is no limit of the store's own.
    fn largest_file(&self) -> Option<u64> {
        None
    }

    /// When something was last written of an unfinished backup, by the store's clock; none when
    /// nothing of it is there. Whoever writes one shows it at least every
    /// [`SIGN_OF_LIFE`].
    ///
    /// # Errors
    /// When the store can't be read.
    fn last_written(&self, id: &str) -> Result<Option<Timestamp>, StoreError>;

    /// Deletes an unfinished backup to which nobody has written for long. One that was finished in the meantime stays, and
    /// the answer is false; one that is being finished right now either stays or is never listed.
    ///
    /// # Errors
    /// When it can't be deleted, or somebody has begun it anew.
    fn remove_unfinished(&self, id: &str) -> Result<bool, StoreError>;

    /// Where it really is, whatever it was called by; none when it is not there.
    ///
    /// # Errors
    /// When it can't be looked at.
    fn place(&self) -> Result<Option<Place>, StoreError>;

    /// What lies beside the backups.
    fn objects(&self) -> Arc<dyn Objects>;
}

/// How often whoever writes a backup shows that it is still being written.
pub const SIGN_OF_LIFE: Duration = Duration::from_secs(15 * 60);

/// What is in a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Names of the finished backups, in order.
    pub finished: Vec<String>,
    /// Names of those that were begun and neither finished nor removed, or are being written now.
    pub partial: Vec<String>,
}

/// A backup that is being written. It is not a backup until [`UnfinishedBackup::commit`].
pub trait UnfinishedBackup: Send + Sync {
    /// Makes a file in it.
    ///
    /// # Errors
    /// When it can't be made.
    fn create(&self, file: &str) -> Result<Box<dyn StoreWriter>, StoreError>;

    /// Shows that it is still being written, however long nothing is.
    ///
    /// # Errors
    /// When the store does not take it.
    fn still_written(&self) -> Result<(), StoreError>;

    /// Makes it a backup: these files are seen to be there with these sizes, then the manifest is
    /// written, then it gets its name.
    ///
    /// # Errors
    /// When a file is missing, or it can't be finished; then it is still unfinished. [`StoreError::Lost`] when somebody
    /// has removed it, whatever has become of it since.
    fn commit(&self, files: &[StoredFile], manifest: &[u8]) -> Result<(), StoreError>;

    /// Removes every trace of it. What somebody else has begun or finished under its name, after it was removed,
    /// stays.
    ///
    /// # Errors
    /// When something can't be removed.
    fn discard(&self) -> Result<(), StoreError>;
}

/// A file of an unfinished backup that was finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Name of the object, below the store's folder or prefix.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
}

/// A file that is being written. Dropped before [`StoreWriter::finish`], it does not count.
pub trait StoreWriter: Write + Send {
    /// Ends the file and waits until it is safely stored.
    ///
    /// # Errors
    /// When it is not.
    fn finish(self: Box<Self>) -> Result<(), StoreError>;
}

//! What a store does besides backups: single objects, each written all or nothing.
//!
//! Everything here blocks: call it from a thread that may (`tokio::task::spawn_blocking`).

use std::io::Read;

use jiff::Timestamp;

use super::error::StoreError;
use super::file_name::plain;

/// The objects of a store that belong to no backup. Their paths are relative to the store's folder or prefix;
/// the parts are names of letters, digits, `.`, `-` and `_`, divided by `/`.
pub trait Objects: Send + Sync {
    /// Every object below a folder, however deep. None when there is no such folder.
    ///
    /// # Errors
    /// When the store can't be read.
    fn list(&self, folder: &str) -> Result<Vec<StoredObject>, StoreError>;

    /// The names of the folders right below a folder, in order.
    ///
    /// # Errors
    /// When the store can't be read.
    fn folders(&self, folder: &str) -> Result<Vec<String>, StoreError>;

    /// When an object was written, by the store's clock; none when it is not there.
    ///
    /// # Errors
    /// When it can't be looked at.
    fn written(&self, path: &str) -> Result<Option<Timestamp>, StoreError>;

    /// Opens an object.
    ///
    /// # Errors
    /// When it is not there or can't be read.
    fn open(&self, path: &str) -> Result<Box<dyn Read + Send>, StoreError>;

    /// Writes or replaces an object. Nobody ever sees half of it; when this returns it is safely stored.
    ///
    /// # Errors
    /// When it can't be written.
    fn put(&self, path: &str, bytes: Vec<u8>) -> Result<(), StoreError>;

    /// Deletes an object. One that is not there is deleted.
    ///
    /// # Errors
    /// When it can't be deleted.
    fn remove(&self, path: &str) -> Result<(), StoreError>;

    /// Deletes what writers that were killed have left below a folder, and nobody has touched for a day.
    ///
    /// # Errors
    /// When it can't be deleted.
    fn sweep(&self, folder: &str) -> Result<(), StoreError>;
}

/// An object of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Its path below the folder that was listed.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// When it was written, by the store's clock.
    pub written: Timestamp,
}

/// A path that can't lead out of the store.
pub(super) fn plain_path(path: &str) -> Result<&str, StoreError> {
    path.split('/').try_for_each(|part| plain(part).map(drop))?;
    Ok(path)
}

//! From a place to the store that is there.

use std::sync::Arc;

use super::contract::Store;
use super::directory::DirectoryStore;
use super::error::StoreError;
use super::location::Location;
use super::s3::S3Store;

impl Location {
    /// Opens it. Asks nothing of an object store yet. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the settings in the environment don't make a client.
    pub fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        Ok(match self {
            Self::Directory(path) => Arc::new(DirectoryStore::new(path)?),
            Self::S3 { bucket, prefix } => Arc::new(S3Store::from_environment(bucket, prefix)?),
        })
    }

    /// Opens it as the second place of a copy, which may have credentials of its own.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_second(&self) -> Result<Arc<dyn Store>, StoreError> {
        match self {
            Self::Directory(_) => self.open(),
            Self::S3 { bucket, prefix } => Ok(Arc::new(S3Store::of_second(bucket, prefix)?)),
        }
    }
}

//! A backup that is being written to a bucket.

use std::sync::Arc;

use object_store::path::Path;

use super::bucket::{Bucket, PARTIAL_FILE};
use super::writing::ObjectWriter;
use crate::backup::format::MANIFEST_FILE;
use crate::backup::store::{
    StoreError, StoreWriter, StoredFile, UnfinishedBackup, file_name::plain,
};

/// Written now and then while it lasts: an upload is seen by nobody until it is completed.
const SIGN_FILE: &str = "still-written";

/// Its folder, with the mark in it.
pub(super) struct UnfinishedInBucket {
    pub(super) bucket: Arc<Bucket>,
    pub(super) folder: Path,
}

impl UnfinishedBackup for UnfinishedInBucket {
    fn create(&self, file: &str) -> Result<Box<dyn StoreWriter>, StoreError> {
        let object = self.folder.clone().join(plain(file)?);
        let bucket = Arc::clone(&self.bucket);
        Ok(Box::new(ObjectWriter::begin(bucket, object)?))
    }

    fn still_written(&self) -> Result<(), StoreError> {
        // Not the mark itself: who deletes that must find it deleted.
        let sign = self.folder.clone().join(SIGN_FILE);
        self.bucket
            .runtime
            .block_on(self.bucket.put(&sign, Vec::new(), self.bucket.waiting()))
    }

    fn commit(&self, files: &[StoredFile], manifest: &[u8]) -> Result<(), StoreError> {
        let bucket = &self.bucket;
        bucket.runtime.block_on(async {
            bucket.is_whole(&self.folder, files).await?;
            let object = self.folder.clone().join(MANIFEST_FILE);
            let written = bucket
                .put(&object, manifest.to_vec(), bucket.waiting())
                .await;
            // Looked at again: whoever removes it may have begun in between, and has then deleted the
            // mark. Neither may a manifest stay of which it is not known whether it was written.
            let whole = match written {
                Ok(()) => bucket.is_whole(&self.folder, files).await,
                Err(error) => Err(error),
            };
            if let Err(error) = whole {
                let _ = bucket.delete(&object).await;
                return Err(error);
            }
            // It is a backup from here; a mark that stays behind would do no harm.
            for file in [PARTIAL_FILE, SIGN_FILE] {
                let _ = bucket.delete(&self.folder.clone().join(file)).await;
            }
            Ok(())
        })
    }

    fn discard(&self) -> Result<(), StoreError> {
        self.bucket
            .runtime
            .block_on(self.bucket.empty(&self.folder))
    }
}

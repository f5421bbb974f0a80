//! A prefix in a bucket, and the requests that are made of it.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt as _;
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore as _, ObjectStoreExt as _, PutPayload};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::answers::told;
use super::waiting::Waiting;
use crate::backup::format::{MANIFEST_FILE, is_id};
use crate::backup::store::{StoreError, StoredFile, file_name::plain};

/// Mark of a backup that was begun.
pub(super) const PARTIAL_FILE: &str = "partial";

/// How many parts are in memory at once, being filled or on the wire, of all objects that are
/// written side by side: this bounds the memory, whatever `--jobs` says.
pub(super) const PARTS_IN_MEMORY: usize = 3;

/// What all that is read from and written to a prefix shares.
pub(super) struct Bucket {
    pub(super) client: AmazonS3,
    /// The bucket, as `--store s3://BUCKET` has it.
    pub(super) name: String,
    pub(super) prefix: Path,
    pub(super) endpoint: String,
    pub(super) runtime: Handle,
    pub(super) patience: Duration,
    /// One for each part of an upload that may be in memory, whatever is written side by side.
    pub(super) parts: Arc<Semaphore>,
}

impl Bucket {
    pub(super) fn folder(&self, id: &str) -> Result<Path, StoreError> {
        if is_id(id) {
            Ok(self.prefix.clone().join(id))
        } else {
            Err(StoreError::NotFound {
                what: format!("a backup named {id:?}"),
            })
        }
    }

    pub(super) fn object(&self, id: &str, file: &str) -> Result<Path, StoreError> {
        Ok(self.folder(id)?.join(plain(file)?))
    }

    /// An answer of the store's in words that say what to do.
    pub(super) fn error(&self, doing: &str, error: object_store::Error) -> StoreError {
        told(&self.name, &self.endpoint, doing, error)
    }

    /// For what comes after something else has worked.
    pub(super) fn waiting(&self) -> Waiting {
        Waiting::for_at_most(self.patience)
    }

    pub(super) async fn put(
        &self,
        object: &Path,
        bytes: Vec<u8>,
        mut waiting: Waiting,
    ) -> Result<(), StoreError> {
        let failed = |error| self.error(&format!("writing {object}"), error);
        let bytes = PutPayload::from(bytes);
        loop {
            match self.client.put(object, bytes.clone()).await {
                Ok(_) => return Ok(()),
                Err(error) => waiting.again(error).await.map_err(failed)?,
            }
        }
    }

    pub(super) async fn delete(&self, object: &Path) -> Result<(), StoreError> {
        match self.client.delete(object).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.error(&format!("deleting {object}"), error)),
        }
    }

    /// Size of an object; none when it is not there.
    pub(super) async fn size(
        &self,
        object: &Path,
        mut waiting: Waiting,
    ) -> Result<Option<u64>, StoreError> {
        let failed = |error| self.error(&format!("looking for {object}"), error);
        loop {
            match self.client.head(object).await {
                Ok(found) => return Ok(Some(found.size)),
                Err(object_store::Error::NotFound { .. }) => return Ok(None),
                Err(error) => waiting.again(error).await.map_err(failed)?,
            }
        }
    }

    pub(super) async fn exists(&self, object: &Path) -> Result<bool, StoreError> {
        Ok(self.size(object, Waiting::not()).await?.is_some())
    }

    pub(super) async fn objects(&self, folder: &Path) -> Result<Vec<ObjectMeta>, StoreError> {
        self.client
            .list(Some(folder))
            .try_collect()
            .await
            .map_err(|error| self.error(&format!("listing {folder}"), error))
    }

    pub(super) async fn empty(&self, folder: &Path) -> Result<(), StoreError> {
        // Without its manifest it is no backup any more, whatever happens to the rest.
        let manifest = folder.clone().join(MANIFEST_FILE);
        self.delete(&manifest).await?;
        let mark = folder.clone().join(PARTIAL_FILE);
        for object in self.objects(folder).await? {
            if object.location != mark {
                self.delete(&object.location).await?;
            }
        }
        // Who wrote it may have died right after writing the manifest.
        self.delete(&manifest).await?;
        self.delete(&mark).await
    }

    /// Whether an unfinished backup is as it was written: its mark, and every file.
    pub(super) async fn is_whole(
        &self,
        folder: &Path,
        files: &[StoredFile],
    ) -> Result<(), StoreError> {
        let lost = |object: &Path| StoreError::Lost {
            what: format!("s3://{}/{object}", self.name),
        };
        let mark = folder.clone().join(PARTIAL_FILE);
        if self.size(&mark, self.waiting()).await?.is_none() {
            return Err(lost(&mark));
        }
        for file in files {
            let object = folder.clone().join(plain(&file.name)?);
            if self.size(&object, self.waiting()).await? != Some(file.bytes) {
                return Err(lost(&object));
            }
        }
        Ok(())
    }
}

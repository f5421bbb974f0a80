//! A prefix in a bucket, and the requests that are made of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{Error, ObjectMeta, ObjectStore as _, ObjectStoreExt as _, PutMode, PutPayload};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::answers::{chain, told};
use super::waiting::Waiting;
use crate::backup::format::is_id;
use crate::backup::store::{StoreError, file_name::plain};

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
    /// Whether it has refused a request that says "only if it is not there", and taken it without that.
    pub(super) has_no_conditions: AtomicBool,
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
    pub(super) fn error(&self, doing: &str, error: Error) -> StoreError {
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

    /// One try to write an object where none is. False when another is there: what an earlier try has written, of which
    /// the answer was lost, is this one. A store that knows no such request is asked first, and gets an ordinary one.
    pub(super) async fn create(&self, object: &Path, bytes: &[u8]) -> object_store::Result<bool> {
        if self.has_no_conditions.load(Ordering::Relaxed) {
            return self.put_where_none_is(object, bytes).await;
        }
        let payload = PutPayload::from(bytes.to_vec());
        let created = self
            .client
            .put_opts(object, payload, PutMode::Create.into());
        match created.await {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. }) => match self.client.get(object).await {
                Ok(found) => Ok(found.bytes().await? == bytes),
                // Another request is about to write it, or to delete it.
                Err(Error::NotFound { source, .. }) => Err(Error::Generic {
                    store: "S3",
                    source,
                }),
                Err(error) => Err(error),
            },
            Err(error) if knows_no_conditions(&error) => {
                let written = self.put_where_none_is(object, bytes).await;
                // Else it was refused for another reason.
                self.has_no_conditions
                    .store(written.is_ok(), Ordering::Relaxed);
                written
            }
            Err(error) => Err(error),
        }
    }

    /// The same for a store that knows no conditions: two may do this in the same moment.
    async fn put_where_none_is(&self, object: &Path, bytes: &[u8]) -> object_store::Result<bool> {
        match self.client.get(object).await {
            Ok(found) => Ok(found.bytes().await? == bytes),
            Err(Error::NotFound { .. }) => {
                let payload = PutPayload::from(bytes.to_vec());
                self.client.put(object, payload).await.map(|_| true)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn delete(&self, object: &Path) -> Result<(), StoreError> {
        match self.client.delete(object).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
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
                Err(Error::NotFound { .. }) => return Ok(None),
                Err(error) => waiting.again(error).await.map_err(failed)?,
            }
        }
    }

    /// A small object; none when it is not there.
    pub(super) async fn content(
        &self,
        object: &Path,
        mut waiting: Waiting,
    ) -> Result<Option<Bytes>, StoreError> {
        let failed = |error| self.error(&format!("reading {object}"), error);
        loop {
            let asking = async { self.client.get(object).await?.bytes().await };
            match asking.await {
                Ok(bytes) => return Ok(Some(bytes)),
                Err(Error::NotFound { .. }) => return Ok(None),
                Err(error) => waiting.again(error).await.map_err(failed)?,
            }
        }
    }

    pub(super) async fn objects(&self, folder: &Path) -> Result<Vec<ObjectMeta>, StoreError> {
        self.client
            .list(Some(folder))
            .try_collect()
            .await
            .map_err(|error| self.error(&format!("listing {folder}"), error))
    }
}

/// Whether a store may refuse every request that says "only if it is not there". Servers have several words for that, all of
/// which may mean something else: whether it takes the same without, it is asked.
fn knows_no_conditions(error: &Error) -> bool {
    const REFUSED: [&str; 4] = [
        "NotImplemented",
        "400 Bad Request",
        "405 Method Not Allowed",
        "411 Length Required",
    ];
    let said = chain(error);
    // That is a 400, too, and passes.
    let passes = said.contains("RequestTimeout");
    matches!(error, Error::NotImplemented { .. })
        || (!passes && REFUSED.iter().any(|it| said.contains(it)))
}

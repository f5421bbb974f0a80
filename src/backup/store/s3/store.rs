//! Backups in a bucket. An object can't be renamed, so the manifest is the mark: it is written
//! last, deleted first, and a folder without one is no backup. Where another's mark lies beside it, see `lying.rs`. Until then a small object named
//! `partial` shows that something was begun; an archive appears only when its upload was completed.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use object_store::ObjectStore as _;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::bucket::{Bucket, PARTS_IN_MEMORY};
use super::environment::{client, from_environment, of_second};
use super::lying::{Lying, Manifest, PARTIAL_FILE};
use super::objects::BucketObjects;
use super::reading::ObjectReader;
use super::unfinished::UnfinishedInBucket;
use super::waiting::Waiting;
use super::writing::LARGEST_OBJECT;
use crate::backup::format::{MANIFEST_FILE, is_id};
use crate::backup::store::{
    Listing, Location, Objects, Place, Store, StoreError, UnfinishedBackup,
};

/// How long a store that was there is waited for: it may be restarted while a backup of hours is being
/// written.
const PATIENCE: Duration = Duration::from_secs(240);

/// A prefix in a bucket.
pub struct S3Store(Arc<Bucket>);

impl S3Store {
    /// The second store of a copy: as [`Self::from_environment`], unless `PGCTL_COPY_AWS_…` says otherwise.
    ///
    /// # Errors
    /// When the settings don't make a client.
    pub fn of_second(bucket: &str, prefix: &str) -> Result<Self, StoreError> {
        Self::build(of_second(bucket)?, bucket, prefix, PATIENCE)
    }

    /// The store as the usual environment describes it: `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL`, web
    /// identity, container and instance credentials, `AWS_CA_BUNDLE`. Must be called within a
    /// tokio runtime.
    ///
    /// # Errors
    /// When the settings don't make a client.
    pub fn from_environment(bucket: &str, prefix: &str) -> Result<Self, StoreError> {
        Self::build(from_environment(), bucket, prefix, PATIENCE)
    }

    /// The store that `builder` describes. When it was there and is gone it is waited for as long as
    /// `patience`.
    ///
    /// # Errors
    /// When the settings don't make a client.
    pub fn build(
        builder: AmazonS3Builder,
        bucket: &str,
        prefix: &str,
        patience: Duration,
    ) -> Result<Self, StoreError> {
        let (client, endpoint) = client(builder, bucket)?;
        Ok(Self(Arc::new(Bucket {
            client,
            name: bucket.to_owned(),
            prefix: Path::from(prefix),
            endpoint,
            runtime: Handle::current(),
            patience,
            parts: Arc::new(Semaphore::new(PARTS_IN_MEMORY)),
            has_no_conditions: AtomicBool::new(false),
        })))
    }
}

impl Store for S3Store {
    fn location(&self) -> String {
        Location::S3 {
            bucket: self.0.name.clone(),
            prefix: self.0.prefix.to_string(),
        }
        .to_string()
    }

    fn begin(&self, id: &str) -> Result<Arc<dyn UnfinishedBackup>, StoreError> {
        let folder = self.0.folder(id)?;
        let bucket = Arc::clone(&self.0);
        let own = format!("{:016x}", rand::random::<u64>()).into_bytes();
        self.0.runtime.block_on(async {
            // Asked as a listing: only that tells a missing bucket from an empty one.
            let there = bucket.client.list(Some(&folder)).next().await.transpose();
            let there = there.map_err(|error| bucket.error("listing backups", error))?;
            let mark = folder.clone().join(PARTIAL_FILE);
            let created = match there {
                Some(_) => Ok(false),
                // Two may begin it in the same moment.
                None => bucket.create(&mark, &own).await,
            };
            let created =
                created.map_err(|error| bucket.error(&format!("writing {mark}"), error))?;
            match created {
                true => bucket.begun_alone(&folder, &own).await,
                false => Err(bucket.taken(&folder)),
            }
        })?;
        Ok(Arc::new(UnfinishedInBucket::new(bucket, folder, own)))
    }

    fn list(&self) -> Result<Listing, StoreError> {
        let bucket = &self.0;
        bucket.runtime.block_on(async {
            let top = Some(&bucket.prefix).filter(|prefix| !prefix.as_ref().is_empty());
            let found = bucket
                .client
                .list_with_delimiter(top)
                .await
                .map_err(|error| bucket.error("listing backups", error))?;
            let ids = found
                .common_prefixes
                .iter()
                .filter_map(|folder| folder.filename())
                .filter(|name| is_id(name))
                .map(str::to_owned);
            let seen: Vec<(String, Lying)> = futures::stream::iter(ids)
                .map(|id| async move {
                    let lying = bucket.lying(&bucket.folder(&id)?).await?;
                    Ok::<_, StoreError>((id, lying))
                })
                .buffered(16)
                .try_collect()
                .await?;
            let mut listing = Listing::default();
            for (id, lying) in seen {
                match lying {
                    Lying::Nothing => {}
                    Lying::Unfinished => listing.partial.push(id),
                    Lying::Finished => listing.finished.push(id),
                }
            }
            Ok(listing)
        })
    }

    fn is_finished(&self, id: &str) -> Result<bool, StoreError> {
        let folder = self.0.folder(id)?;
        let lying = self.0.runtime.block_on(self.0.lying(&folder))?;
        Ok(lying == Lying::Finished)
    }

    fn open(&self, id: &str, file: &str) -> Result<Box<dyn Read + Send>, StoreError> {
        let object = self.0.object(id, file)?;
        let bucket = Arc::clone(&self.0);
        Ok(Box::new(ObjectReader::open(bucket, object)?))
    }

    fn size(&self, id: &str, file: &str) -> Result<Option<u64>, StoreError> {
        let object = self.0.object(id, file)?;
        let asking = self.0.size(&object, Waiting::not());
        self.0.runtime.block_on(asking)
    }

    fn put(&self, id: &str, file: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let object = self.0.object(id, file)?;
        let folder = self.0.folder(id)?;
        self.0.runtime.block_on(async {
            // It may have been deleted: a file of it alone would be a backup that was never finished.
            if self.0.lying(&folder).await? != Lying::Finished {
                return Err(StoreError::NotFound {
                    what: format!("the backup in s3://{}/{folder}", self.0.name),
                });
            }
            self.0.put(&object, bytes.to_vec(), Waiting::not()).await
        })
    }

    fn largest_file(&self) -> Option<u64> {
        Some(LARGEST_OBJECT)
    }

    fn remove(&self, id: &str) -> Result<(), StoreError> {
        let folder = self.0.folder(id)?;
        self.0.runtime.block_on(async {
            for file in [MANIFEST_FILE, PARTIAL_FILE] {
                self.0.delete(&folder.clone().join(file)).await?;
            }
            match self.0.empty_given_up(&folder).await? {
                true => Ok(()),
                false => Err(self.0.taken(&folder)),
            }
        })
    }

    fn last_written(&self, id: &str) -> Result<Option<Timestamp>, StoreError> {
        let folder = self.0.folder(id)?;
        let objects = self.0.runtime.block_on(self.0.objects(&folder))?;
        let newest = objects.iter().map(|object| object.last_modified).max();
        let time = |seconds| {
            Timestamp::from_second(seconds).map_err(|error| StoreError::Settings(error.to_string()))
        };
        newest.map(|newest| time(newest.timestamp())).transpose()
    }

    fn remove_unfinished(&self, id: &str) -> Result<bool, StoreError> {
        let folder = self.0.folder(id)?;
        self.0.runtime.block_on(async {
            let mark = self.0.mark(&folder, Waiting::not()).await?;
            if self.0.lying(&folder).await? == Lying::Finished {
                return Ok(false);
            }
            if let Some(found) = mark {
                let is_his = async || match self.0.mark(&folder, Waiting::not()).await? {
                    Some(now) if now != found => Err(self.0.taken(&folder)),
                    now => Ok(now.is_some()),
                };
                // A manifest that names what is not there goes before the mark: without that it would be listed.
                let manifest = self.0.manifest(&folder).await?;
                let is_stray = matches!(manifest, Manifest::OfMore | Manifest::Unreadable);
                if is_stray && is_his().await? {
                    self.0.delete(&folder.clone().join(MANIFEST_FILE)).await?;
                }
                // The other half of this is in `commit`. Whoever finishes it writes the manifest and then
                // looks for the mark: one of the two sees what the other did.
                if is_his().await? {
                    self.0.delete(&folder.clone().join(PARTIAL_FILE)).await?;
                }
            }
            self.0.empty_given_up(&folder).await
        })
    }

    fn place(&self) -> Result<Option<Place>, StoreError> {
        Ok(Some(Place::Bucket {
            endpoint: self.0.endpoint.trim_end_matches('/').to_lowercase(),
            bucket: self.0.name.clone(),
            prefix: self.0.prefix.to_string(),
        }))
    }

    fn objects(&self) -> Arc<dyn Objects> {
        Arc::new(BucketObjects(Arc::clone(&self.0)))
    }
}

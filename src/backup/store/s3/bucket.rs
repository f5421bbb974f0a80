//! Backups in a bucket. An object can't be renamed, so the manifest is the mark: it is written
//! last, deleted first, and a folder without one is no backup. Until then a small object named
//! `partial` shows that something was begun; an archive appears only when its upload was completed.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::{
    BackoffConfig, Certificate, ClientOptions, ObjectMeta, ObjectStore, ObjectStoreExt as _,
    PutPayload, RetryConfig,
};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::reading::ObjectReader;
use super::waiting::Waiting;
use super::writing::{LARGEST_OBJECT, ObjectWriter, PARTS_IN_MEMORY};
use crate::backup::id::is_id;
use crate::backup::manifest::MANIFEST_FILE;
use crate::backup::store::directory::plain;
use crate::backup::store::error::CREDENTIALS;
use crate::backup::store::{Draft, Listing, Location, Store, StoreError, StoreWriter, StoredFile};

/// Mark of a backup that was begun.
const PARTIAL_FILE: &str = "partial";

/// Written now and then while it lasts: an upload is seen by nobody until it is completed.
const SIGN_FILE: &str = "still-written";

/// How often and for how long a request is repeated at once: some 5 seconds, so that a store that is
/// not there is said to be gone, and `status` is not held up.
const RETRIES: usize = 6;
const RETRY_FOR: Duration = Duration::from_secs(30);

/// How long a store that was there is waited for: it may be restarted while a backup of hours is being
/// written.
const PATIENCE: Duration = Duration::from_secs(240);

/// How long a request may take, with its answer. None carries more than a part or a range of an
/// object.
const REQUEST_LIMIT: Duration = Duration::from_secs(300);

pub(super) struct Shared {
    pub(super) client: AmazonS3,
    pub(super) bucket: String,
    prefix: Path,
    endpoint: String,
    pub(super) runtime: Handle,
    patience: Duration,
    /// One for each part of an upload that may be in memory, whatever is written side by side.
    pub(super) parts: Arc<Semaphore>,
}

/// A prefix in a bucket.
pub struct S3Store(Arc<Shared>);

impl S3Store {
    /// The store as the usual environment describes it: `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL`, web
    /// identity, container and instance credentials, `AWS_CA_BUNDLE`. Must be called within a
    /// tokio runtime.
    ///
    /// # Errors
    /// When the settings don't make a client.
    pub fn from_environment(bucket: &str, prefix: &str) -> Result<Self, StoreError> {
        let mut builder = AmazonS3Builder::from_env();
        // object_store reads AWS_DEFAULT_REGION and AWS_REGION in no certain order.
        if let Some(region) = variable("AWS_REGION") {
            builder = builder.with_region(region);
        }
        Self::build(builder, bucket, prefix)
    }

    /// The store that `builder` describes.
    ///
    /// # Errors
    /// When the settings don't make a client.
    pub fn build(builder: AmazonS3Builder, bucket: &str, prefix: &str) -> Result<Self, StoreError> {
        // The one TLS provider of the program; it may be installed already.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let settings =
            |error: &dyn std::fmt::Display| StoreError::Settings(format!("s3://{bucket}: {error}"));
        // object_store puts them into headers, and panics over what no header can carry.
        for (key, name) in [
            (AmazonS3ConfigKey::AccessKeyId, "AWS_ACCESS_KEY_ID"),
            (AmazonS3ConfigKey::SecretAccessKey, "AWS_SECRET_ACCESS_KEY"),
            (AmazonS3ConfigKey::Token, "AWS_SESSION_TOKEN"),
            (AmazonS3ConfigKey::Region, "AWS_REGION"),
        ] {
            let value = builder.get_config_value(&key).unwrap_or_default();
            if let Some(bad) = value.chars().find(|c| !matches!(c, ' '..='~')) {
                let what = match bad {
                    '\n' | '\r' => "a line break",
                    _ => "a character",
                };
                return Err(settings(&format!(
                    "{name} has {what} in it that can't be sent in a request"
                )));
            }
        }
        let given = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint]
            .iter()
            .find_map(|key| builder.get_config_value(key));
        let endpoint = given.clone().unwrap_or_else(|| "Amazon S3".to_owned());
        // Somebody who types http:// means it.
        let plain_http = given.is_some_and(|url| url.starts_with("http://"));
        let mut options = ClientOptions::new()
            .with_allow_http(plain_http)
            .with_connect_timeout(Duration::from_secs(5))
            .with_timeout(REQUEST_LIMIT);
        if let Some(bundle) = variable("AWS_CA_BUNDLE") {
            let pem = std::fs::read(&bundle)
                .map_err(StoreError::disk(format!("reading AWS_CA_BUNDLE {bundle}")))?;
            for certificate in Certificate::from_pem_bundle(&pem).map_err(|e| settings(&e))? {
                options = options.with_root_certificate(certificate);
            }
        }
        let client = builder
            .with_bucket_name(bucket)
            .with_client_options(options)
            .with_retry(RetryConfig {
                backoff: BackoffConfig::default(),
                max_retries: RETRIES,
                retry_timeout: RETRY_FOR,
            })
            .build()
            .map_err(|error| settings(&error))?;
        Ok(Self(Arc::new(Shared {
            client,
            bucket: bucket.to_owned(),
            prefix: Path::from(prefix),
            endpoint,
            runtime: Handle::current(),
            patience: PATIENCE,
            parts: Arc::new(Semaphore::new(PARTS_IN_MEMORY)),
        })))
    }

    /// The same store, that is waited for so long when it was there and is gone.
    #[must_use]
    pub fn waiting_for(mut self, patience: Duration) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.0) {
            shared.patience = patience;
        }
        self
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Shared {
    fn folder(&self, id: &str) -> Result<Path, StoreError> {
        if is_id(id) {
            Ok(self.prefix.clone().join(id))
        } else {
            Err(StoreError::NotFound {
                what: format!("a backup named {id:?}"),
            })
        }
    }

    fn object(&self, id: &str, file: &str) -> Result<Path, StoreError> {
        Ok(self.folder(id)?.join(plain(file)?))
    }

    pub(super) fn error(&self, doing: &str, error: object_store::Error) -> StoreError {
        let reason = chain(&error);
        let doing = format!("{doing} in s3://{}", self.bucket);
        let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
        if says(&["NoSuchBucket"]) {
            return StoreError::NoBucket {
                bucket: self.bucket.clone(),
                endpoint: self.endpoint.clone(),
            };
        }
        // Of the instance metadata service, which is asked when nothing is set.
        if says(&["/latest/api/token", "/meta-data/iam/security-credentials"])
            && CREDENTIALS.iter().all(|name| variable(name).is_none())
        {
            return StoreError::NoCredentials {
                bucket: self.bucket.clone(),
                reason: instance(&reason),
            };
        }
        let denied = matches!(
            error,
            object_store::Error::PermissionDenied { .. }
                | object_store::Error::Unauthenticated { .. }
        ) || says(&[
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "AccessDenied",
            "InvalidToken",
            "ExpiredToken",
            "NotSignedUp",
        ]);
        if denied {
            return StoreError::Denied {
                doing,
                endpoint: self.endpoint.clone(),
                reason: code(&reason).unwrap_or("no reason given").to_owned(),
            };
        }
        match error {
            object_store::Error::NotFound { path, .. } => StoreError::NotFound {
                what: format!("s3://{}/{path}", self.bucket),
            },
            _ => StoreError::Remote { doing, reason },
        }
    }

    /// For what comes after something else has worked.
    pub(super) fn waiting(&self) -> Waiting {
        Waiting::for_at_most(self.patience)
    }

    async fn put(
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

    async fn delete(&self, object: &Path) -> Result<(), StoreError> {
        match self.client.delete(object).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.error(&format!("deleting {object}"), error)),
        }
    }

    /// Size of an object; none when it is not there.
    async fn size(&self, object: &Path, mut waiting: Waiting) -> Result<Option<u64>, StoreError> {
        let failed = |error| self.error(&format!("looking for {object}"), error);
        loop {
            match self.client.head(object).await {
                Ok(found) => return Ok(Some(found.size)),
                Err(object_store::Error::NotFound { .. }) => return Ok(None),
                Err(error) => waiting.again(error).await.map_err(failed)?,
            }
        }
    }

    async fn exists(&self, object: &Path) -> Result<bool, StoreError> {
        Ok(self.size(object, Waiting::not()).await?.is_some())
    }

    async fn objects(&self, folder: &Path) -> Result<Vec<ObjectMeta>, StoreError> {
        self.client
            .list(Some(folder))
            .try_collect()
            .await
            .map_err(|error| self.error(&format!("listing {folder}"), error))
    }

    async fn empty(&self, folder: &Path) -> Result<(), StoreError> {
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

    /// Whether a draft is as it was written: its mark, and every file.
    async fn is_whole(&self, folder: &Path, files: &[StoredFile]) -> Result<(), StoreError> {
        let lost = |object: &Path| StoreError::Lost {
            what: format!("s3://{}/{object}", self.bucket),
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

/// The error and its causes, without those that repeat what was said.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let more = next.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = next.source();
    }
    text
}

/// What the metadata service said, without how often it was asked.
fn instance(reason: &str) -> String {
    let said = reason.split(" - ").nth(1).unwrap_or(reason);
    let status = said.split(':').next().unwrap_or(said).trim();
    if said.starts_with("Server returned non-2xx status code") || status.contains("status") {
        status.to_owned()
    } else {
        "it can't be reached".to_owned()
    }
}

/// The text between `<Code>` and `</Code>` of S3's answer.
fn code(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("<Code>")?;
    rest.split_once("</Code>").map(|(code, _)| code)
}

impl Store for S3Store {
    fn location(&self) -> String {
        Location::S3 {
            bucket: self.0.bucket.clone(),
            prefix: self.0.prefix.to_string(),
        }
        .to_string()
    }

    fn begin(&self, id: &str) -> Result<Arc<dyn Draft>, StoreError> {
        let folder = self.0.folder(id)?;
        let shared = Arc::clone(&self.0);
        self.0.runtime.block_on(async {
            // Asked as a listing: only that tells a missing bucket from an empty one.
            let there = shared.client.list(Some(&folder)).next().await.transpose();
            let there = there.map_err(|error| shared.error("listing backups", error))?;
            if there.is_some() {
                return Err(StoreError::Remote {
                    doing: format!("making {folder}"),
                    reason: "there is a backup of this name".to_owned(),
                });
            }
            shared
                .put(
                    &folder.clone().join(PARTIAL_FILE),
                    Vec::new(),
                    Waiting::not(),
                )
                .await
        })?;
        Ok(Arc::new(S3Draft { shared, folder }))
    }

    fn list(&self) -> Result<Listing, StoreError> {
        let shared = &self.0;
        shared.runtime.block_on(async {
            let top = Some(&shared.prefix).filter(|prefix| !prefix.as_ref().is_empty());
            let found = shared
                .client
                .list_with_delimiter(top)
                .await
                .map_err(|error| shared.error("listing backups", error))?;
            let ids = found
                .common_prefixes
                .iter()
                .filter_map(|folder| folder.filename())
                .filter(|name| is_id(name))
                .map(str::to_owned);
            let seen: Vec<(String, bool)> = futures::stream::iter(ids)
                .map(|id| async move {
                    let manifest = shared.folder(&id)?.join(MANIFEST_FILE);
                    Ok::<_, StoreError>((id, shared.exists(&manifest).await?))
                })
                .buffered(16)
                .try_collect()
                .await?;
            let (finished, partial): (Vec<_>, Vec<_>) =
                seen.into_iter().partition(|(_, finished)| *finished);
            let names = |list: Vec<(String, bool)>| list.into_iter().map(|(id, _)| id).collect();
            Ok(Listing {
                finished: names(finished),
                partial: names(partial),
            })
        })
    }

    fn open(&self, id: &str, file: &str) -> Result<Box<dyn Read + Send>, StoreError> {
        let object = self.0.object(id, file)?;
        let shared = Arc::clone(&self.0);
        Ok(Box::new(ObjectReader::open(shared, object)?))
    }

    fn put(&self, id: &str, file: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let object = self.0.object(id, file)?;
        let manifest = self.0.object(id, MANIFEST_FILE)?;
        self.0.runtime.block_on(async {
            // It may have been deleted: a file of it alone would be a backup that was never finished.
            if !self.0.exists(&manifest).await? {
                return Err(StoreError::NotFound {
                    what: format!("s3://{}/{manifest}", self.0.bucket),
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
        self.0.runtime.block_on(self.0.empty(&folder))
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
            // The other half of this is in `commit`. Whoever finishes it writes the manifest and then
            // looks for the mark: one of the two sees what the other did.
            self.0.delete(&folder.clone().join(PARTIAL_FILE)).await?;
            if self.0.exists(&folder.clone().join(MANIFEST_FILE)).await? {
                return Ok(false);
            }
            self.0.empty(&folder).await.map(|()| true)
        })
    }
}

struct S3Draft {
    shared: Arc<Shared>,
    folder: Path,
}

impl Draft for S3Draft {
    fn create(&self, file: &str) -> Result<Box<dyn StoreWriter>, StoreError> {
        let object = self.folder.clone().join(plain(file)?);
        let shared = Arc::clone(&self.shared);
        Ok(Box::new(ObjectWriter::begin(shared, object)?))
    }

    fn still_written(&self) -> Result<(), StoreError> {
        // Not the mark itself: who deletes that must find it deleted.
        let sign = self.folder.clone().join(SIGN_FILE);
        self.shared
            .runtime
            .block_on(self.shared.put(&sign, Vec::new(), self.shared.waiting()))
    }

    fn commit(&self, files: &[StoredFile], manifest: &[u8]) -> Result<(), StoreError> {
        let shared = &self.shared;
        shared.runtime.block_on(async {
            shared.is_whole(&self.folder, files).await?;
            let object = self.folder.clone().join(MANIFEST_FILE);
            let written = shared
                .put(&object, manifest.to_vec(), shared.waiting())
                .await;
            // Looked at again: whoever removes it may have begun in between, and has then deleted the
            // mark. Neither may a manifest stay of which it is not known whether it was written.
            let whole = match written {
                Ok(()) => shared.is_whole(&self.folder, files).await,
                Err(error) => Err(error),
            };
            if let Err(error) = whole {
                let _ = shared.delete(&object).await;
                return Err(error);
            }
            // It is a backup from here; a mark that stays behind would do no harm.
            for file in [PARTIAL_FILE, SIGN_FILE] {
                let _ = shared.delete(&self.folder.clone().join(file)).await;
            }
            Ok(())
        })
    }

    fn discard(&self) -> Result<(), StoreError> {
        self.shared
            .runtime
            .block_on(self.shared.empty(&self.folder))
    }
}

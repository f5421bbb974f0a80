//! Backups in a bucket. An object can't be renamed, so the manifest is the mark: it is written
//! last, deleted first, and a folder without one is no backup. Until then a small object named
//! `partial` shows that something was begun; an archive appears only when its upload was completed.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::{
    BackoffConfig, Certificate, ClientOptions, ObjectStore, ObjectStoreExt as _, RetryConfig,
    WriteMultipart,
};
use tokio::runtime::Handle;

use super::directory::plain;
use super::{Draft, Listing, Store, StoreError, StoreWriter};
use crate::backup::id::is_id;
use crate::backup::manifest::MANIFEST_FILE;

/// Mark of a backup that was begun.
const PARTIAL_FILE: &str = "partial";

/// Size of the parts of an upload. S3 takes at most 10,000 of 5 MiB to 5 GiB each
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>); all are alike because
/// some compatible stores ask for that. 156 GiB fit in one object of such parts.
const PART_BYTES: usize = 16 * 1024 * 1024;

/// The most parts of an upload.
const MAX_PARTS: usize = 10_000;

/// How many parts are on the wire at once: with the one being filled, this bounds the memory.
const PARTS_AT_ONCE: usize = 2;

/// How long a request is repeated before the store counts as gone.
const RETRY_FOR: Duration = Duration::from_secs(30);

struct Shared {
    client: AmazonS3,
    bucket: String,
    prefix: Path,
    endpoint: String,
    runtime: Handle,
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
        let given = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint]
            .iter()
            .find_map(|key| builder.get_config_value(key));
        let endpoint = given.clone().unwrap_or_else(|| "Amazon S3".to_owned());
        // Somebody who types http:// means it.
        let plain_http = given.is_some_and(|url| url.starts_with("http://"));
        let mut options = ClientOptions::new()
            .with_allow_http(plain_http)
            .with_connect_timeout(Duration::from_secs(5))
            .with_timeout(Duration::from_secs(300));
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
                max_retries: 6,
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
        })))
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

    fn error(&self, doing: &str, error: object_store::Error) -> StoreError {
        let reason = chain(&error);
        let doing = format!("{doing} in s3://{}", self.bucket);
        let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
        if says(&["NoSuchBucket"]) {
            return StoreError::NoBucket {
                bucket: self.bucket.clone(),
                endpoint: self.endpoint.clone(),
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

    async fn put(&self, object: &Path, bytes: Vec<u8>) -> Result<(), StoreError> {
        self.client
            .put(object, bytes.into())
            .await
            .map(drop)
            .map_err(|error| self.error(&format!("writing {object}"), error))
    }

    async fn delete(&self, object: &Path) -> Result<(), StoreError> {
        match self.client.delete(object).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.error(&format!("deleting {object}"), error)),
        }
    }

    async fn exists(&self, object: &Path) -> Result<bool, StoreError> {
        match self.client.head(object).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.error(&format!("looking for {object}"), error)),
        }
    }

    async fn empty(&self, folder: &Path) -> Result<(), StoreError> {
        // Without its manifest it is no backup any more, whatever happens to the rest.
        self.delete(&folder.clone().join(MANIFEST_FILE)).await?;
        let objects: Vec<Path> = self
            .client
            .list(Some(folder))
            .map_ok(|meta| meta.location)
            .try_collect()
            .await
            .map_err(|error| self.error(&format!("listing {folder}"), error))?;
        let mark = folder.clone().join(PARTIAL_FILE);
        for object in objects.iter().filter(|object| **object != mark) {
            self.delete(object).await?;
        }
        self.delete(&mark).await
    }
}

/// The error and its causes, without those that repeat what was said.
fn chain(error: &dyn std::error::Error) -> String {
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

/// The text between `<Code>` and `</Code>` of S3's answer.
fn code(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("<Code>")?;
    rest.split_once("</Code>").map(|(code, _)| code)
}

impl Store for S3Store {
    fn location(&self) -> String {
        super::Location::S3 {
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
                .put(&folder.clone().join(PARTIAL_FILE), Vec::new())
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
        let stream = shared
            .runtime
            .block_on(shared.client.get(&object))
            .map_err(|error| shared.error(&format!("reading {object}"), error))?
            .into_stream();
        Ok(Box::new(ObjectReader {
            shared,
            stream,
            chunk: Bytes::new(),
        }))
    }

    fn put(&self, id: &str, file: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let object = self.0.object(id, file)?;
        self.0.runtime.block_on(self.0.put(&object, bytes.to_vec()))
    }

    fn remove(&self, id: &str) -> Result<(), StoreError> {
        let folder = self.0.folder(id)?;
        self.0.runtime.block_on(self.0.empty(&folder))
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
        let upload = shared
            .runtime
            .block_on(shared.client.put_multipart(&object))
            .map_err(|error| shared.error(&format!("beginning to write {object}"), error))?;
        Ok(Box::new(ObjectWriter {
            upload: Some(WriteMultipart::new_with_chunk_size(upload, PART_BYTES)),
            object,
            written: 0,
            shared,
        }))
    }

    fn commit(&self, manifest: &[u8]) -> Result<(), StoreError> {
        self.shared.runtime.block_on(async {
            let object = self.folder.clone().join(MANIFEST_FILE);
            self.shared.put(&object, manifest.to_vec()).await?;
            // It is a backup from here; the mark that stays behind would do no harm.
            let _ = self
                .shared
                .delete(&self.folder.clone().join(PARTIAL_FILE))
                .await;
            Ok(())
        })
    }

    fn discard(&self) -> Result<(), StoreError> {
        self.shared
            .runtime
            .block_on(self.shared.empty(&self.folder))
    }
}

struct ObjectWriter {
    upload: Option<WriteMultipart>,
    object: Path,
    written: usize,
    shared: Arc<Shared>,
}

impl Write for ObjectWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(upload) = self.upload.as_mut() else {
            return Err(io::Error::other("the upload was given up"));
        };
        if self.written + bytes.len() > PART_BYTES * MAX_PARTS {
            return Err(io::Error::other(
                "the archive is over 156 GiB, the most that one object of 16 MiB parts can hold: use a directory",
            ));
        }
        let result = self.shared.runtime.block_on(async {
            upload.wait_for_capacity(PARTS_AT_ONCE).await?;
            upload.write(bytes);
            Ok(())
        });
        match result {
            Ok(()) => {
                self.written += bytes.len();
                Ok(bytes.len())
            }
            Err(error) => {
                let doing = format!("writing {}", self.object);
                Err(io::Error::other(self.shared.error(&doing, error)))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl StoreWriter for ObjectWriter {
    fn finish(mut self: Box<Self>) -> Result<(), StoreError> {
        let Some(upload) = self.upload.take() else {
            return Err(StoreError::Settings("the upload was given up".to_owned()));
        };
        let (shared, object) = (&self.shared, &self.object);
        let doing = format!("completing {object}");
        shared.runtime.block_on(async {
            // `finish` gives the upload up itself when a part fails.
            upload
                .finish()
                .await
                .map_err(|error| shared.error(&doing, error))?;
            let meta = shared
                .client
                .head(object)
                .await
                .map_err(|error| shared.error(&doing, error))?;
            if meta.size == self.written as u64 {
                Ok(())
            } else {
                Err(StoreError::Remote {
                    doing,
                    reason: format!(
                        "{} bytes were sent and {} are there",
                        self.written, meta.size
                    ),
                })
            }
        })
    }
}

impl Drop for ObjectWriter {
    fn drop(&mut self) {
        if let Some(upload) = self.upload.take() {
            // Parts of an upload that is never completed cost money and are in no listing.
            let _ = self.shared.runtime.block_on(upload.abort());
        }
    }
}

struct ObjectReader {
    shared: Arc<Shared>,
    stream: futures::stream::BoxStream<'static, object_store::Result<Bytes>>,
    chunk: Bytes,
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.shared.runtime.block_on(self.stream.next()) {
                Some(Ok(chunk)) => self.chunk = chunk,
                Some(Err(error)) => {
                    return Err(io::Error::other(self.shared.error("reading", error)));
                }
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.chunk.len());
        buffer[..length].copy_from_slice(&self.chunk.split_to(length));
        Ok(length)
    }
}

//! An object is written in parts, of which few are in memory at once.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use object_store::multipart::{MultipartStore as _, PartId};
use object_store::path::Path;
use object_store::{MultipartId, ObjectStoreExt as _, PutPayload, PutPayloadMut};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;

use super::bucket::Bucket;
use crate::backup::store::{StoreError, StoreWriter};

/// Size of the parts of an upload. S3 takes at most 10,000 of 5 MiB to 5 GiB each
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>); all are alike because
/// some compatible stores ask for that. 156 GiB fit in one object of such parts.
const PART_BYTES: usize = 16 * 1024 * 1024;

/// The most parts of an upload.
const MAX_PARTS: usize = 10_000;

/// The most bytes of an object.
pub(super) const LARGEST_OBJECT: u64 = (PART_BYTES * MAX_PARTS) as u64;

/// An object that is being written. Dropped before it is finished, the upload is given up.
pub(super) struct ObjectWriter {
    /// The upload's own name, until it is completed.
    upload: Option<MultipartId>,
    part: PutPayloadMut,
    /// The permission to have that part in memory; it goes with it.
    permit: Option<OwnedSemaphorePermit>,
    sending: JoinSet<object_store::Result<(usize, PartId)>>,
    /// Parts that were begun.
    parts: usize,
    /// Those of them that the store has, by their place.
    sent: BTreeMap<usize, PartId>,
    object: Path,
    written: usize,
    bucket: Arc<Bucket>,
}

impl ObjectWriter {
    /// Begins an upload, which nobody sees until it is completed.
    ///
    /// # Errors
    /// When the store refuses it.
    pub(super) fn begin(bucket: Arc<Bucket>, object: Path) -> Result<Self, StoreError> {
        let mut waiting = bucket.waiting();
        let beginning = async {
            loop {
                match bucket.client.create_multipart(&object).await {
                    Ok(upload) => return Ok(upload),
                    Err(error) => waiting.again(error).await?,
                }
            }
        };
        let upload = bucket
            .runtime
            .block_on(beginning)
            .map_err(|error| bucket.error(&format!("beginning to write {object}"), error))?;
        Ok(Self {
            upload: Some(upload),
            part: PutPayloadMut::new(),
            permit: None,
            sending: JoinSet::new(),
            parts: 0,
            sent: BTreeMap::new(),
            object,
            written: 0,
            bucket,
        })
    }

    /// Takes in bytes that don't go beyond the end of the part.
    async fn take(&mut self, bytes: &[u8]) -> object_store::Result<()> {
        while let Some(sent) = self.sending.try_join_next() {
            let (place, part) = sent??;
            self.sent.insert(place, part);
        }
        if self.permit.is_none() {
            self.permit = Arc::clone(&self.bucket.parts).acquire_owned().await.ok();
        }
        self.part.extend_from_slice(bytes);
        if self.part.content_length() == PART_BYTES {
            self.send();
        }
        Ok(())
    }

    /// Puts the part on the wire.
    fn send(&mut self) {
        let (part, permit) = (std::mem::take(&mut self.part), self.permit.take());
        if let Some(upload) = self.upload.clone() {
            let (bucket, object) = (Arc::clone(&self.bucket), self.object.clone());
            let (place, part) = (self.parts, PutPayload::from(part));
            self.parts += 1;
            self.sending.spawn(async move {
                let mut waiting = bucket.waiting();
                let sent = loop {
                    let sending = bucket
                        .client
                        .put_part(&object, &upload, place, part.clone());
                    match sending.await {
                        Ok(sent) => break sent,
                        Err(error) => waiting.again(error).await?,
                    }
                };
                drop(permit);
                Ok((place, sent))
            });
        }
    }

    /// The rest, and the end.
    async fn complete(&mut self) -> object_store::Result<u64> {
        if !self.part.is_empty() {
            self.send();
        }
        while let Some(sent) = self.sending.join_next().await {
            let (place, part) = sent??;
            self.sent.insert(place, part);
        }
        let (client, mut waiting) = (&self.bucket.client, self.bucket.waiting());
        while let Some(upload) = &self.upload {
            let parts = self.sent.values().cloned().collect();
            let completed = client.complete_multipart(&self.object, upload, parts).await;
            match (completed, client.head(&self.object).await) {
                (Ok(_), Ok(found)) => {
                    self.upload = None;
                    return Ok(found.size);
                }
                // It was completed, and only the answer was lost: then there is nothing to complete
                // any more.
                (Err(_), Ok(found)) if found.size == self.written as u64 => self.upload = None,
                (Err(error), _) | (Ok(_), Err(error)) => waiting.again(error).await?,
            }
        }
        Ok(self.written as u64)
    }
}

impl Write for ObjectWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = &bytes[..bytes.len().min(PART_BYTES - self.part.content_length())];
        if (self.written + bytes.len()) as u64 > LARGEST_OBJECT {
            return Err(io::Error::other(
                "the archive is over 156 GiB, the most that one object of 16 MiB parts can hold: use a directory",
            ));
        }
        let runtime = self.bucket.runtime.clone();
        match runtime.block_on(self.take(bytes)) {
            Ok(()) => {
                self.written += bytes.len();
                Ok(bytes.len())
            }
            Err(error) => {
                let doing = format!("writing {}", self.object);
                Err(io::Error::other(self.bucket.error(&doing, error)))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl StoreWriter for ObjectWriter {
    fn finish(mut self: Box<Self>) -> Result<(), StoreError> {
        let doing = format!("completing {}", self.object);
        let runtime = self.bucket.runtime.clone();
        let size = runtime
            .block_on(self.complete())
            .map_err(|error| self.bucket.error(&doing, error))?;
        if size == self.written as u64 {
            Ok(())
        } else {
            Err(StoreError::Remote {
                doing,
                reason: format!("{} bytes were sent and {size} are there", self.written),
            })
        }
    }
}

impl Drop for ObjectWriter {
    fn drop(&mut self) {
        if let Some(upload) = self.upload.take() {
            // Parts of an upload that is never completed cost money and are in no listing.
            self.bucket.runtime.clone().block_on(async {
                self.sending.shutdown().await;
                let client = &self.bucket.client;
                let _ = client.abort_multipart(&self.object, &upload).await;
            });
        }
    }
}

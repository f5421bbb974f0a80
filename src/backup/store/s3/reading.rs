//! An object is read in ranges, each a request of its own.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use object_store::path::Path;
use object_store::{GetOptions, GetResult, ObjectStore as _};

use super::bucket::Bucket;
use crate::backup::store::StoreError;

/// Bytes of a range. One request for all of a large object would run out of its time, and of its
/// retries, whenever whoever reads is slow: a restore reads as fast as the database takes it in.
const RANGE_BYTES: u64 = 8 * 1024 * 1024;

/// How many ranges are asked for before they are needed: with the one being read, this bounds the
/// memory.
const RANGES_AHEAD: usize = 2;

/// An object, from its beginning to its end.
pub(super) struct ObjectReader {
    bucket: Arc<Bucket>,
    object: Path,
    chunk: Bytes,
    rest: BoxStream<'static, object_store::Result<Bytes>>,
}

impl ObjectReader {
    /// Asks for the first range.
    ///
    /// # Errors
    /// When the object is not there or can't be read.
    pub(super) fn open(bucket: Arc<Bucket>, object: Path) -> Result<Self, StoreError> {
        let first = bucket.runtime.block_on(async {
            let first = get(&bucket, &object, 0..RANGE_BYTES, None).await?;
            let (size, version) = (first.meta.size, first.meta.e_tag.clone());
            Ok((size, version, first.bytes().await?))
        });
        let (size, version, chunk) =
            first.map_err(|error| bucket.error(&format!("reading {object}"), error))?;
        let asked = (Arc::clone(&bucket), object.clone());
        let ranges = (chunk.len() as u64..size).step_by(RANGE_BYTES as usize);
        let rest = futures::stream::iter(ranges).map(move |start| {
            let ((bucket, object), version) = (asked.clone(), version.clone());
            let range = start..size.min(start + RANGE_BYTES);
            // A task, so that it arrives also while nobody reads.
            let runtime = bucket.runtime.clone();
            let asking = again(bucket, object, range, version);
            runtime
                .spawn(asking)
                .map(|ended| ended.unwrap_or_else(|error| Err(error.into())))
        });
        Ok(Self {
            bucket,
            object,
            chunk,
            rest: rest.buffered(RANGES_AHEAD).boxed(),
        })
    }
}

/// A range of an object, of the version that was read first when one is given.
async fn get(
    bucket: &Bucket,
    object: &Path,
    range: Range<u64>,
    version: Option<String>,
) -> object_store::Result<GetResult> {
    let options = GetOptions::new()
        .with_range(Some(range))
        .with_if_match(version);
    bucket.client.get_opts(object, options).await
}

/// The same, as often as that takes: what was there a moment ago may be back in another one.
async fn again(
    bucket: Arc<Bucket>,
    object: Path,
    range: Range<u64>,
    version: Option<String>,
) -> object_store::Result<Bytes> {
    let mut waiting = bucket.waiting();
    loop {
        let asking = async {
            let found = get(&bucket, &object, range.clone(), version.clone()).await?;
            found.bytes().await
        };
        match asking.await {
            Ok(bytes) => return Ok(bytes),
            Err(error) => waiting.again(error).await?,
        }
    }
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.bucket.runtime.block_on(self.rest.next()) {
                Some(Ok(chunk)) => self.chunk = chunk,
                Some(Err(error)) => {
                    let doing = format!("reading {}", self.object);
                    return Err(io::Error::other(self.bucket.error(&doing, error)));
                }
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.chunk.len());
        buffer[..length].copy_from_slice(&self.chunk.split_to(length));
        Ok(length)
    }
}

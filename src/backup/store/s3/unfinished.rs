//! A backup that is being written to a bucket.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use object_store::path::Path;

use super::bucket::Bucket;
use super::lying::PARTIAL_FILE;
use super::waiting::Waiting;
use super::writing::ObjectWriter;
use crate::backup::format::MANIFEST_FILE;
use crate::backup::store::{
    StoreError, StoreWriter, StoredFile, UnfinishedBackup, file_name::plain,
};

/// Written now and then while it lasts: an upload is seen by nobody until it is completed.
const SIGN_FILE: &str = "still-written";

/// Its folder, with the mark in it.
pub(super) struct UnfinishedInBucket {
    bucket: Arc<Bucket>,
    folder: Path,
    /// What its mark says: whoever begins the same one after this was removed writes another.
    own: Vec<u8>,
    /// Held while a sign of life is written: none comes after the end.
    has_ended: Mutex<bool>,
    /// Whether a manifest that is there may be this writer's.
    sent: AtomicBool,
}

impl UnfinishedInBucket {
    /// The one whose mark was just written.
    pub(super) fn new(bucket: Arc<Bucket>, folder: Path, own: Vec<u8>) -> Self {
        Self {
            bucket,
            folder,
            own,
            has_ended: Mutex::new(false),
            sent: AtomicBool::new(false),
        }
    }

    /// Waits for a sign of life that is under way, and lets no other follow.
    fn end(&self) {
        *self
            .has_ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = true;
    }

    async fn is_ours(&self, waiting: Waiting) -> Result<(), StoreError> {
        self.bucket.held(&self.folder, &self.own, waiting).await
    }

    /// Writes the manifest where none is, looking before each try whether the folder is still ours: a request that was
    /// held up arrives whenever it likes.
    async fn write_manifest(&self, manifest: &[u8]) -> Result<(), StoreError> {
        let bucket = &self.bucket;
        let object = self.folder.clone().join(MANIFEST_FILE);
        let failed = |error| bucket.error(&format!("writing {object}"), error);
        let mut waiting = bucket.waiting();
        loop {
            self.is_ours(bucket.waiting()).await?;
            let written = bucket.create(&object, manifest).await;
            if !matches!(written, Ok(false)) {
                self.sent.store(true, Ordering::SeqCst);
            }
            match written {
                Ok(true) => return Ok(()),
                Ok(false) => return Err(bucket.lost(&object)),
                Err(error) => waiting.again(error).await.map_err(failed)?,
            }
        }
    }

    /// Takes a manifest back: what is said to have failed must not be listed. In a folder that is somebody else's by now
    /// it is left to him, who deletes it, or finds it equal to his own. In one that is nobody's it goes unless all
    /// that it names is there: then somebody has finished it.
    async fn take_back(&self, files: &[StoredFile]) -> Result<(), StoreError> {
        let (bucket, folder) = (&self.bucket, &self.folder);
        let mark = bucket.mark(folder, bucket.waiting()).await?;
        let is_stray = match &mark {
            Some(found) => *found == self.own,
            None => {
                let whole = bucket.is_whole(folder, files).await;
                matches!(whole, Err(StoreError::Lost { .. }))
            }
        };
        // Somebody may have begun it anew while that was looked at.
        match is_stray && bucket.mark(folder, Waiting::not()).await? == mark {
            true => bucket.delete(&folder.clone().join(MANIFEST_FILE)).await,
            false => Ok(()),
        }
    }
}

impl UnfinishedBackup for UnfinishedInBucket {
    fn create(&self, file: &str) -> Result<Box<dyn StoreWriter>, StoreError> {
        let object = self.folder.clone().join(plain(file)?);
        let bucket = Arc::clone(&self.bucket);
        Ok(Box::new(ObjectWriter::begin(bucket, object)?))
    }

    fn still_written(&self) -> Result<(), StoreError> {
        let has_ended = self
            .has_ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if *has_ended {
            return Ok(());
        }
        // Not the mark itself: who deletes that must find it deleted.
        let sign = self.folder.clone().join(SIGN_FILE);
        self.bucket.runtime.block_on(async {
            self.is_ours(Waiting::not()).await?;
            self.bucket.put(&sign, Vec::new(), Waiting::not()).await
        })
    }

    fn commit(&self, files: &[StoredFile], manifest: &[u8]) -> Result<(), StoreError> {
        self.end();
        let bucket = &self.bucket;
        bucket.runtime.block_on(async {
            self.is_ours(bucket.waiting()).await?;
            bucket.is_whole(&self.folder, files).await?;
            let written = async {
                self.write_manifest(manifest).await?;
                // Looked at again: whoever removes it may have begun in between, and has then deleted the mark.
                self.is_ours(bucket.waiting()).await?;
                let manifest = StoredFile {
                    name: MANIFEST_FILE.to_owned(),
                    bytes: manifest.len() as u64,
                };
                bucket.is_whole(&self.folder, files).await?;
                bucket.is_whole(&self.folder, &[manifest]).await
            }
            .await;
            if let Err(error) = written {
                if self.sent.load(Ordering::SeqCst) {
                    let _ = self.take_back(files).await;
                }
                return Err(error);
            }
            // It is a backup from here; a mark that stays behind would do no harm.
            for file in [SIGN_FILE, PARTIAL_FILE] {
                if self.is_ours(Waiting::not()).await.is_ok() {
                    let _ = bucket.delete(&self.folder.clone().join(file)).await;
                }
            }
            Ok(())
        })
    }

    fn discard(&self) -> Result<(), StoreError> {
        self.end();
        let (bucket, folder) = (&self.bucket, &self.folder);
        bucket.runtime.block_on(async {
            let sent = self.sent.load(Ordering::SeqCst);
            // Looked at first: of what somebody else has by now nothing is even listed.
            let emptied = match self.is_ours(Waiting::not()).await {
                Ok(()) => bucket.empty_own(folder, &self.own, sent).await,
                Err(error) => Err(error),
            };
            match emptied {
                // Somebody else removes it, has begun it anew or has finished it. What an upload that ended late brings
                // back is left to the next one.
                Err(StoreError::Lost { .. }) => Ok(()),
                emptied => emptied,
            }
        })
    }
}

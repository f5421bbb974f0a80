//! Whose the folder of a backup is that is not finished. Nothing in a bucket can be renamed, and no request says "delete it
//! if it is still mine": so each is preceded by a look. Whoever stood still for long finds out before he does harm.

use bytes::Bytes;
use object_store::path::Path;

use super::bucket::Bucket;
use super::lying::{Manifest, PARTIAL_FILE};
use super::waiting::Waiting;
use crate::backup::format::MANIFEST_FILE;
use crate::backup::store::{StoreError, StoredFile, file_name::plain};

impl Bucket {
    /// What the mark says; none when there is none.
    pub(super) async fn mark(
        &self,
        folder: &Path,
        waiting: Waiting,
    ) -> Result<Option<Bytes>, StoreError> {
        self.content(&folder.clone().join(PARTIAL_FILE), waiting)
            .await
    }

    /// Refuses to go on when the folder is not his who has written `own` into the mark.
    pub(super) async fn held(
        &self,
        folder: &Path,
        own: &[u8],
        waiting: Waiting,
    ) -> Result<(), StoreError> {
        match self.mark(folder, waiting).await? {
            Some(found) if found == own => Ok(()),
            _ => Err(self.lost(&folder.clone().join(PARTIAL_FILE))),
        }
    }

    pub(super) fn lost(&self, object: &Path) -> StoreError {
        StoreError::Lost {
            what: format!("s3://{}/{object}", self.name),
        }
    }

    pub(super) fn taken(&self, folder: &Path) -> StoreError {
        StoreError::Taken {
            what: format!("s3://{}/{folder}", self.name),
        }
    }

    /// Sees to it that a folder whose mark was just written has nothing else in it. That may have arrived late: after
    /// somebody else had begun and finished the same backup. Then the mark goes, and nothing else.
    pub(super) async fn begun_alone(&self, folder: &Path, own: &[u8]) -> Result<(), StoreError> {
        let mark = folder.clone().join(PARTIAL_FILE);
        let looked = async {
            let objects = self.objects(folder).await?;
            let alone = objects.iter().all(|object| object.location == mark);
            self.held(folder, own, Waiting::not()).await?;
            Ok::<_, StoreError>(alone)
        }
        .await;
        let other = match looked {
            Ok(true) => return Ok(()),
            Ok(false) => self.taken(folder),
            // Somebody else's mark is there.
            Err(StoreError::Lost { .. }) => return Err(self.taken(folder)),
            Err(error) => error,
        };
        if self.held(folder, own, Waiting::not()).await.is_ok() {
            let _ = self.delete(&mark).await;
        }
        Err(other)
    }

    /// Deletes all that a writer has in a folder, as long as that is his. The mark goes last. `sent`: whether a manifest
    /// that is there may be his.
    pub(super) async fn empty_own(
        &self,
        folder: &Path,
        own: &[u8],
        sent: bool,
    ) -> Result<(), StoreError> {
        let manifest = folder.clone().join(MANIFEST_FILE);
        let mark = folder.clone().join(PARTIAL_FILE);
        let objects = self.objects(folder).await?.into_iter();
        let mut objects: Vec<Path> = objects
            .map(|object| object.location)
            .filter(|object| *object != mark)
            .collect();
        // Without its manifest it is no backup any more, whatever happens to the rest.
        objects.sort_by_key(|object| *object != manifest);
        let is_others = match sent {
            true => false,
            false => match self.manifest(folder).await? {
                Manifest::None | Manifest::OfMore => false,
                Manifest::OfAll => true,
                Manifest::Unreadable => return Err(self.lost(&manifest)),
            },
        };
        if !is_others {
            // The manifest once more at the end: one that was held up on its way would be listed without the mark.
            for object in objects.into_iter().chain([manifest]) {
                self.held(folder, own, Waiting::not()).await?;
                self.delete(&object).await?;
            }
        }
        self.held(folder, own, Waiting::not()).await?;
        self.delete(&mark).await
    }

    /// Deletes what lies in a folder that has no mark any more. False when it is a backup by now: then all of it is
    /// there.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when somebody begins it anew.
    pub(super) async fn empty_given_up(&self, folder: &Path) -> Result<bool, StoreError> {
        let manifest = folder.clone().join(MANIFEST_FILE);
        let mark = folder.clone().join(PARTIAL_FILE);
        for object in self.objects(folder).await? {
            if [&manifest, &mark].contains(&&object.location) {
                continue;
            }
            if !self.is_given_up(folder).await? {
                return Ok(false);
            }
            self.delete(&object.location).await?;
        }
        self.is_given_up(folder).await
    }

    /// Whether a folder is nobody's. A manifest that was held up on its way, and names what is deleted by now, is
    /// deleted, too: without a mark it would be listed.
    async fn is_given_up(&self, folder: &Path) -> Result<bool, StoreError> {
        if self.mark(folder, Waiting::not()).await?.is_some() {
            return Err(self.taken(folder));
        }
        match self.manifest(folder).await? {
            Manifest::None => Ok(true),
            Manifest::OfAll => Ok(false),
            Manifest::OfMore => {
                self.delete(&folder.clone().join(MANIFEST_FILE)).await?;
                Ok(true)
            }
            Manifest::Unreadable => Err(self.taken(folder)),
        }
    }

    /// Whether every file is there with its size.
    pub(super) async fn is_whole(
        &self,
        folder: &Path,
        files: &[StoredFile],
    ) -> Result<(), StoreError> {
        for file in files {
            let object = folder.clone().join(plain(&file.name)?);
            if self.size(&object, self.waiting()).await? != Some(file.bytes) {
                return Err(self.lost(&object));
            }
        }
        Ok(())
    }
}

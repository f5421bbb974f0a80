//! Whose the folder of a backup is that is not finished. Nothing in a bucket can be renamed, and no request says "delete it
//! if it is still mine": so each is preceded by a look. Whoever stood still for long finds out before he does harm.

use bytes::Bytes;
use object_store::path::Path;

use super::bucket::Bucket;
use super::waiting::Waiting;
use crate::backup::format::MANIFEST_FILE;
use crate::backup::store::{StoreError, StoredFile, file_name::plain};

/// Mark of a backup that was begun. It says by whom: the same backup may be copied by two.
pub(super) const PARTIAL_FILE: &str = "partial";

/// Whose it has to be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Holder<'a> {
    /// His who has written this into the mark.
    Writer(&'a [u8]),
    /// Nobody's: there is neither a mark nor a manifest.
    Nobody,
}

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

    /// Refuses to go on when the folder is somebody else's.
    pub(super) async fn held(
        &self,
        folder: &Path,
        holder: Holder<'_>,
        waiting: Waiting,
    ) -> Result<(), StoreError> {
        let mark = self.mark(folder, waiting).await?;
        let held = match holder {
            Holder::Writer(own) => mark.is_some_and(|found| found == own),
            Holder::Nobody => {
                let manifest = folder.clone().join(MANIFEST_FILE);
                mark.is_none() && self.size(&manifest, waiting).await?.is_none()
            }
        };
        match held {
            true => Ok(()),
            false => Err(self.lost(&folder.clone().join(PARTIAL_FILE))),
        }
    }

    pub(super) fn lost(&self, object: &Path) -> StoreError {
        StoreError::Lost {
            what: format!("s3://{}/{object}", self.name),
        }
    }

    /// Deletes all that lies in a folder, as long as that is the holder's. The mark goes last.
    pub(super) async fn empty(&self, folder: &Path, holder: Holder<'_>) -> Result<(), StoreError> {
        let manifest = folder.clone().join(MANIFEST_FILE);
        let mark = folder.clone().join(PARTIAL_FILE);
        let mut objects: Vec<Path> = self
            .objects(folder)
            .await?
            .into_iter()
            .map(|object| object.location)
            .filter(|object| *object != mark)
            .collect();
        // Without its manifest it is no backup any more, whatever happens to the rest.
        objects.sort_by_key(|object| *object != manifest);
        // One that appears where nobody's was is that of somebody who begins anew.
        let own_mark = matches!(holder, Holder::Writer(_)).then_some(mark);
        for object in objects.into_iter().chain(own_mark) {
            self.held(folder, holder, Waiting::not()).await?;
            self.delete(&object).await?;
        }
        Ok(())
    }

    /// Deletes what lies in a folder from which mark and manifest were just deleted, unless somebody begins it anew.
    pub(super) async fn empty_given_up(&self, folder: &Path) -> Result<(), StoreError> {
        match self.empty(folder, Holder::Nobody).await {
            Err(StoreError::Lost { .. }) => Err(StoreError::Taken {
                what: format!("s3://{}/{folder}", self.name),
            }),
            emptied => emptied,
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

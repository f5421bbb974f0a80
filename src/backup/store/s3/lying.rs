//! What lies in the folder of a backup. A manifest alone makes it one. Where a mark lies beside it either the last request
//! of who has finished it was lost, or the manifest was held up on its way and has arrived in what somebody else is
//! writing by now: then what it names decides.

use object_store::ObjectMeta;
use object_store::path::Path;

use super::bucket::Bucket;
use super::waiting::Waiting;
use crate::backup::format::{self, MANIFEST_FILE, read_checksummed};
use crate::backup::store::StoreError;

/// Mark of a backup that was begun. It says by whom: the same backup may be copied by two.
pub(super) const PARTIAL_FILE: &str = "partial";

/// What lies there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lying {
    Nothing,
    Unfinished,
    Finished,
}

/// The manifest that lies there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manifest {
    None,
    /// Every archive that it names is there with its size.
    OfAll,
    /// Not every one is.
    OfMore,
    /// It can't be read.
    Unreadable,
}

impl Bucket {
    pub(super) async fn lying(&self, folder: &Path) -> Result<Lying, StoreError> {
        let objects = self.objects(folder).await?;
        let has = |file: &str| {
            let wanted = folder.clone().join(file);
            objects.iter().any(|object| object.location == wanted)
        };
        Ok(match (has(MANIFEST_FILE), has(PARTIAL_FILE)) {
            _ if objects.is_empty() => Lying::Nothing,
            (false, _) => Lying::Unfinished,
            (true, false) => Lying::Finished,
            (true, true) => match self.manifest_of(folder, Some(objects)).await? {
                Manifest::OfAll => Lying::Finished,
                Manifest::None | Manifest::OfMore | Manifest::Unreadable => Lying::Unfinished,
            },
        })
    }

    pub(super) async fn manifest(&self, folder: &Path) -> Result<Manifest, StoreError> {
        self.manifest_of(folder, None).await
    }

    /// `objects`: what is in the folder, where that is known.
    async fn manifest_of(
        &self,
        folder: &Path,
        objects: Option<Vec<ObjectMeta>>,
    ) -> Result<Manifest, StoreError> {
        let manifest = folder.clone().join(MANIFEST_FILE);
        let Some(text) = self.content(&manifest, Waiting::not()).await? else {
            return Ok(Manifest::None);
        };
        let Ok(read) = read_checksummed::<format::Manifest>(&text) else {
            return Ok(Manifest::Unreadable);
        };
        let objects = match objects {
            Some(objects) => objects,
            None => self.objects(folder).await?,
        };
        let is_there = |archive: &format::Archive| {
            let wanted = folder.clone().join(archive.file.as_str());
            let mut objects = objects.iter();
            objects.any(|it| it.location == wanted && it.size == archive.stored.bytes)
        };
        Ok(match read.archives.iter().all(is_there) {
            true => Manifest::OfAll,
            false => Manifest::OfMore,
        })
    }
}

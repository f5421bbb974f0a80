//! Writing to an archive. Nothing in it is ever overwritten with something else: what a name stands for is in
//! the name. Only `newest.json` is replaced.

use std::io::Write as _;

use jiff::Timestamp;

use super::about::About;
use super::archive::WalArchive;
use super::error::ArchiveError;
use crate::backup::format::{Fingerprint, Recipient, Sealer};
use crate::backup::store::StoreError;
use crate::cluster::{Lsn, Timeline};
use crate::wal::{
    ArchiveObject, ArchivedSegment, Held, NameOfSegment, NewestWal, SegmentName, WalArchiveFacts,
    WalGap,
};

/// A segment that is to be stored.
#[derive(Debug, Clone, Copy)]
pub struct NewSegment<'a> {
    /// Which.
    pub segment: SegmentName,
    /// Of an unfinished one: up to where it was written.
    pub until: Option<Lsn>,
    /// The last commit whose record lies in it as a whole.
    pub last_commit: Option<Timestamp>,
    /// The segment as the server writes it, all of it: of an unfinished one the rest is zeros.
    pub bytes: &'a [u8],
}

impl WalArchive {
    /// Begins the archive, or finds that it is begun.
    ///
    /// # Errors
    /// When the store does not take it, or the archive has segments of another size.
    pub fn begin(&self, about: &About) -> Result<(), ArchiveError> {
        match self.about()? {
            None => self.put_json(&ArchiveObject::About, about),
            Some(found) if found.segment_bytes == about.segment_bytes => Ok(()),
            Some(found) => Err(ArchiveError::OtherSize {
                folder: self.folder.clone(),
                archive: found.segment_bytes.bytes(),
                server: about.segment_bytes.bytes(),
            }),
        }
    }

    /// Stores a segment, compressed with zstd and encrypted for `recipients` if there are any. When this
    /// returns it is safely stored.
    ///
    /// # Errors
    /// When the store does not take it.
    pub fn put_segment(
        &self,
        new: NewSegment<'_>,
        recipients: &[Recipient],
    ) -> Result<ArchivedSegment, ArchiveError> {
        let name = NameOfSegment {
            segment: new.segment,
            until: new.until,
            sha256: Fingerprint::of(new.bytes).sha256,
            last_commit: new.last_commit,
            compressed: true,
            encrypted: !recipients.is_empty(),
        };
        let object = ArchiveObject::Segment(name.clone());
        let path = self.path(&object);
        let packing = || -> std::io::Result<Vec<u8>> {
            let sealer = Sealer::new(Vec::new(), recipients)?;
            let mut encoder = zstd::Encoder::new(sealer, zstd::DEFAULT_COMPRESSION_LEVEL)?;
            encoder.set_pledged_src_size(Some(new.bytes.len() as u64))?;
            encoder.include_checksum(true)?;
            encoder.write_all(new.bytes)?;
            encoder.finish()?.finish()
        };
        let packed = packing().map_err(|error| {
            StoreError::Settings(format!("compressing {}: {error}", name.segment))
        })?;
        let stored_bytes = packed.len() as u64;
        self.objects.put(&path, packed)?;
        Ok(ArchivedSegment {
            name,
            stored_bytes,
            stored: Timestamp::now(),
        })
    }

    /// Stores the text of a timeline's history file, as it is.
    ///
    /// # Errors
    /// When the store does not take it.
    pub fn put_history(&self, timeline: Timeline, text: &[u8]) -> Result<(), ArchiveError> {
        let object = ArchiveObject::History {
            timeline,
            sha256: Fingerprint::of(text).sha256,
        };
        Ok(self.objects.put(&self.path(&object), text.to_vec())?)
    }

    /// Records that WAL is missing.
    ///
    /// # Errors
    /// When the store does not take it.
    pub fn put_gap(&self, gap: &WalGap) -> Result<(), ArchiveError> {
        let object = ArchiveObject::Gap {
            timeline: gap.timeline,
            from: gap.from,
        };
        self.put_json(&object, gap)
    }

    /// Says up to which moment all is stored.
    ///
    /// # Errors
    /// When the store does not take it.
    pub fn put_newest(&self, newest: &NewestWal) -> Result<(), ArchiveError> {
        self.put_json(&ArchiveObject::Newest, newest)
    }

    /// Removes what a writer that was killed has left.
    ///
    /// # Errors
    /// When the store does not remove it.
    pub fn sweep(&self) -> Result<(), ArchiveError> {
        Ok(self.objects.sweep(&self.folder)?)
    }

    /// Removes the unfinished objects of a listing whose segment is there as a whole, or further on: whoever
    /// stored that may have died before it removed them.
    ///
    /// # Errors
    /// When the store does not remove one.
    pub fn remove_superseded(&self, facts: &WalArchiveFacts) -> Result<(), ArchiveError> {
        let superseded = |it: &&ArchivedSegment| match facts.held(it.name.segment) {
            Held::Whole(_) | Held::Several => true,
            Held::Until(_, further) => it.name.until.is_some_and(|until| until < further),
            Held::Missing => false,
        };
        let unfinished = facts.segments.iter().filter(|it| it.name.until.is_some());
        for it in unfinished.filter(superseded) {
            self.remove(&ArchiveObject::Segment(it.name.clone()))?;
        }
        Ok(())
    }

    /// Removes an object. One that is not there is removed.
    ///
    /// # Errors
    /// When the store does not remove it.
    pub fn remove(&self, object: &ArchiveObject) -> Result<(), ArchiveError> {
        Ok(self.objects.remove(&self.path(object))?)
    }
}

//! An archive in a store: what it has.
//!
//! Everything here blocks: call it from a thread that may (`tokio::task::spawn_blocking`).

use std::io::Read as _;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::about::About;
use super::error::ArchiveError;
use super::place::ArchivePlace;
use crate::backup::format::{Fingerprint, read_checksummed, write_checksummed};
use crate::backup::store::{Objects, Store, StoreError};
use crate::cluster::Timeline;
use crate::wal::{
    ArchiveObject, ArchivedSegment, NewestWal, TimelineHistory, WalArchiveFacts, WalGap,
};

/// The most that a small object may have, in bytes.
const LONGEST: u64 = 1 << 20;

/// The archive of a cluster's WAL, in its folder of a store.
#[derive(Clone)]
pub struct WalArchive {
    pub(super) objects: Arc<dyn Objects>,
    /// Path of the folder in the store.
    pub(super) folder: String,
    /// The place.
    pub(super) place: ArchivePlace,
}

impl WalArchive {
    /// The archive at this place, which need not exist yet.
    pub fn new(store: &Arc<dyn Store>, place: ArchivePlace) -> Self {
        Self {
            objects: store.objects(),
            folder: place.folder(),
            place,
        }
    }

    /// Which archive.
    pub fn place(&self) -> &ArchivePlace {
        &self.place
    }

    /// Whose WAL it is; none when there is no archive.
    ///
    /// # Errors
    /// When the store can't be read, or what it says can't be.
    pub fn about(&self) -> Result<Option<About>, ArchiveError> {
        let object = ArchiveObject::About;
        let about: Option<About> = self.json(&object)?;
        match about {
            Some(about) if about.api_version != About::API_VERSION || about.kind != About::KIND => {
                Err(self.broken(
                    &object,
                    format!(
                        "it says {} {}, which this pgctl does not know",
                        about.api_version, about.kind
                    ),
                ))
            }
            about => Ok(about),
        }
    }

    /// What it has; none when there is no archive. What can't be read, or is no part of an archive, is
    /// listed as such, and hides nothing.
    ///
    /// # Errors
    /// When the store can't be read, or it does not say how large the segments are.
    pub fn list(&self) -> Result<Option<WalArchiveFacts>, ArchiveError> {
        let Some(about) = self.about()? else {
            return Ok(None);
        };
        let mut facts = WalArchiveFacts::empty(about.segment_bytes);
        for found in self.objects.list(&self.folder)? {
            let Some(object) = ArchiveObject::parse(&found.path) else {
                let text = format!("{}: it is no part of an archive", found.path);
                facts.unreadable.push(text);
                continue;
            };
            let read = match &object {
                ArchiveObject::About => Ok(()),
                ArchiveObject::Newest => self.newest().map(|it| facts.newest = it),
                ArchiveObject::Gap { .. } => self
                    .json::<WalGap>(&object)
                    .map(|gap| facts.gaps.extend(gap)),
                ArchiveObject::History { timeline, sha256 } => {
                    self.read_history(&object, *timeline, sha256).map(|it| {
                        facts.histories.insert(*timeline, it);
                    })
                }
                ArchiveObject::Segment(name) if !name.segment.fits(facts.segment_size) => {
                    Err(self.broken(&object, "no segment has this name".to_owned()))
                }
                ArchiveObject::Segment(name) => {
                    facts.segments.push(ArchivedSegment {
                        name: name.clone(),
                        stored_bytes: found.bytes,
                        stored: found.written,
                    });
                    Ok(())
                }
            };
            match read {
                Ok(()) => {}
                // Replaced or removed between the listing and the look.
                Err(ArchiveError::Store(StoreError::NotFound { .. })) => {}
                Err(ArchiveError::Broken { reason, .. }) => {
                    facts.unreadable.push(format!("{object}: {reason}"));
                }
                Err(ArchiveError::Store(error @ StoreError::Disk { .. })) => {
                    facts.unreadable.push(format!("{object}: {error}"));
                }
                Err(error) => return Err(error),
            }
        }
        facts.sort();
        Ok(Some(facts))
    }

    /// Up to which moment all is stored; none when nobody has said so.
    ///
    /// # Errors
    /// When the store can't be read, or what it says can't be.
    pub fn newest(&self) -> Result<Option<NewestWal>, ArchiveError> {
        self.json(&ArchiveObject::Newest)
    }

    /// The text of a timeline's history file, for a server; none when it is not there.
    ///
    /// # Errors
    /// When the store can't be read, or the text is not what was stored.
    pub fn history_file(&self, timeline: Timeline) -> Result<Option<Vec<u8>>, ArchiveError> {
        for found in self.objects.list(&self.folder)? {
            if let Some(ArchiveObject::History {
                timeline: of,
                sha256,
            }) = ArchiveObject::parse(&found.path)
                && of == timeline
            {
                let object = ArchiveObject::History {
                    timeline,
                    sha256: sha256.clone(),
                };
                return self.history_text(&object, &sha256).map(Some);
            }
        }
        Ok(None)
    }

    fn read_history(
        &self,
        object: &ArchiveObject,
        timeline: Timeline,
        sha256: &str,
    ) -> Result<TimelineHistory, ArchiveError> {
        let text = self.history_text(object, sha256)?;
        TimelineHistory::parse(timeline, &String::from_utf8_lossy(&text))
            .map_err(|error| self.broken(object, error.to_string()))
    }

    fn history_text(&self, object: &ArchiveObject, sha256: &str) -> Result<Vec<u8>, ArchiveError> {
        let text = self.small(object)?;
        if Fingerprint::of(&text).sha256 == sha256 {
            Ok(text)
        } else {
            Err(self.broken(
                object,
                "its SHA-256 is another: it was changed after it was written".to_owned(),
            ))
        }
    }

    /// Path of an object in the store.
    pub fn path(&self, object: &ArchiveObject) -> String {
        format!("{}/{object}", self.folder)
    }

    pub(super) fn broken(&self, object: &ArchiveObject, reason: String) -> ArchiveError {
        ArchiveError::Broken {
            object: self.path(object),
            reason,
        }
    }

    fn json<T: DeserializeOwned>(&self, object: &ArchiveObject) -> Result<Option<T>, ArchiveError> {
        let bytes = match self.small(object) {
            Err(ArchiveError::Store(StoreError::NotFound { .. })) => return Ok(None),
            other => other?,
        };
        read_checksummed(&bytes)
            .map(Some)
            .map_err(|error| self.broken(object, error.to_string()))
    }

    pub(super) fn put_json<T: Serialize>(
        &self,
        object: &ArchiveObject,
        value: &T,
    ) -> Result<(), ArchiveError> {
        let text = write_checksummed(value)
            .map_err(|error| StoreError::Settings(format!("writing {object}: {error}")))?;
        Ok(self.objects.put(&self.path(object), text.into_bytes())?)
    }

    fn small(&self, object: &ArchiveObject) -> Result<Vec<u8>, ArchiveError> {
        let path = self.path(object);
        let mut bytes = Vec::new();
        self.objects
            .open(&path)?
            .take(LONGEST)
            .read_to_end(&mut bytes)
            .map_err(|error| StoreError::while_reading(&path, error))?;
        Ok(bytes)
    }
}

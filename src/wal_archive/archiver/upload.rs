//! From the spool to the store: what is received is stored, and only then leaves the spool.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::super::archive::WalArchive;
use super::super::error::ArchiveError;
use super::super::records::{WalEnd, WalReader};
use super::super::writing::NewSegment;
use super::marks::Marks;
use super::spool::{SpoolFolder, Spooled};
use super::telling::Telling;
use crate::backup::format::{Fingerprint, Recipient};
use crate::backup::store::StoreError;
use crate::cluster::{Lsn, Timeline};
use crate::events::{WalEvent, WalWait};
use crate::wal::{
    ArchiveObject, NameOfSegment, NewestWal, SegmentName, SegmentSize, WalArchiveFacts,
};
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

/// Between two looks into the spool.
const LOOKS: Duration = Duration::from_millis(500);

/// Between two unfinished segments that are stored, and between two changes of `newest.json`.
const NEWEST: Duration = Duration::from_secs(3);

/// Segments that are packed and sent at the same time: each is in memory twice.
const AT_ONCE: usize = 2;

/// How long is waited before a store that took nothing is tried again, at first and at most.
const AGAIN: Duration = Duration::from_secs(1);
const AGAIN_AT_MOST: Duration = Duration::from_secs(30);

/// Stores what is in a folder of the spool.
pub(super) struct Uploader {
    pub(super) archive: WalArchive,
    pub(super) folder: SpoolFolder,
    pub(super) size: SegmentSize,
    pub(super) system: Option<u64>,
    pub(super) recipients: Vec<Recipient>,
    pub(super) telling: Telling,
    /// What was seen of the server.
    pub(super) marks: Mutex<Marks>,
    /// The timeline of the server that is streamed from.
    pub(super) timeline: Mutex<Option<Timeline>>,
    pub(super) stored: Mutex<Stored>,
}

/// What is in the store.
#[derive(Debug, Default)]
pub(super) struct Stored {
    wholes: BTreeMap<SegmentName, BTreeSet<String>>,
    parts: BTreeMap<SegmentName, Vec<NameOfSegment>>,
    histories: BTreeSet<(Timeline, String)>,
    /// Up to where all is stored, by timeline.
    ends: BTreeMap<Timeline, Lsn>,
    last_commit: Option<Timestamp>,
    said: Option<(Timeline, Lsn, Timestamp)>,
}

impl Stored {
    /// By a listing.
    pub(super) fn of(facts: &WalArchiveFacts) -> Self {
        let mut stored = Self {
            last_commit: facts.newest.as_ref().and_then(|it| it.last_commit),
            ..Self::default()
        };
        for it in &facts.segments {
            stored.note(&it.name);
        }
        for run in facts.runs() {
            stored.reached(run.timeline, run.to);
        }
        stored
    }

    fn note(&mut self, name: &NameOfSegment) {
        match name.until {
            None => {
                let sums = self.wholes.entry(name.segment).or_default();
                sums.insert(name.sha256.clone());
            }
            Some(_) => {
                let parts = self.parts.entry(name.segment).or_default();
                parts.push(name.clone());
            }
        }
        self.last_commit = self.last_commit.max(name.last_commit);
    }

    fn reached(&mut self, timeline: Timeline, end: Lsn) {
        let known = self.ends.entry(timeline).or_default();
        *known = end.max(*known);
    }

    fn until(&self, segment: SegmentName) -> Option<Lsn> {
        let parts = self.parts.get(&segment)?;
        parts.iter().filter_map(|it| it.until).max()
    }

    /// The ends of what is stored.
    pub(super) fn ends(&self) -> Vec<(Timeline, Lsn)> {
        self.ends.iter().map(|(it, end)| (*it, *end)).collect()
    }
}

impl Uploader {
    /// Stores, until it is dropped. A store that takes nothing is tried again and again.
    pub(super) async fn run(self: Arc<Self>) {
        let mut again = AGAIN;
        let mut newest = Instant::now() - NEWEST;
        loop {
            let all = newest.elapsed() >= NEWEST;
            let ended = async {
                self.pass(all).await?;
                if all {
                    newest = Instant::now();
                    self.say_newest().await?;
                }
                Ok::<_, ArchiveError>(())
            };
            match ended.await {
                Ok(()) => {
                    again = AGAIN;
                    self.telling.back(WalWait::Store);
                    tokio::time::sleep(LOOKS).await;
                }
                Err(error) => {
                    self.telling.waiting(WalWait::Store, error.to_string());
                    tokio::time::sleep(again).await;
                    again = AGAIN_AT_MOST.min(again * 2);
                }
            }
        }
    }

    /// Stores what is in the spool; the segment that is being received only when asked to.
    ///
    /// # Errors
    /// When the store does not take something. Whatever it took is stored.
    pub(super) async fn pass(self: &Arc<Self>, all: bool) -> Result<(), ArchiveError> {
        let me = Arc::clone(self);
        let files = work(move || Ok(me.folder.files(me.size).map_err(spool)?)).await?;
        let storing = files
            .into_iter()
            .filter(|it| all || !matches!(it, Spooled::Part(_, _, true)))
            .map(|file| {
                let me = Arc::clone(self);
                work(move || me.store(file))
            });
        let ends: Vec<Option<(Timeline, Lsn)>> = futures::stream::iter(storing)
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let mut stored = self.stored();
        for (timeline, end) in ends.into_iter().flatten() {
            stored.reached(timeline, end);
        }
        Ok(())
    }

    /// Stores a file, and takes it out of the spool when nothing more of it comes. Blocks.
    fn store(&self, file: Spooled) -> Result<Option<(Timeline, Lsn)>, ArchiveError> {
        match file {
            Spooled::History(timeline, path) => {
                let Some(text) = read(&path)? else {
                    return Ok(None);
                };
                let sha256 = Fingerprint::of(&text).sha256;
                if !self
                    .stored()
                    .histories
                    .contains(&(timeline, sha256.clone()))
                {
                    self.archive.put_history(timeline, &text)?;
                    self.stored().histories.insert((timeline, sha256));
                    self.telling.tell(WalEvent::HistoryStored { timeline });
                }
                Ok(None)
            }
            Spooled::Whole(segment, path) => {
                let Some(bytes) = read(&path)? else {
                    return Ok(None);
                };
                self.store_whole(segment, &bytes)?;
                remove(&path)?;
                Ok(Some((segment.timeline, segment.end(self.size))))
            }
            Spooled::Part(segment, path, more) => {
                let Some(bytes) = read(&path)? else {
                    return Ok(None);
                };
                let until = self.store_part(segment, bytes)?;
                if !more {
                    remove(&path)?;
                }
                Ok(until.map(|until| (segment.timeline, until)))
            }
        }
    }

    fn store_whole(&self, segment: SegmentName, bytes: &[u8]) -> Result<(), ArchiveError> {
        let known = self.stored().wholes.get(&segment).cloned();
        let same = known
            .as_ref()
            .is_some_and(|sums| sums.contains(&Fingerprint::of(bytes).sha256));
        if !same {
            let scan = WalReader::new(self.size, self.system).read(segment, bytes);
            let new = NewSegment {
                segment,
                until: None,
                last_commit: scan.last_commit,
                bytes,
            };
            let stored = self.archive.put_segment(new, &self.recipients)?;
            self.stored().note(&stored.name);
            self.telling.tell(WalEvent::SegmentStored {
                segment,
                stored_bytes: stored.stored_bytes,
            });
            if known.is_some() {
                self.telling.tell(WalEvent::OtherContent { segment });
            }
            if let WalEnd::Unreadable { at, reason } = scan.stop {
                let reason = format!("at {at}: {reason}");
                self.telling.tell(WalEvent::Unreadable { segment, reason });
            }
        }
        self.remove_parts(segment, None)
    }

    /// Stores the beginning of a segment, when more of it is there than in the store. Up to where it is stored.
    fn store_part(
        &self,
        segment: SegmentName,
        mut bytes: Vec<u8>,
    ) -> Result<Option<Lsn>, ArchiveError> {
        let known = self.stored().until(segment);
        let scan = WalReader::new(self.size, self.system).read(segment, &bytes);
        let start = segment.start(self.size);
        if scan.end <= start || scan.end <= known.unwrap_or_default() {
            return Ok(known);
        }
        if self.stored().wholes.contains_key(&segment) {
            return Ok(Some(segment.end(self.size)));
        }
        // What comes after the last whole record may be half of one.
        let length = usize::try_from(scan.end.bytes_since(start)).unwrap_or(bytes.len());
        if let Some(rest) = bytes.get_mut(length..) {
            rest.fill(0);
        }
        let new = NewSegment {
            segment,
            until: Some(scan.end),
            last_commit: scan.last_commit,
            bytes: &bytes,
        };
        let stored = self.archive.put_segment(new, &self.recipients)?;
        self.stored().note(&stored.name);
        self.remove_parts(segment, Some(&stored.name))?;
        Ok(Some(scan.end))
    }

    /// Removes the unfinished objects of a segment, but for one.
    fn remove_parts(
        &self,
        segment: SegmentName,
        but: Option<&NameOfSegment>,
    ) -> Result<(), ArchiveError> {
        let parts = self.stored().parts.get(&segment).cloned();
        for part in parts.unwrap_or_default() {
            if Some(&part) != but {
                let object = ArchiveObject::Segment(part.clone());
                self.archive.remove(&object)?;
                if let Some(left) = self.stored().parts.get_mut(&segment) {
                    left.retain(|it| *it != part);
                }
            }
        }
        Ok(())
    }

    /// Says up to which moment all is stored, when that is later than what was said.
    async fn say_newest(self: &Arc<Self>) -> Result<(), ArchiveError> {
        let Some(timeline) = self.timeline.lock().ok().and_then(|it| *it) else {
            return Ok(());
        };
        let (position, last_commit, said) = {
            let stored = self.stored();
            let position = stored.ends.get(&timeline).copied();
            (position, stored.last_commit, stored.said)
        };
        let Some(position) = position else {
            return Ok(());
        };
        let as_of = match self.marks.lock() {
            Ok(mut marks) => marks.stored(timeline, position),
            Err(_) => None,
        };
        let Some(as_of) = as_of.filter(|it| said != Some((timeline, position, *it))) else {
            return Ok(());
        };
        let me = Arc::clone(self);
        let spool_bytes = work(move || {
            me.archive.put_newest(&NewestWal {
                timeline,
                position,
                as_of,
                last_commit,
                written: Timestamp::now(),
            })?;
            Ok(me.folder.bytes(me.size).map_err(spool)?)
        })
        .await?;
        self.stored().said = Some((timeline, position, as_of));
        self.telling.tell(WalEvent::UpTo {
            timeline,
            position,
            as_of,
            spool_bytes,
        });
        Ok(())
    }

    /// The ends of what waits in the spool. Blocks.
    pub(super) fn spooled_ends(&self) -> io::Result<Vec<(Timeline, Lsn)>> {
        let mut ends = Vec::new();
        for file in self.folder.files(self.size)? {
            match file {
                Spooled::History(..) => {}
                Spooled::Whole(segment, _) => {
                    ends.push((segment.timeline, segment.end(self.size)));
                }
                Spooled::Part(segment, path, _) => {
                    let bytes = std::fs::read(path)?;
                    let scan = WalReader::new(self.size, self.system).read(segment, &bytes);
                    ends.push((segment.timeline, scan.end));
                }
            }
        }
        Ok(ends)
    }

    /// What is in the store. Held only for a moment.
    pub(super) fn stored(&self) -> MutexGuard<'_, Stored> {
        self.stored.lock().unwrap_or_else(|it| it.into_inner())
    }
}

/// Runs something that blocks on a thread that may.
pub(super) async fn work<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ArchiveError> + Send + 'static,
) -> Result<T, ArchiveError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(StoreError::Settings(format!("a thread of pgctl ended: {error}")).into()),
    }
}

/// A file of the spool; none when it has left it meanwhile.
fn read(path: &Path) -> Result<Option<Vec<u8>>, ArchiveError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(spool(error).into()),
    }
}

fn remove(path: &Path) -> Result<(), ArchiveError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(spool(error).into()),
        _ => Ok(()),
    }
}

fn spool(source: io::Error) -> StoreError {
    StoreError::Disk {
        doing: "using the spool".to_owned(),
        source,
    }
}

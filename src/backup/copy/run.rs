//! Copying a backup that is finished: every archive compared with the manifest on its way, the manifest last.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use super::archive::{Ends, copy_archive};
use super::asking::{Asking, Silence};
use super::error::CopyError;
use super::found::{Found, look};
use super::take_over::{being_written, show_life, take_over};
use crate::backup::StopSignal;
use crate::backup::catalogue::{Entry, record, small_file, still_there};
use crate::backup::format::{Archive, Fingerprint, MANIFEST_FILE, Manifest};
use crate::backup::store::{Store, StoreError, StoredFile, UnfinishedBackup};
use crate::events::RunEvent;

/// From where to where, and how.
pub struct CopyWork {
    /// The store that has it.
    pub from: Arc<dyn Store>,
    /// The store that is to have it, too.
    pub to: Arc<dyn Store>,
    /// How long nothing may come of it.
    pub silence: Silence,
    /// Becomes true when it shall stop.
    pub stop: StopSignal,
}

/// How a copy went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copied {
    /// It is in the second store now.
    Now,
    /// It was there before.
    Before,
}

impl CopyWork {
    fn asking<'a>(&self, seen: &Arc<AtomicU64>, tell: &'a (dyn Fn(RunEvent) + Sync)) -> Asking<'a> {
        Asking {
            silence: self.silence,
            seen: Arc::clone(seen),
            tell,
        }
    }
}

/// What would be done about a backup, without doing it.
///
/// # Errors
/// [`CopyError`], as far as that can be seen without reading the archives.
pub async fn would_copy(
    work: &CopyWork,
    entry: &Entry,
    tell: &(dyn Fn(RunEvent) + Sync),
) -> Result<Copied, CopyError> {
    let manifest = copyable(entry, work.to.largest_file())?;
    let asking = work.asking(&Arc::default(), tell);
    Ok(match found(work, entry, manifest, &asking).await? {
        Found::Nothing | Found::Unfinished => Copied::Now,
        Found::Equal => Copied::Before,
    })
}

/// Copies a backup as it lies there, encrypted or not. It is a backup in the second store only when all of it is
/// there; what was begun there and is given up is removed. `seen` counts the bytes that were copied.
///
/// # Errors
/// [`CopyError`]; then it is no backup in the second store, and what that had is untouched. After
/// [`CopyError::Silent`] what was begun is still there.
pub async fn copy(
    work: &CopyWork,
    entry: &Entry,
    seen: &Arc<AtomicU64>,
    tell: &(dyn Fn(RunEvent) + Sync),
) -> Result<Copied, CopyError> {
    let asking = &work.asking(seen, tell);
    let manifest = copyable(entry, work.to.largest_file())?;
    match found(work, entry, manifest, asking).await? {
        Found::Nothing => {}
        // What was not read now says nothing new about it.
        Found::Equal => return Ok(Copied::Before),
        Found::Unfinished => {
            if !take_over(&work.to, &entry.id, asking).await? {
                let other = CopyError::Removed(entry.id.clone());
                return there_now(work, entry, manifest, asking, other).await;
            }
        }
    }
    if *work.stop.borrow() {
        return Err(CopyError::Interrupted);
    }
    let begun = {
        let (to, id) = (Arc::clone(&work.to), entry.id.clone());
        asking.ask(move || to.begin(&id).map_err(CopyError::To))
    };
    let unfinished = match begun.await {
        Err(CopyError::To(StoreError::Taken { what })) => {
            let other = CopyError::Different(format!("{what} has no manifest"));
            return there_now(work, entry, manifest, asking, other).await;
        }
        begun => begun?,
    };
    let lost = Arc::new(AtomicBool::new(false));
    let written = tokio::select! {
        written = write(work, entry, manifest, (&unfinished, &lost), asking) => written,
        never = show_life(Arc::clone(&unfinished), Arc::clone(&lost)) => match never {},
    };
    if let Err(error) = written {
        give_up(unfinished, &error, asking).await;
        return match error {
            // Somebody else was quicker.
            CopyError::To(StoreError::Taken { what }) => {
                let other = CopyError::Removed(what);
                there_now(work, entry, manifest, asking, other).await
            }
            // He may be removing it still: whatever is there now says nothing, however whole it looks.
            CopyError::To(StoreError::Lost { what }) => Err(CopyError::Removed(what)),
            error => Err(error),
        };
    }
    carry_record(work, entry, asking).await;
    Ok(Copied::Now)
}

/// What came of it when somebody else was at it, too; where nothing of his is to be seen, `other`.
async fn there_now(
    work: &CopyWork,
    entry: &Entry,
    manifest: &Manifest,
    asking: &Asking<'_>,
    other: CopyError,
) -> Result<Copied, CopyError> {
    match found(work, entry, manifest, asking).await? {
        Found::Equal => Ok(Copied::Before),
        Found::Unfinished => Err(being_written(&work.to, &entry.id, asking).await?),
        Found::Nothing => Err(other),
    }
}

/// The manifest of a backup that may be copied: nothing is known to be wrong with it, and the second store takes files
/// of such sizes.
fn copyable(entry: &Entry, largest: Option<u64>) -> Result<&Manifest, CopyError> {
    let unreadable = |problem: &String| CopyError::Damaged(format!("{MANIFEST_FILE}: {problem}"));
    let manifest = entry.manifest.as_ref().map_err(unreadable)?;
    if let Some(problem) = entry.problems().first() {
        let problem = format!("its last verification found: {problem}");
        return Err(CopyError::Damaged(problem));
    }
    let mut archives = manifest.archives.iter();
    let too_large = |archive: &&Archive| largest.is_some_and(|most| archive.stored.bytes > most);
    match (archives.find(too_large), largest) {
        (Some(archive), Some(most)) => Err(CopyError::TooLarge {
            file: archive.file.clone(),
            bytes: archive.stored.bytes,
            most,
        }),
        _ => Ok(manifest),
    }
}

async fn found(
    work: &CopyWork,
    entry: &Entry,
    manifest: &Manifest,
    asking: &Asking<'_>,
) -> Result<Found, CopyError> {
    let (to, entry, manifest) = (Arc::clone(&work.to), entry.clone(), manifest.clone());
    let looked = asking.ask(move || look(to.as_ref(), &entry, &manifest));
    looked.await
}

/// Every archive, and after them the manifest, to the byte.
async fn write(
    work: &CopyWork,
    entry: &Entry,
    manifest: &Manifest,
    (unfinished, lost): (&Arc<dyn UnfinishedBackup>, &Arc<AtomicBool>),
    asking: &Asking<'_>,
) -> Result<(), CopyError> {
    let text = manifest_text(work, entry, asking).await?;
    for archive in &manifest.archives {
        let copied = {
            let (from, id) = (Arc::clone(&work.from), entry.id.clone());
            let (archive, unfinished) = (archive.clone(), Arc::clone(unfinished));
            let (seen, stop) = (Arc::clone(&asking.seen), work.stop.clone());
            let lost = Arc::clone(lost);
            asking.ask(move || {
                let (from, unfinished) = (from.as_ref(), unfinished.as_ref());
                let ends = Ends {
                    stop: &stop,
                    lost: &lost,
                };
                let copied = copy_archive(from, &id, &archive, unfinished, &seen, ends);
                // What is being deleted is not broken.
                if let Err(CopyError::Damaged(_)) = &copied {
                    still_there(from, &id).map_err(CopyError::From)?;
                }
                copied
            })
        };
        copied.await?;
        (asking.tell)(RunEvent::FileStored {
            file: format!("{}/{}", entry.id, archive.file),
            bytes: archive.stored.bytes,
        });
    }
    if *work.stop.borrow() {
        return Err(CopyError::Interrupted);
    }
    let files: Vec<StoredFile> = manifest.archives.iter().map(stored_file).collect();
    let unfinished = Arc::clone(unfinished);
    let committed = asking.ask(move || unfinished.commit(&files, &text).map_err(CopyError::To));
    committed.await
}

fn stored_file(archive: &Archive) -> StoredFile {
    StoredFile {
        name: archive.file.clone(),
        bytes: archive.stored.bytes,
    }
}

/// The manifest's own bytes, as they were when the archives were looked up in it.
async fn manifest_text(
    work: &CopyWork,
    entry: &Entry,
    asking: &Asking<'_>,
) -> Result<Vec<u8>, CopyError> {
    let (from, id) = (Arc::clone(&work.from), entry.id.clone());
    let read = move || small_file(from.as_ref(), &id, MANIFEST_FILE).map_err(CopyError::From);
    let text = asking.ask(read).await?;
    match Fingerprint::of(&text) == entry.fingerprint {
        true => Ok(text),
        false => {
            let problem = format!("{MANIFEST_FILE}: it was changed while it was copied");
            Err(CopyError::Damaged(problem))
        }
    }
}

/// What the last verification found goes with the bytes that were read and compared just now, the restore test, too.
async fn carry_record(work: &CopyWork, ours: &Entry, asking: &Asking<'_>) {
    let Some(verification) = ours.verification.clone() else {
        return;
    };
    let to = Arc::clone(&work.to);
    let carried = asking.ask(move || record(to.as_ref(), &verification).map_err(CopyError::To));
    if let Err(error) = carried.await {
        (asking.tell)(RunEvent::warning(format!(
            "{}: it is copied; what its last verification found could not be written down there: {error}",
            ours.id
        )));
    }
}

/// Removes what was begun. What can't be removed is said.
async fn give_up(unfinished: Arc<dyn UnfinishedBackup>, error: &CopyError, asking: &Asking<'_>) {
    let removed = match error {
        // Whoever does not answer is asked nothing more.
        CopyError::Silent(limit) => Err(CopyError::Silent(*limit)),
        _ => {
            let removing = asking.ask(move || unfinished.discard().map_err(CopyError::To));
            removing.await
        }
    };
    if let Err(error) = removed {
        (asking.tell)(RunEvent::warning(format!(
            "what was begun in the second store could not be removed ({error}): it is no backup, and the same command once more takes it over"
        )));
    }
}

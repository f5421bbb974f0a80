//! Whether two stores are two places at all: a copy in the place that it was copied from is none.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::asking::{Asking, Silence};
use super::error::CopyError;
use crate::backup::store::{DirectoryStore, Place, Store, StoreError};
use crate::events::RunEvent;

/// How sure that has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Nothing is written: a folder that is mounted twice, or a server with two names, is not seen through.
    Looking,
    /// Something is written to the second, and looked for in the first.
    Writing,
}

/// Refuses two stores that are one place, and a second one that is not there: below a mount point where nothing is mounted
/// a copy would lie on the wrong disk.
///
/// # Errors
/// [`CopyError::SamePlace`], [`CopyError::NotThere`]; when a store does not answer.
pub async fn two_places(
    from: &Arc<dyn Store>,
    to: &Arc<dyn Store>,
    proof: Proof,
    silence: Silence,
    tell: &(dyn Fn(RunEvent) + Sync),
) -> Result<(), CopyError> {
    let asking = Asking {
        silence,
        seen: Arc::default(),
        tell,
    };
    let (first, second) = (Arc::clone(from), Arc::clone(to));
    let places = asking.ask(move || {
        let first = first.place().map_err(CopyError::From)?;
        Ok((first, second.place().map_err(CopyError::To)?))
    });
    let (first, second) = places.await?;
    if second.is_none() {
        return Err(CopyError::NotThere(to.location()));
    }
    if first == second {
        return Err(CopyError::SamePlace);
    }
    if proof == Proof::Looking {
        return Ok(());
    }
    if let (Some(Place::Folder { device: a, .. }), Some(Place::Folder { device: b, .. })) =
        (&first, &second)
        && a == b
    {
        tell(RunEvent::warning(
            "both stores are on one disk, which may break as a whole".to_owned(),
        ));
    } else if is_on_the_systems_disk(second.as_ref()) {
        tell(RunEvent::warning(format!(
            "{} is on this machine's own disk, that of /: is its own mounted?",
            to.location()
        )));
    }
    let (first, second) = (Arc::clone(from), Arc::clone(to));
    let tried = asking.ask(move || is_seen(first.as_ref(), second.as_ref()));
    let (same, left) = tried.await?;
    if let Some(error) = left {
        tell(RunEvent::warning(format!(
            "what was written for a trial could not be removed: {error}"
        )));
    }
    match same {
        true => Err(CopyError::SamePlace),
        false => Ok(()),
    }
}

/// Whether it is a folder of the disk of `/`, as a mount point is where nothing is mounted.
fn is_on_the_systems_disk(place: Option<&Place>) -> bool {
    let top = DirectoryStore::new(Path::new("/")).and_then(|top| top.place());
    match (place, top) {
        (Some(Place::Folder { device, .. }), Ok(Some(Place::Folder { device: system, .. }))) => {
            *device == system
        }
        _ => false,
    }
}

/// What time it is by the clock of a store: that of an object that was just written.
///
/// # Errors
/// When the store does not take it.
pub(super) fn now_there(store: &dyn Store) -> Result<Timestamp, CopyError> {
    let objects = store.objects();
    let name = trial();
    let written = objects.put(&name, TRIAL.to_vec());
    written.map_err(CopyError::To)?;
    let now = objects.written(&name);
    // Where nothing may be deleted nothing unfinished can be either: that is said of it.
    let _ = objects.remove(&name);
    let gone = || CopyError::To(StoreError::NotFound { what: name.clone() });
    now.map_err(CopyError::To)?.ok_or_else(gone)
}

const TRIAL: &[u8] = b"written for a trial by pgctl\n";

/// A name that nobody else writes to.
fn trial() -> String {
    format!("two-places-{:016x}", rand::random::<u64>())
}

/// Whether the first has what is written to the second; and what kept it from being removed.
fn is_seen(first: &dyn Store, second: &dyn Store) -> Result<(bool, Option<StoreError>), CopyError> {
    let name = trial();
    let objects = second.objects();
    let written = objects.put(&name, TRIAL.to_vec());
    written.map_err(CopyError::To)?;
    let found = first.objects().open(&name).map(drop);
    let left = objects.remove(&name).err();
    match found {
        Ok(()) => Ok((true, left)),
        Err(StoreError::NotFound { .. }) => Ok((false, left)),
        Err(error) => Err(CopyError::From(error)),
    }
}

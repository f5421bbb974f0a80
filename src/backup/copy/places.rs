//! Whether two stores are two places at all: a copy in the place that it was copied from is none.

use std::sync::Arc;

use super::asking::{Asking, Silence};
use super::error::CopyError;
use crate::backup::store::{Place, Store, StoreError};
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

/// Whether the first has what is written to the second; and what kept it from being removed.
fn is_seen(first: &dyn Store, second: &dyn Store) -> Result<(bool, Option<StoreError>), CopyError> {
    let name = format!("two-places-{:016x}", rand::random::<u64>());
    let objects = second.objects();
    let written = objects.put(&name, b"written for a trial by pgctl\n".to_vec());
    written.map_err(CopyError::To)?;
    let found = first.objects().open(&name).map(drop);
    let left = objects.remove(&name).err();
    match found {
        Ok(()) => Ok((true, left)),
        Err(StoreError::NotFound { .. }) => Ok((false, left)),
        Err(error) => Err(CopyError::From(error)),
    }
}

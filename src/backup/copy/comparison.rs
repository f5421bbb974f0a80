//! Whether the copy in a second store is the same backup, read to its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::asking::{Asking, Silence};
use super::error::CopyError;
use super::found::OTHER_MANIFEST;
use crate::backup::catalogue::{Entry, entry, verify};
use crate::backup::format::{Identities, Verification};
use crate::backup::store::{Store, StoreError};
use crate::events::RunEvent;

/// What was found of a backup in a second store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The backup's name in both stores.
    pub id: String,
    /// How the copy is.
    pub state: CopyState,
}

/// How a copy is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyState {
    /// Its manifest is the same to the byte, and every file of it is as that says.
    Equal,
    /// There is none.
    Lacking,
    /// It is not the same.
    Different {
        /// What differs, or is wrong with it.
        problems: Vec<String>,
        /// Whether it is whole by itself: then it can be restored all the same.
        whole: bool,
    },
    /// The second store did not answer, and why.
    Unknown(String),
}

/// Reads the copy of a backup in a second store from end to end, and compares its manifest. `seen` counts the bytes that
/// are read. The second value is what was found of the copy by itself, where there is one.
///
/// # Errors
/// When the second store does not answer: that says nothing about the copy.
pub async fn compare(
    to: &Arc<dyn Store>,
    ours: &Entry,
    seen: &Arc<AtomicU64>,
    silence: Silence,
    tell: &(dyn Fn(RunEvent) + Sync),
) -> Result<(Comparison, Option<Verification>), CopyError> {
    let asking = Asking {
        silence,
        seen: Arc::clone(seen),
        tell,
    };
    let (to, ours, seen) = (Arc::clone(to), ours.clone(), Arc::clone(seen));
    let comparing = asking.ask(move || {
        compared(to.as_ref(), &ours, &|bytes| {
            seen.fetch_add(bytes, Ordering::Relaxed);
        })
        .map_err(CopyError::To)
    });
    comparing.await
}

fn compared(
    to: &dyn Store,
    ours: &Entry,
    seen: &(dyn Fn(u64) + Sync),
) -> Result<(Comparison, Option<Verification>), StoreError> {
    let told = |state| Comparison {
        id: ours.id.clone(),
        state,
    };
    // Of one that is being written nothing is read, and nothing is recorded.
    if !to.is_finished(&ours.id)? {
        return Ok((told(CopyState::Lacking), None));
    }
    let there = entry(to, &ours.id)?;
    let found = verify(to, &there, &Identities::default(), seen)?;
    let same = there.fingerprint == ours.fingerprint;
    let whole = found.problems.is_empty();
    let state = match same && whole {
        true => CopyState::Equal,
        false => CopyState::Different {
            problems: (!same)
                .then(|| OTHER_MANIFEST.to_owned())
                .into_iter()
                .chain(found.problems.iter().cloned())
                .collect(),
            whole,
        },
    };
    Ok((told(state), Some(found)))
}

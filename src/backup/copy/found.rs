//! What the second store has of a backup already.
//!
//! Everything here blocks: call it from a thread that may (`tokio::task::spawn_blocking`).

use super::error::CopyError;
use crate::backup::catalogue::{Entry, entry};
use crate::backup::format::{Archive, MANIFEST_FILE, Manifest};
use crate::backup::store::{Store, StoreError};

/// What the second store has of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// It was begun there, and not finished.
    Unfinished,
    /// The same backup.
    Equal,
}

/// Looks what is there now.
///
/// # Errors
/// [`CopyError::Different`] when something else is there; when the store does not answer.
pub(super) fn look(to: &dyn Store, ours: &Entry, manifest: &Manifest) -> Result<Found, CopyError> {
    if to.is_finished(&ours.id).map_err(CopyError::To)? {
        return is_equal(to, ours, manifest).map(|()| Found::Equal);
    }
    let begun = to.last_written(&ours.id).map_err(CopyError::To)?;
    Ok(match begun {
        Some(_) => Found::Unfinished,
        None => Found::Nothing,
    })
}

/// Whether the finished backup of this name is the same one: its manifest to the byte, and of each file the size.
/// Whether every byte is still what it was, `compare` says.
///
/// # Errors
/// As [`look`].
fn is_equal(to: &dyn Store, ours: &Entry, manifest: &Manifest) -> Result<(), CopyError> {
    let there = entry(to, &ours.id).map_err(CopyError::To)?;
    if let Err(problem) = &there.manifest {
        return Err(CopyError::Different(format!("{MANIFEST_FILE}: {problem}")));
    }
    if there.fingerprint != ours.fingerprint {
        return Err(CopyError::Different(OTHER_MANIFEST.to_owned()));
    }
    if let Some(problem) = there.problems().first() {
        let problem = format!("its last verification there found: {problem}");
        return Err(CopyError::Different(problem));
    }
    for archive in &manifest.archives {
        if let Some(problem) = size_differs(to, &ours.id, archive).map_err(CopyError::To)? {
            return Err(CopyError::Different(format!("{}: {problem}", archive.file)));
        }
    }
    Ok(())
}

/// What is said of a backup that was not made together with the other of its name.
pub(super) const OTHER_MANIFEST: &str = "its manifest is another one";

fn size_differs(to: &dyn Store, id: &str, archive: &Archive) -> Result<Option<String>, StoreError> {
    let wanted = archive.stored.bytes;
    Ok(match to.size(id, &archive.file)? {
        None => Some("it is missing".to_owned()),
        Some(bytes) if bytes != wanted => Some(format!("it has {bytes} bytes instead of {wanted}")),
        Some(_) => None,
    })
}

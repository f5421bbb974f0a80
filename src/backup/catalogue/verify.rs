//! Reading a backup again, from the first byte to the last.

use std::io;
use std::sync::Mutex;

use jiff::Timestamp;

use super::entries::Entry;
use crate::backup::format::{
    Archive, Content, ContentError, ContentFacts, Expected, Fingerprint, Identities, MANIFEST_FILE,
    Manifest, MeteredReader, Verification, check,
};
use crate::backup::store::{Store, StoreError};

/// Reads a backup: size and SHA-256 of each file, and its content to the end (each file of a base
/// backup against PostgreSQL's own manifest, each data block of a dump). An encrypted backup is
/// looked into when `identities` has its key. `seen` is told of bytes as they are read.
///
/// # Errors
/// When the store does not answer (which says nothing about the backup), or none of the keys in
/// `identities` opens it. What is wrong with the backup is in the result.
pub fn verify(
    store: &dyn Store,
    entry: &Entry,
    identities: &Identities,
    seen: &(dyn Fn(u64) + Sync),
) -> Result<Verification, StoreError> {
    let mut problems = Vec::new();
    let mut content = true;
    match &entry.manifest {
        Err(problem) => problems.push(format!("{MANIFEST_FILE}: {problem}")),
        Ok(manifest) => {
            for archive in &manifest.archives {
                match look(store, manifest, archive, identities, seen)? {
                    Look::Whole => {}
                    Look::OnlyBytes => content = false,
                    Look::Broken(problem) => problems.push(format!("{}: {problem}", archive.file)),
                }
            }
        }
    }
    if entry.manifest.is_ok() && !problems.is_empty() {
        still_there(store, &entry.id)?;
    }
    Ok(Verification {
        at: Timestamp::now(),
        id: entry.id.clone(),
        manifest: entry.fingerprint.clone(),
        content,
        problems,
        // What an earlier one found stays known.
        restore_test: entry
            .verification
            .as_ref()
            .and_then(|last| last.restore_test.clone()),
        other_restore_test: entry
            .verification
            .as_ref()
            .and_then(|last| last.other_restore_test.clone()),
    })
}

/// Whether it is still a backup: what is being deleted is not broken.
pub(in crate::backup) fn still_there(store: &dyn Store, id: &str) -> Result<(), StoreError> {
    match store.open(id, MANIFEST_FILE) {
        Err(StoreError::NotFound { .. }) => Err(StoreError::NotFound {
            what: format!("{id}, which was deleted while it was read,"),
        }),
        _ => Ok(()),
    }
}

enum Look {
    Whole,
    /// Encrypted, and no key: the bytes are those that were stored.
    OnlyBytes,
    Broken(String),
}

fn look(
    store: &dyn Store,
    manifest: &Manifest,
    archive: &Archive,
    identities: &Identities,
    seen: &(dyn Fn(u64) + Sync),
) -> Result<Look, StoreError> {
    let file = match store.open(&manifest.id, &archive.file) {
        Ok(file) => file,
        Err(StoreError::NotFound { .. }) => return Ok(Look::Broken("it is missing".to_owned())),
        // What the disk can't read is this file's trouble, as in the middle of it.
        Err(StoreError::Disk { source, .. }) => {
            return Ok(Look::Broken(format!("it can't be read: {source}")));
        }
        Err(error) => return Err(error),
    };
    let silent = Mutex::new(None);
    let mut stored = MeteredReader::new(Told {
        input: file,
        seen,
        silent: &silent,
    });
    let encrypted = !manifest.encrypted_for.is_empty();
    let content = (!encrypted || !identities.is_empty())
        .then(|| look_inside(&mut stored, manifest, archive, identities));
    let found = stored.drain();
    // A store that fell silent says nothing about the backup, whatever the content looked like.
    let silent = silent.into_inner().unwrap_or_else(|it| it.into_inner());
    if let Some(error) = silent {
        return Err(error);
    }
    let found = match found {
        Ok(found) => found,
        Err(error) => return Ok(Look::Broken(format!("it can't be read: {error}"))),
    };
    Ok(match (differs(&archive.stored, &found), content) {
        (Some(problem), _) => Look::Broken(problem),
        (None, Some(Err(ContentError::Read(error))))
            if encrypted && error.kind() == io::ErrorKind::PermissionDenied =>
        {
            return Err(StoreError::WrongKey {
                id: manifest.id.clone(),
                file: archive.file.clone(),
                recipients: manifest.encrypted_for.clone(),
            });
        }
        (None, Some(Err(error))) => Look::Broken(error.to_string()),
        (None, Some(Ok(facts))) if facts.raw_bytes != archive.raw_bytes => Look::Broken(format!(
            "it holds {} bytes instead of {}",
            facts.raw_bytes, archive.raw_bytes
        )),
        (None, Some(Ok(_))) => Look::Whole,
        (None, None) => Look::OnlyBytes,
    })
}

fn look_inside(
    stored: impl io::Read + Send,
    manifest: &Manifest,
    archive: &Archive,
    identities: &Identities,
) -> Result<ContentFacts, ContentError> {
    let expected = expected(manifest, archive);
    if manifest.encrypted_for.is_empty() {
        check(&expected, archive.compression.decoder(stored)?)
    } else {
        let plain = identities.decrypt(stored)?;
        check(&expected, archive.compression.decoder(plain)?)
    }
}

/// What an archive has to be.
pub(super) fn expected(manifest: &Manifest, archive: &Archive) -> Expected {
    match &archive.content {
        Content::Globals => Expected::Globals,
        Content::Database { .. } => Expected::CustomArchive,
        Content::BaseBackup => Expected::BaseBackup {
            system_identifier: manifest.system_identifier.clone(),
        },
    }
}

/// What is wrong with a file of which this was found.
pub(in crate::backup) fn differs(wanted: &Fingerprint, found: &Fingerprint) -> Option<String> {
    if found.bytes != wanted.bytes {
        Some(format!(
            "it has {} bytes instead of {}",
            found.bytes, wanted.bytes
        ))
    } else if found.sha256 != wanted.sha256 {
        Some(format!(
            "its SHA-256 is {} instead of {}: it was changed after it was written",
            found.sha256, wanted.sha256
        ))
    } else {
        None
    }
}

/// Tells somebody how much was read, and keeps what the store said when it fell silent.
struct Told<'a, R> {
    input: R,
    seen: &'a (dyn Fn(u64) + Sync),
    silent: &'a Mutex<Option<StoreError>>,
}

impl<R: io::Read> io::Read for Told<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer).map_err(|error| {
            // What has no words of the store's is the disk's: a file that can't be read.
            error.downcast::<StoreError>().map_or_else(
                |error| error,
                |error| {
                    let text = error.to_string();
                    if let Ok(mut silent) = self.silent.lock() {
                        silent.get_or_insert(error);
                    }
                    io::Error::other(text)
                },
            )
        })?;
        (self.seen)(read as u64);
        Ok(read)
    }
}

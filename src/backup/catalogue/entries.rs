//! The backups in a store, and what is known of each.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use super::retention::RetentionCandidate;
use crate::backup::format::{
    Content, Fingerprint, MANIFEST_FILE, Manifest, RestoreTest, VERIFIED_FILE, Verification,
    could_be_of, read_checksummed, started, write_checksummed,
};
use crate::backup::store::{Store, StoreError, blocking};
use crate::cluster::ClusterId;

/// The most that a manifest may have, in bytes: one archive takes about 1 KiB.
const LONGEST_MANIFEST: u64 = 64 << 20;

/// Manifests that are read at the same time.
const AT_ONCE: usize = 16;

/// A finished backup.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The backup's name in the store.
    pub id: String,
    /// What its manifest says, or why it can't be trusted.
    pub manifest: Result<Manifest, String>,
    /// The manifest as it lies there.
    pub fingerprint: Fingerprint,
    /// What the last verification found, when it was about this very manifest.
    pub verification: Option<Verification>,
    /// Why the record of the last verification can't be read, when there is one. That says nothing
    /// about the backup: the next verification writes a new one.
    pub spoiled_record: Option<String>,
}

impl Entry {
    /// What is wrong with it, as far as is known.
    pub fn problems(&self) -> Vec<String> {
        match (&self.manifest, &self.verification) {
            (Err(problem), _) => vec![format!("{MANIFEST_FILE}: {problem}")],
            (Ok(_), Some(verification)) => verification.problems.clone(),
            (Ok(_), None) => Vec::new(),
        }
    }

    /// When it was last known to be whole: at the last verification, or when it was taken. None
    /// when it is not.
    pub fn verified(&self) -> Option<Timestamp> {
        let manifest = self.manifest.as_ref().ok()?;
        match &self.verification {
            Some(verification) if verification.problems.is_empty() => Some(verification.at),
            Some(_) => None,
            None => Some(manifest.ended),
        }
    }

    /// How its last restore into a throw-away server went, when there was one.
    pub fn restore_test(&self) -> Option<&RestoreTest> {
        self.verification.as_ref()?.restore_test.as_ref()
    }

    /// The last of each kind, the newest first.
    pub fn restore_tests(&self) -> impl Iterator<Item = &RestoreTest> {
        self.verification
            .iter()
            .flat_map(Verification::restore_tests)
    }

    /// What the retention needs to know; none when the manifest can't be read.
    pub fn candidate(&self) -> Option<RetentionCandidate> {
        let manifest = self.manifest.as_ref().ok()?;
        let database = match manifest.archives.as_slice() {
            [only] => match &only.content {
                Content::Database { database, .. } => Some(database.clone()),
                Content::Globals | Content::BaseBackup => None,
            },
            _ => None,
        };
        Some(RetentionCandidate {
            id: self.id.clone(),
            cluster: manifest.source.cluster.clone(),
            system_identifier: manifest.system_identifier.clone(),
            kind: manifest.backup,
            database,
            started: manifest.started,
            verified: self.verified().is_some(),
        })
    }
}

/// What is in a store.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    /// The finished backups, oldest first.
    pub entries: Vec<Entry>,
    /// Names of those that were begun and not finished, or are being written now.
    pub partial: Vec<String>,
}

impl Catalogue {
    /// Reads a store.
    ///
    /// # Errors
    /// When the store can't be read. A backup with a bad manifest is an entry that says so.
    pub async fn read(store: &Arc<dyn Store>) -> Result<Self, StoreError> {
        Self::read_those(store, |_| true).await
    }

    /// Reads of a store what is of one cluster, by the names: that asks less of it.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn read_of(store: &Arc<dyn Store>, cluster: &ClusterId) -> Result<Self, StoreError> {
        Self::read_those(store, |id| could_be_of(id, cluster)).await
    }

    async fn read_those(
        store: &Arc<dyn Store>,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Self, StoreError> {
        let listed = Arc::clone(store);
        let mut listing = blocking(move || listed.list()).await?;
        listing.finished.retain(|id| wanted(id));
        let mut entries: Vec<Entry> = futures::stream::iter(listing.finished)
            .map(|id| {
                let store = Arc::clone(store);
                blocking(move || entry(store.as_ref(), &id))
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        // One whose manifest can't be read is as old as its name says: the newest must not hide.
        let started = |entry: &Entry| match &entry.manifest {
            Ok(manifest) => manifest.started,
            Err(_) => started(&entry.id).unwrap_or_default(),
        };
        entries.sort_by_key(|entry| (started(entry), entry.id.clone()));
        Ok(Self {
            entries,
            partial: listing.partial,
        })
    }
}

/// Reads one backup's manifest and the record of its last verification. A file that is missing or
/// that the disk can't read is a problem of this backup, and hides no other.
///
/// # Errors
/// When the store can't be read.
pub fn entry(store: &dyn Store, id: &str) -> Result<Entry, StoreError> {
    let bytes = match small_file(store, id, MANIFEST_FILE) {
        Ok(bytes) => bytes,
        Err(error @ (StoreError::NotFound { .. } | StoreError::Disk { .. })) => {
            return Ok(Entry {
                id: id.to_owned(),
                manifest: Err(error.to_string()),
                fingerprint: Fingerprint::of(&[]),
                verification: None,
                spoiled_record: None,
            });
        }
        Err(error) => return Err(error),
    };
    let fingerprint = Fingerprint::of(&bytes);
    let manifest = read_checksummed::<Manifest>(&bytes)
        .map_err(|error| error.to_string())
        .and_then(|manifest| acceptable(manifest, id));
    let (verification, spoiled_record) = match small_file(store, id, VERIFIED_FILE) {
        Ok(bytes) => match read_checksummed::<Verification>(&bytes) {
            Ok(record) if record.id == id && record.manifest == fingerprint => (Some(record), None),
            Ok(_) => (None, None),
            Err(error) => (None, Some(format!("{VERIFIED_FILE}: {error}"))),
        },
        Err(StoreError::NotFound { .. }) => (None, None),
        Err(error @ StoreError::Disk { .. }) => (None, Some(error.to_string())),
        Err(error) => return Err(error),
    };
    Ok(Entry {
        id: id.to_owned(),
        manifest,
        fingerprint,
        verification,
        spoiled_record,
    })
}

fn acceptable(manifest: Manifest, id: &str) -> Result<Manifest, String> {
    if manifest.api_version != Manifest::API_VERSION || manifest.kind != Manifest::KIND {
        return Err(format!(
            "it says {} {}, which this pgctl does not know",
            manifest.api_version, manifest.kind
        ));
    }
    if manifest.id != id {
        return Err(format!("it belongs to another backup, {}", manifest.id));
    }
    let mut names = BTreeSet::new();
    for archive in &manifest.archives {
        // Names without a dot are the stores' own marks.
        let name = archive.file.as_str();
        let is_archive = name.contains('.') && ![MANIFEST_FILE, VERIFIED_FILE].contains(&name);
        if !is_archive || !names.insert(name) {
            return Err(format!(
                "it names {name:?} twice, or takes it for an archive"
            ));
        }
    }
    Ok(manifest)
}

/// Records what a verification found.
///
/// # Errors
/// When it can't be written.
pub fn record(store: &dyn Store, verification: &Verification) -> Result<(), StoreError> {
    let text = write_checksummed(verification)
        .map_err(|error| StoreError::Settings(format!("writing {VERIFIED_FILE}: {error}")))?;
    store.put(&verification.id, VERIFIED_FILE, text.as_bytes())
}

/// The bytes of a file of a backup that is never large.
pub(in crate::backup) fn small_file(
    store: &dyn Store,
    id: &str,
    file: &str,
) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    store
        .open(id, file)?
        .take(LONGEST_MANIFEST)
        .read_to_end(&mut bytes)
        .map_err(|error| StoreError::while_reading(&format!("{file} of {id}"), error))?;
    Ok(bytes)
}

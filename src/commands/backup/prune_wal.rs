//! The archived WAL that no base backup that stays needs.

use std::sync::Arc;

use crate::backup::catalogue::{Catalogue, Entry};
use crate::backup::format::{Kind, Manifest};
use crate::backup::store::{Store, blocking};
use crate::cluster::Lsn;
use crate::failure::Failure;
use crate::output::{Pruning, WalPruning};
use crate::wal::WalArchiveFacts;
use crate::wal_archive::{About, ArchiveError, WalArchive, places};

/// Of each archive what may go when these verdicts are carried out, and what could not be deleted stays.
pub(super) async fn expired(
    store: &Arc<dyn Store>,
    catalogue: &Catalogue,
    pruning: &Pruning,
) -> Result<Vec<WalPruning>, Failure> {
    let asked = Arc::clone(store);
    let found = blocking(move || places(&asked)).await?;
    let mut all = Vec::new();
    for place in found {
        let archive = WalArchive::new(store, place.clone());
        let listing = blocking(move || Ok(listed(&archive))).await?;
        let expired = match listing {
            Ok(Some((about, facts))) => match starts(catalogue, pruning, &about) {
                Ok(starts) => match facts.expired(&starts) {
                    Some(expired) => Ok(expired),
                    None => continue,
                },
                Err(why) => Err(why),
            },
            Ok(None) => continue,
            Err(error) => Err(error.to_string()),
        };
        all.push(WalPruning {
            folder: place.folder(),
            expired,
            deleted: 0,
            failed: None,
        });
    }
    Ok(all)
}

fn listed(archive: &WalArchive) -> Result<Option<(About, WalArchiveFacts)>, ArchiveError> {
    Ok(match (archive.about()?, archive.list()?) {
        (Some(about), Some(facts)) => Some((about, facts)),
        _ => None,
    })
}

/// Where the replay of the base backups that stay begins; or why that is not known.
fn starts(catalogue: &Catalogue, pruning: &Pruning, about: &About) -> Result<Vec<Lsn>, String> {
    let goes = |id: &str| {
        let verdict = pruning.verdicts.iter().find(|verdict| verdict.id == id);
        let undeleted = pruning.failed.iter().any(|failed| failed.id == id);
        verdict.is_some_and(|verdict| !verdict.keep()) && !undeleted
    };
    let mut starts = Vec::new();
    for entry in catalogue.entries.iter().filter(|entry| !goes(&entry.id)) {
        match &entry.manifest {
            Ok(manifest) if is_of(manifest, about) => starts.push(manifest.wal.start),
            Ok(_) => {}
            Err(_) if could_be_of(entry, about) => {
                return Err(format!("where {} begins can't be read", entry.id));
            }
            Err(_) => {}
        }
    }
    Ok(starts)
}

fn is_of(manifest: &Manifest, about: &About) -> bool {
    manifest.backup == Kind::Physical
        && manifest.source.cluster == about.cluster
        && manifest.system_identifier == about.system_identifier
}

/// Whether a backup whose manifest can't be read may be a base backup of the cluster.
fn could_be_of(entry: &Entry, about: &About) -> bool {
    let physical = entry.id.split('_').nth(3) == Some(Kind::Physical.name());
    physical && crate::backup::format::could_be_of(&entry.id, &about.cluster)
}

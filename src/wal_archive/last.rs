//! What a store has of a cluster's WAL: one look for all that tell of it.

use std::sync::Arc;
use std::time::Duration;

use super::archive::WalArchive;
use super::bases::base_backups;
use super::error::ArchiveError;
use super::place::{ArchivePlace, places};
use crate::backup::catalogue::Catalogue;
use crate::backup::store::{Store, StoreError, blocking};
use crate::cluster::ClusterId;
use crate::wal::WalProtection;

/// What a store has of a cluster's WAL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastArchive {
    /// The store, as `--store` takes it.
    pub store: String,
    /// What its archive does for the cluster; none when there is no archive. Or why that is not known.
    pub found: Result<Option<WalProtection>, String>,
}

/// Looks for the archive of a cluster, for at most so long. Where the cluster's system identifier is known,
/// archives of one that had its name before do not count; else the one that was written last does.
pub async fn last_archive(
    store: &Arc<dyn Store>,
    cluster: &ClusterId,
    system_identifier: Option<&str>,
    limit: Duration,
) -> LastArchive {
    let looking = look(store, cluster, system_identifier);
    let found = match tokio::time::timeout(limit, looking).await {
        Ok(found) => found.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", limit.as_secs_f64())),
    };
    LastArchive {
        store: store.location(),
        found,
    }
}

async fn look(
    store: &Arc<dyn Store>,
    cluster: &ClusterId,
    system_identifier: Option<&str>,
) -> Result<Option<WalProtection>, StoreError> {
    let asked = Arc::clone(store);
    let found = blocking(move || places(&asked)).await?;
    let mine = |it: &ArchivePlace| {
        it.is_of(cluster) && system_identifier.is_none_or(|known| known == it.system_identifier)
    };
    let found: Vec<ArchivePlace> = found.into_iter().filter(mine).collect();
    if found.is_empty() {
        return Ok(None);
    }
    let catalogue = Catalogue::read_of(store, cluster).await?;
    let mut best: Option<WalProtection> = None;
    for place in found {
        let archive = WalArchive::new(store, place.clone());
        let listed = blocking(move || Ok(archive.list())).await?;
        let protection = match listed {
            Ok(None) => continue,
            Ok(Some(facts)) => {
                let backups = base_backups(&catalogue, cluster, &place.system_identifier);
                facts.protection(&backups)
            }
            Err(ArchiveError::Store(error)) => return Err(error),
            Err(error) => return Err(StoreError::Settings(error.to_string())),
        };
        if best.as_ref().is_none_or(|it| it.as_of < protection.as_of) {
            best = Some(protection);
        }
    }
    Ok(best)
}

//! The base backups of a store from which archived WAL leads on.

use crate::backup::catalogue::Catalogue;
use crate::backup::format::Kind;
use crate::cluster::ClusterId;
use crate::wal::BaseBackup;

/// The base backups of a cluster that are known to be whole, oldest first.
pub fn base_backups(
    catalogue: &Catalogue,
    cluster: &ClusterId,
    system_identifier: &str,
) -> Vec<BaseBackup> {
    catalogue
        .of(cluster, Some(system_identifier))
        .filter(|(entry, manifest)| manifest.backup == Kind::Physical && entry.verified().is_some())
        .map(|(entry, manifest)| BaseBackup {
            id: entry.id.clone(),
            timeline: manifest.wal.timeline,
            start: manifest.wal.start,
            end: manifest.wal.end,
            ended: manifest.ended,
        })
        .collect()
}

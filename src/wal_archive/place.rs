//! Where in a store an archive lies.

use std::sync::Arc;

use crate::backup::format::cluster_words;
use crate::backup::store::{Store, StoreError};
use crate::cluster::ClusterId;

/// The folder of a store with all archives. No backup can have this name.
const TOP: &str = "wal";

/// An archive's folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ArchivePlace {
    /// Namespace and name of the cluster, as names of folders have them: `NAMESPACE_CLUSTER`.
    pub cluster: String,
    /// Of the cluster's data directory, as a decimal: a cluster that was made anew has another archive.
    pub system_identifier: String,
}

impl ArchivePlace {
    /// The place for a cluster's WAL.
    pub fn of(cluster: &ClusterId, system_identifier: &str) -> Self {
        Self {
            cluster: cluster_words(cluster),
            system_identifier: system_identifier.to_owned(),
        }
    }

    /// Whether it is the cluster's, of this or of an earlier data directory.
    pub fn is_of(&self, cluster: &ClusterId) -> bool {
        self.cluster == cluster_words(cluster)
    }

    /// Its path in the store.
    pub fn folder(&self) -> String {
        format!("{TOP}/{}/{}", self.cluster, self.system_identifier)
    }
}

/// The archives in a store, by cluster and system identifier. Blocks.
///
/// # Errors
/// When the store can't be read.
pub fn places(store: &Arc<dyn Store>) -> Result<Vec<ArchivePlace>, StoreError> {
    let objects = store.objects();
    let mut places = Vec::new();
    for cluster in objects.folders(TOP)? {
        let identifiers = objects.folders(&format!("{TOP}/{cluster}"))?;
        places.extend(
            identifiers
                .into_iter()
                .filter(|it| it.bytes().all(|byte| byte.is_ascii_digit()))
                .map(|system_identifier| ArchivePlace {
                    cluster: cluster.clone(),
                    system_identifier,
                }),
        );
    }
    Ok(places)
}

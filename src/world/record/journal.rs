//! The journal in its ConfigMap.

use std::collections::BTreeMap;

use tokio::sync::Mutex;

use crate::cluster::{ClusterId, names};
use crate::engine::{Journal, WorldError};
use crate::kubernetes::{Kube, KubeError, NamespaceScope, StoredMap};
use crate::world::record::config_map::write_map;
use crate::world::record::identity::{RecordOf, object_name};
use crate::world::record::stored::{JournalError, read, written};

/// The journal of a cluster, to look at.
///
/// # Errors
/// When it can't be read or understood.
pub async fn journal_of(
    kube: &Kube,
    cluster: &ClusterId,
    of: RecordOf,
) -> Result<Option<Journal>, JournalError> {
    Ok(seen_journal(kube, cluster, of).await?.0)
}

/// The same, with its `resourceVersion` (none: there is no journal): whether anything was written
/// to it since is told by that, and not by anybody's clock.
///
/// # Errors
/// When it can't be read or understood.
pub async fn seen_journal(
    kube: &Kube,
    cluster: &ClusterId,
    of: RecordOf,
) -> Result<(Option<Journal>, Option<String>), JournalError> {
    let (journal, map) = journal_in(kube, cluster, of).await?;
    Ok((journal, map.map(|map| map.resource_version)))
}

/// The journals of many clusters, as one list has them.
pub struct Journals(BTreeMap<[String; 2], StoredMap>);

impl Journals {
    /// Those of a place.
    ///
    /// # Errors
    /// When ConfigMaps can't be listed.
    pub async fn list(kube: &Kube, place: &NamespaceScope) -> Result<Self, KubeError> {
        let selector = format!("{}=pgctl", names::MANAGED_BY);
        let maps = kube.stored_maps(place, &selector).await?;
        Ok(Self(maps.into_iter().collect()))
    }

    /// A journal of a cluster; none when no operation of these has ever run.
    ///
    /// # Errors
    /// When it can't be understood.
    pub fn of(&self, cluster: &ClusterId, of: RecordOf) -> Result<Option<Journal>, JournalError> {
        let place = [cluster.namespace.clone(), object_name(cluster, of)];
        let journal = self.0.get(&place).map(|map| read(&map.data)).transpose()?;
        Ok(journal.flatten())
    }
}

/// The journal, and the ConfigMap that it is in.
async fn journal_in(
    kube: &Kube,
    cluster: &ClusterId,
    of: RecordOf,
) -> Result<(Option<Journal>, Option<StoredMap>), JournalError> {
    let map = kube
        .stored_map(&cluster.namespace, &object_name(cluster, of))
        .await?;
    let journal = map.as_ref().map(|map| read(&map.data)).transpose()?;
    Ok((journal.flatten(), map))
}

/// The journal of a cluster, as it was last read or written here.
pub struct JournalStore {
    kube: Kube,
    cluster: ClusterId,
    of: RecordOf,
    stored: Mutex<Option<StoredMap>>,
}

impl JournalStore {
    /// Of this cluster.
    pub(in crate::world) fn new(kube: Kube, cluster: ClusterId, of: RecordOf) -> Self {
        Self {
            kube,
            cluster,
            of,
            stored: Mutex::default(),
        }
    }

    /// The journal as it is stored; none when no operation has ever run. From here on only changes
    /// that build upon this one are stored.
    ///
    /// # Errors
    /// When it can't be read or understood.
    pub async fn load(&self) -> Result<Option<Journal>, JournalError> {
        let (journal, map) = journal_in(&self.kube, &self.cluster, self.of).await?;
        *self.stored.lock().await = map;
        Ok(journal)
    }

    /// `resourceVersion` of the journal that was loaded, or stored since.
    pub async fn version(&self) -> Option<String> {
        let stored = self.stored.lock().await;
        stored.as_ref().map(|map| map.resource_version.clone())
    }

    pub(in crate::world) async fn store(&self, journal: &Journal) -> Result<(), WorldError> {
        let name = object_name(&self.cluster, self.of);
        let mut stored = self.stored.lock().await;
        let data = written(journal, stored.as_ref().map(|map| &map.data))?;
        let writing = write_map(&self.kube, &self.cluster, &name, stored.as_ref(), &data);
        match writing.await {
            Ok(map) => {
                *stored = Some(map);
                Ok(())
            }
            // An answer that got lost looks the same as somebody else's change: look whose it is.
            Err(KubeError::Conflict { .. } | KubeError::AlreadyExists { .. }) => {
                let now = self.kube.stored_map(&self.cluster.namespace, &name).await?;
                match now {
                    Some(map) if map.data == data => {
                        *stored = Some(map);
                        Ok(())
                    }
                    // Nobody has: the conflict was about something else, and writes may be away.
                    now if now.as_ref().map(|map| &map.resource_version)
                        == stored.as_ref().map(|map| &map.resource_version) =>
                    {
                        Err(WorldError::transient(
                            "the journal could not be stored: a conflict, though nobody has changed it",
                        ))
                    }
                    _ => Err(WorldError::lost_lock(
                        "somebody else has changed the journal: the operation is not ours any more",
                    )),
                }
            }
            Err(error) => Err(error.into()),
        }
    }
}

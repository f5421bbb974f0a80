//! The number of a StatefulSet's pods, which others may change as well.

use std::collections::BTreeMap;

use tokio::sync::Mutex;

use crate::engine::WorldError;
use crate::world::connections::Connections;

/// `resourceVersion` of each StatefulSet whose number is about to be set, before that was journaled.
#[derive(Default)]
pub(in crate::world) struct Numbers(Mutex<BTreeMap<String, String>>);

impl Numbers {
    /// Remembers in which version a StatefulSet is: its number is set only from there, so that a request
    /// that is late, or repeated, changes nothing when somebody else has set it in between.
    pub(in crate::world) async fn look_at(
        &self,
        cluster: &Connections,
        stateful_set: &str,
    ) -> Result<(), WorldError> {
        let version = cluster
            .kube
            .stateful_set_version(cluster.namespace(), stateful_set)
            .await?;
        let mut seen = self.0.lock().await;
        match version {
            Some(version) => seen.insert(stateful_set.to_owned(), version),
            None => seen.remove(stateful_set),
        };
        Ok(())
    }

    /// Sets the number, from the version that was looked at if one was.
    pub(in crate::world) async fn set(
        &self,
        cluster: &Connections,
        stateful_set: &str,
        replicas: u32,
    ) -> Result<(), WorldError> {
        let version = self.0.lock().await.remove(stateful_set);
        cluster
            .kube
            .scale_from(
                cluster.namespace(),
                stateful_set,
                replicas,
                version.as_deref(),
            )
            .await?;
        Ok(())
    }
}

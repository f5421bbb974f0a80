//! The topology ConfigMap: the fence.

use std::collections::BTreeMap;

use futures::future::join_all;

use super::cluster::Live;
use crate::engine::WorldError;
use crate::kubernetes::{
    Annotations, KubeError, StoredMap, TOPOLOGY_PRIMARY, TOPOLOGY_SYSTEM, TOPOLOGY_TERM, labels,
};

impl Live {
    /// Records the primary under a term, and annotates the pods with it: their kubelets then bring
    /// the change into the running pods at once, instead of within a minute or two.
    pub(super) async fn write_topology(
        &self,
        config_map: &str,
        primary: &str,
        term: u64,
        system: &str,
    ) -> Result<(), WorldError> {
        self.change_topology(config_map, |data| {
            let stored = term_in(data);
            if stored > term {
                return Err(WorldError::permanent(format!(
                    "{config_map} is at term {stored} already: somebody else has changed the primary"
                )));
            }
            let named = data.get(TOPOLOGY_PRIMARY).map_or("", |it| it.trim());
            if stored == term && !named.is_empty() && named != primary {
                return Err(WorldError::permanent(format!(
                    "{config_map} names {named} in term {term} already"
                )));
            }
            data.insert(TOPOLOGY_PRIMARY.to_owned(), primary.to_owned());
            data.insert(TOPOLOGY_TERM.to_owned(), term.to_string());
            if !system.is_empty() {
                data.insert(TOPOLOGY_SYSTEM.to_owned(), system.to_owned());
            }
            Ok(())
        })
        .await?;
        let annotations = Annotations::from([(labels::TERM.to_owned(), Some(term.to_string()))]);
        let annotated = join_all(
            self.pods
                .iter()
                .map(|pod| self.kube.annotate_pod(self.namespace(), pod, &annotations)),
        );
        for result in annotated.await {
            match result {
                // A pod that is gone has no old topology. Who may not annotate pays with a minute or two.
                Ok(()) | Err(KubeError::NotFound { .. } | KubeError::Forbidden { .. }) => {}
                // A container that is restarted takes a topology at the annotated term for fresh
                // (`deploy/base/scripts/start.sh`): a change is not made before all pods know of it.
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Leaves a request for a fresh copy where the start script of the pod looks for it.
    pub(super) async fn request_clone(
        &self,
        config_map: &str,
        pod: &str,
        request: &str,
    ) -> Result<(), WorldError> {
        self.change_topology(config_map, |data| {
            data.insert(clone_key(pod), request.to_owned());
            Ok(())
        })
        .await
    }

    pub(super) async fn change_topology(
        &self,
        config_map: &str,
        change: impl Fn(&mut BTreeMap<String, String>) -> Result<(), WorldError>,
    ) -> Result<(), WorldError> {
        let stored = self.kube.stored_map(self.namespace(), config_map).await?;
        let mut data = stored
            .as_ref()
            .map(|it| it.data.clone())
            .unwrap_or_default();
        change(&mut data)?;
        match stored {
            Some(map) if map.data == data => {}
            Some(map) => {
                self.kube
                    .replace_map(self.namespace(), config_map, &map, &data)
                    .await?;
            }
            None => {
                let labels = BTreeMap::from([(labels::MANAGED_BY.to_owned(), "pgctl".to_owned())]);
                self.kube
                    .create_map(self.namespace(), config_map, &labels, &data)
                    .await?;
            }
        }
        Ok(())
    }

    pub(super) async fn topology_is(
        &self,
        config_map: &str,
        primary: &str,
        term: u64,
    ) -> Result<bool, WorldError> {
        let stored = self.kube.stored_map(self.namespace(), config_map).await?;
        Ok(stored.is_some_and(|StoredMap { data, .. }| {
            term_in(&data) == term
                && data.get(TOPOLOGY_PRIMARY).map(|it| it.trim()) == Some(primary)
        }))
    }

    pub(super) async fn clone_is_requested(
        &self,
        config_map: &str,
        pod: &str,
        request: &str,
    ) -> Result<bool, WorldError> {
        let stored = self.kube.stored_map(self.namespace(), config_map).await?;
        Ok(stored
            .is_some_and(|it| it.data.get(&clone_key(pod)).map(String::as_str) == Some(request)))
    }
}

/// Key under which the start script of a pod looks for a request.
fn clone_key(pod: &str) -> String {
    format!("clone.{pod}")
}

fn term_in(data: &BTreeMap<String, String>) -> u64 {
    data.get(TOPOLOGY_TERM)
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0)
}

//! The settings that the deployment has in its ConfigMaps.

use super::facts::{deployed_configs, mounted_config_maps};
use super::{Found, Kube};
use crate::cluster::DeployedConfig;

impl Kube {
    /// The files of settings in the ConfigMaps that the pods have as volumes; and why one could not be read, when
    /// that is so.
    pub async fn deployed_config(&self, found: &Found) -> (Vec<DeployedConfig>, Vec<String>) {
        let mut files = Vec::new();
        let mut unseen = Vec::new();
        for name in mounted_config_maps(&found.stateful_sets) {
            match self.config_map(found, &name).await {
                Ok(map) => files.extend(map.iter().flat_map(deployed_configs)),
                Err(error) => unseen.push(error.to_string()),
            }
        }
        (files, unseen)
    }
}

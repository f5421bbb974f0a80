//! The files of settings that the deployment has.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt as _;

use crate::cluster::DeployedConfig;

/// Files that have rules, and no settings.
const RULES: [&str; 2] = ["pg_hba.conf", "pg_ident.conf"];

/// Names of the ConfigMaps that the pods of these StatefulSets have as volumes.
pub(crate) fn mounted_config_maps(sets: &[StatefulSet]) -> BTreeSet<String> {
    let specs = sets
        .iter()
        .filter_map(|set| set.spec.as_ref()?.template.spec.as_ref());
    let volumes = specs.flat_map(|spec| spec.volumes.iter().flatten());
    volumes
        .filter_map(|it| Some(it.config_map.as_ref()?.name.clone()))
        .collect()
}

/// The settings in a ConfigMap: of each key that is called `….conf`, the main file first.
pub(crate) fn deployed_configs(map: &ConfigMap) -> Vec<DeployedConfig> {
    let data = map.data.iter().flatten();
    let is_config = |key: &str| key.ends_with(".conf") && !RULES.contains(&key);
    let mut files: Vec<DeployedConfig> = data
        .filter(|(key, _)| is_config(key))
        .map(|(key, text)| DeployedConfig {
            config_map: map.name_any(),
            key: key.clone(),
            text: text.clone(),
        })
        .collect();
    files.sort_by_key(|it| it.key != "postgresql.conf");
    files
}

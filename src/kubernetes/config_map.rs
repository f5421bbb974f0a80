//! ConfigMaps: the topology and the journal.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::PostParams;
use kube::{Api, ResourceExt as _};

use super::change::call_on;
use super::{Kube, KubeError, NamespaceScope, Verb};

/// A ConfigMap as it was read, and with the version that a change must build upon.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredMap {
    /// `data`.
    pub data: BTreeMap<String, String>,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// The whole object, so that a change keeps what it does not know.
    object: ConfigMap,
}

impl From<ConfigMap> for StoredMap {
    fn from(object: ConfigMap) -> Self {
        Self {
            data: object.data.clone().unwrap_or_default(),
            labels: object.metadata.labels.clone().unwrap_or_default(),
            resource_version: object.metadata.resource_version.clone().unwrap_or_default(),
            object,
        }
    }
}

impl Kube {
    /// A ConfigMap; none when it does not exist.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn stored_map(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<StoredMap>, KubeError> {
        let map: Option<ConfigMap> = self.get(namespace, name).await?;
        Ok(map.map(StoredMap::from))
    }

    /// The ConfigMaps of a place that a label selector fits, each with its namespace and name.
    ///
    /// # Errors
    /// When they can't be listed.
    pub async fn stored_maps(
        &self,
        place: &NamespaceScope,
        selector: &str,
    ) -> Result<Vec<([String; 2], StoredMap)>, KubeError> {
        let maps = self.all::<ConfigMap>(place, selector, "", "configmaps");
        let named = maps.await?.into_iter().map(|map| {
            let place = [map.namespace().unwrap_or_default(), map.name_any()];
            (place, StoredMap::from(map))
        });
        Ok(named.collect())
    }

    /// Makes a ConfigMap that does not exist yet.
    ///
    /// # Errors
    /// [`KubeError::AlreadyExists`] when somebody else made it in between.
    pub async fn create_map(
        &self,
        namespace: &str,
        name: &str,
        labels: &BTreeMap<String, String>,
        data: &BTreeMap<String, String>,
    ) -> Result<StoredMap, KubeError> {
        let api: Api<ConfigMap> = Api::namespaced(self.client(), namespace);
        let call = call_on::<ConfigMap>(Verb::Create, namespace, name);
        let object = ConfigMap {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                labels: Some(labels.clone()),
                ..ObjectMeta::default()
            },
            data: Some(data.clone()),
            ..ConfigMap::default()
        };
        let params = PostParams::default();
        let made = self.write(&call, || api.create(&params, &object)).await?;
        Ok(made.into())
    }

    /// Replaces the data of a ConfigMap as it was read; labels and all else stay.
    ///
    /// # Errors
    /// [`KubeError::Conflict`] when somebody else changed it since.
    pub async fn replace_map(
        &self,
        namespace: &str,
        name: &str,
        stored: &StoredMap,
        data: &BTreeMap<String, String>,
    ) -> Result<StoredMap, KubeError> {
        let api: Api<ConfigMap> = Api::namespaced(self.client(), namespace);
        let call = call_on::<ConfigMap>(Verb::Update, namespace, name);
        let mut object = stored.object.clone();
        object.data = Some(data.clone());
        let params = PostParams::default();
        let replaced = self
            .write(&call, || api.replace(name, &params, &object))
            .await?;
        Ok(replaced.into())
    }
}

//! Names of what there is, for who is typing one.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::{Api, Resource as _, ResourceExt as _};

use super::discovery::{EVERYTHING, cluster_of};
use super::{Call, Kube, KubeError, NamespaceScope, Selection, Verb};

impl Kube {
    /// The namespaces.
    ///
    /// # Errors
    /// When they can't be listed.
    pub async fn namespace_names(&self) -> Result<Vec<String>, KubeError> {
        let api: Api<Namespace> = Api::all(self.client());
        let call = Call::new(Verb::List, "", "namespaces");
        let all = self.list(&api, &call, EVERYTHING).await?;
        Ok(all.iter().map(|it| it.name_any()).collect())
    }

    /// The clusters in a place.
    ///
    /// # Errors
    /// When their StatefulSets can't be listed.
    pub async fn cluster_names(
        &self,
        place: &NamespaceScope,
        selection: &Selection,
    ) -> Result<Vec<String>, KubeError> {
        let selector = selection.label_selector();
        let sets = self
            .all::<StatefulSet>(place, &selector, "apps", "statefulsets")
            .await?;
        let names: BTreeSet<String> = sets.iter().map(|it| cluster_of(it.meta()).name).collect();
        Ok(names.into_iter().collect())
    }

    /// The pods of the clusters in a place.
    ///
    /// # Errors
    /// When they can't be listed.
    pub async fn pod_names(
        &self,
        place: &NamespaceScope,
        selection: &Selection,
    ) -> Result<Vec<String>, KubeError> {
        let selector = selection.label_selector();
        let pods = self.all::<Pod>(place, &selector, "", "pods").await?;
        Ok(pods.iter().map(|it| it.name_any()).collect())
    }
}

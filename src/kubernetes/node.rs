//! Nodes.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Node;
use kube::{Api, ResourceExt as _};

use super::facts::node_ready;
use super::{Call, Kube, KubeError, Verb};

impl Kube {
    /// Condition `Ready` of a node; none when it has none, or is gone.
    ///
    /// # Errors
    /// When it may not be read, or the API does not answer.
    pub async fn node_ready(&self, name: &str) -> Result<Option<bool>, KubeError> {
        match self.node(name).await? {
            Some(node) => Ok(node_ready(&node)),
            None => Ok(Some(false)),
        }
    }

    /// A node; none when it is gone.
    pub(super) async fn node(&self, name: &str) -> Result<Option<Node>, KubeError> {
        let api: Api<Node> = Api::all(self.client());
        let call = Call::new(Verb::Get, "", "nodes").named(name);
        match self.read(&call, || api.get(name)).await {
            Ok(node) => Ok(Some(node)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Every node.
    pub(super) async fn nodes(&self) -> Result<Vec<Node>, KubeError> {
        let api: Api<Node> = Api::all(self.client());
        let call = Call::new(Verb::List, "", "nodes");
        self.list(&api, &call, "").await
    }

    /// Condition `Ready` of every node, by name.
    ///
    /// # Errors
    /// When they may not be listed, or the API does not answer.
    pub async fn nodes_ready(&self) -> Result<BTreeMap<String, bool>, KubeError> {
        let nodes = self.nodes().await?;
        Ok(nodes
            .iter()
            .filter_map(|node| Some((node.name_any(), node_ready(node)?)))
            .collect())
    }
}

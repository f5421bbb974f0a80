//! What all parts of the kubelet share.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::watch;

use super::api_access::ApiAccess;
use super::config::KubeletConfig;
use crate::pod_network::PodNetwork;
use crate::runtime::Containers;
use crate::store::Store;

/// What the nodes, their pods and the API's view of them need.
pub(super) struct Context {
    pub(super) config: KubeletConfig,
    pub(super) store: Store,
    pub(super) containers: Arc<Containers>,
    /// How pods reach the API server, once there is one.
    pub(super) api: OnceLock<ApiAccess>,
    /// What becomes of the addresses of pods that are gone.
    pub(super) network: Arc<PodNetwork>,
    /// Which nodes are cut off.
    pub(super) down: watch::Sender<Vec<String>>,
    /// Volumes that are to look full: their folders, and the percentage that is used at least.
    pub(super) fills: Mutex<HashMap<PathBuf, u8>>,
}

impl Context {
    pub(super) fn fills(&self) -> MutexGuard<'_, HashMap<PathBuf, u8>> {
        self.fills.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The percentage of a volume that is to look used.
    pub(super) fn fill_of(&self, folder: &Path) -> u8 {
        self.fills().get(folder).copied().unwrap_or(0)
    }

    pub(super) fn is_up(&self, node: &str) -> bool {
        !self.down.borrow().iter().any(|n| n == node)
    }

    /// Waits until the node can talk to the API.
    pub(super) async fn up(&self, node: &str) {
        let mut down = self.down.subscribe();
        // An error means that the kubelet itself ends.
        drop(
            down.wait_for(|nodes| !nodes.iter().any(|n| n == node))
                .await,
        );
    }

    pub(super) fn node_names(&self) -> Vec<String> {
        (0..self.config.nodes)
            .map(|i| format!("sandbox-node-{i}"))
            .collect()
    }

    pub(super) fn node_ip(&self, node: &str) -> Option<String> {
        let index = self.node_names().iter().position(|n| n == node)?;
        let [a, b] = self.config.network;
        let last = u8::try_from(index).ok()?.saturating_add(2);
        Some(Ipv4Addr::new(a, b, 0, last).to_string())
    }
}

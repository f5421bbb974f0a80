//! What all parts of the kubelet share.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::config::KubeletConfig;
use super::pod::PodState;
use crate::pod_network::PodNetwork;
use crate::runtime::Containers;
use crate::store::Store;

/// Shared by the node, its pods and the API's view of them.
pub(super) struct Context {
    pub(super) config: KubeletConfig,
    pub(super) store: Store,
    pub(super) containers: Arc<Containers>,
    /// The pods that run, by uid.
    pub(super) pods: Mutex<HashMap<String, Arc<PodState>>>,
    /// What becomes of the addresses of pods that are gone.
    pub(super) network: Arc<PodNetwork>,
    /// Which nodes are cut off.
    pub(super) down: watch::Sender<Vec<String>>,
    /// Volumes that are to look full: their folders, and the percentage that is used at least.
    pub(super) fills: Mutex<HashMap<PathBuf, u8>>,
}

impl Context {
    pub(super) fn pods(&self) -> MutexGuard<'_, HashMap<String, Arc<PodState>>> {
        self.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn all_pods(&self) -> Vec<Arc<PodState>> {
        self.pods().values().cloned().collect()
    }

    /// The pod of this name; of two, while one is stuck on a lost node, the one that the API has.
    pub(super) fn pod(&self, namespace: &str, name: &str) -> Option<Arc<PodState>> {
        self.all_pods()
            .into_iter()
            .filter(|p| p.namespace == namespace && p.name == name)
            .min_by_key(|p| p.wish.borrow().gone)
    }

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

    /// An address that no pod has. Those just freed come last, so that nobody meets the successor
    /// of the pod they look for.
    pub(super) fn free_address(&self, last: &mut u16) -> Option<String> {
        let used: Vec<String> = self.pods().values().map(|p| p.ip.clone()).collect();
        let [a, b] = self.config.network;
        let count = 127 * 254;
        for _ in 0..count {
            *last = (*last + 1) % count;
            let (third, fourth) = (*last / 254 + 1, *last % 254 + 1);
            let ip = format!("{a}.{b}.{third}.{fourth}");
            if !used.contains(&ip) {
                return Some(ip);
            }
        }
        None
    }
}

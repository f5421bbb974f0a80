//! What a kubelet is told at its start.

use std::path::PathBuf;
use std::time::Duration;

use crate::runtime::Tools;

/// How the sandbox's nodes behave. [`KubeletConfig::new`] has the figures of a real kubelet.
#[derive(Debug, Clone)]
pub struct KubeletConfig {
    /// The folder for pods' files; it is made when missing.
    pub root: PathBuf,
    /// The first two bytes of pods' and nodes' addresses, see [`crate::net::Slice::network`].
    pub network: [u8; 2],
    /// How many nodes there are.
    pub nodes: u8,
    /// How containers are isolated.
    pub tools: Tools,
    /// How long a change of a ConfigMap or Secret may take to reach a mounted volume of a pod that
    /// does not change itself. A real kubelet takes its sync period and up to half more.
    pub sync_period: Duration,
    /// The first delay before a container that failed is started again; it doubles each time.
    pub backoff: Duration,
    /// The longest such delay. A container that ran for twice as long starts over with none.
    pub max_backoff: Duration,
}

impl KubeletConfig {
    /// Three nodes with the times of a real kubelet.
    pub fn new(root: PathBuf, network: [u8; 2], tools: Tools) -> Self {
        Self {
            root,
            network,
            nodes: 3,
            tools,
            sync_period: Duration::from_secs(60),
            backoff: Duration::from_secs(10),
            max_backoff: Duration::from_secs(300),
        }
    }
}

//! One sandbox in one process: the API server, the controllers and the kubelet over one store.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::api::{Server, ServerConfig};
use crate::controllers::{self, ClusterIps, Controllers};
use crate::faults::Faults;
use crate::home::{Folder, State};
use crate::kubelet::Kubelet;
use crate::manifests::Manifests;
use crate::net::Slice;
use crate::ready;
use crate::store::Store;

/// What a sandbox is to be.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Number of standbys; `None` for the manifests' own.
    pub replicas: Option<u32>,
    /// Namespace for everything; `None` for the manifests' own.
    pub namespace: Option<String>,
    /// A file of manifests; `None` for the deployment's sandbox overlay.
    pub manifests: Option<PathBuf>,
    /// Starts with no objects at all: the API alone, for tests that bring their own.
    pub empty: bool,
}

impl Options {
    /// The objects to start with.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn load(&self) -> Result<Option<Manifests>> {
        if self.empty {
            return Ok(None);
        }
        let mut manifests = match &self.manifests {
            Some(file) => Manifests::read(file)?,
            None => Manifests::built_in()?.with_fresh_passwords(),
        };
        if let Some(namespace) = &self.namespace {
            manifests = manifests.in_namespace(namespace);
        }
        if let Some(replicas) = self.replicas {
            manifests = manifests.with_replicas(replicas);
        }
        Ok(Some(manifests))
    }
}

/// A running sandbox.
pub(crate) struct Cluster {
    store: Store,
    namespace: String,
    server: Server,
    controllers: Controllers,
    kubelet: Arc<Kubelet>,
    faults: Faults,
    // Last: others may have the addresses once everything else is gone.
    _slice: Slice,
}

impl Cluster {
    /// Starts everything in an existing folder, makes the objects, and writes the kubeconfig.
    pub(crate) async fn start(folder: &Folder, options: &Options) -> Result<Self> {
        let manifests = options.load()?;
        let namespace = match (&manifests, &options.namespace) {
            (Some(manifests), _) => manifests.namespace().to_owned(),
            (None, Some(namespace)) => namespace.clone(),
            (None, None) => "default".to_owned(),
        };
        let slice = Slice::claim().context("taking a part of the loopback network")?;
        let store = Store::new();
        let kubelet = start_kubelet(folder, &store, &slice).await?;
        let addresses = ClusterIps::new(slice.network(), slice.services());
        let volumes = folder.path().join("volumes");
        let controllers = controllers::start(&store, addresses, volumes, kubelet.clone());
        let server = Server::start(ServerConfig {
            address: SocketAddr::from((slice.api_server(), 6443)),
            store: store.clone(),
            runtime: Some(kubelet.clone()),
            pod_faults: Some(kubelet.clone()),
        })
        .await
        .context("starting the API server")?;
        let faults = Faults::new(
            store.clone(),
            server.faults().clone(),
            kubelet.clone(),
            namespace.clone(),
        );
        let cluster = Self {
            store,
            namespace,
            server,
            controllers,
            kubelet,
            faults,
            _slice: slice,
        };
        cluster.write_down(folder)?;
        if let Some(manifests) = manifests {
            manifests.apply(&cluster.store)?;
        }
        Ok(cluster)
    }

    fn write_down(&self, folder: &Folder) -> Result<()> {
        use std::io::Write as _;
        use std::os::unix::fs::OpenOptionsExt as _;
        let context = format!("pgctl-sandbox-{}", folder.name());
        let text = self.server.admin_kubeconfig(&context, &self.namespace)?;
        std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(folder.kubeconfig())
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .with_context(|| format!("writing {}", folder.kubeconfig().display()))?;
        folder.write_state(&State {
            pid: std::process::id(),
            server: self.server.url(),
            namespace: self.namespace.clone(),
            started: crate::store::now(),
        })
    }

    /// Waits until every pod is ready and every standby streams.
    pub(crate) async fn wait(&self, timeout: Duration) -> Result<()> {
        ready::wait(&self.store, self.kubelet.as_ref(), &self.namespace, timeout).await
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Ends all pods and everything else. The folder stays.
    pub(crate) async fn stop(self) {
        // First those who would make new pods.
        self.controllers.stop().await;
        stop_kubelet(&self.kubelet).await;
        drop(self.server);
    }
}

async fn start_kubelet(folder: &Folder, store: &Store, slice: &Slice) -> Result<Arc<Kubelet>> {
    let _ = (folder, store, slice);
    Ok(Arc::new(Kubelet))
}

async fn stop_kubelet(kubelet: &Kubelet) {
    let _ = kubelet;
}

//! One sandbox in one process: the API server, the controllers and the kubelet over one store.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::api::{Server, ServerConfig};
use crate::certificates::CertificateAuthority;
use crate::controllers::{self, ClusterIps, Controllers};
use crate::faults::Faults;
use crate::home::{Folder, State};
use crate::kubelet::{Kubelet, KubeletConfig};
use crate::manifests::Manifests;
use crate::net::Slice;
use crate::ready;
use crate::runtime::Isolation;
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
    /// The deployment's poolers, too; not with a file of manifests.
    pub poolers: bool,
    /// Who signs the certificate of the servers, which then take encrypted sessions only (the deployment's component
    /// `tls`); not with a file of manifests.
    pub authority: Option<Arc<CertificateAuthority>>,
    /// The API server alone, over a store with the given manifests or none: no controller and no kubelet
    /// acts on the objects, and they stay as they are.
    pub api_only: bool,
    /// Only the autoscaler's bounds scale, and never what the machine does besides: for tests that
    /// count pods.
    pub only_bounds_scale: bool,
}

impl Options {
    /// The objects to start with.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn load(&self) -> Result<Option<Manifests>> {
        if self.api_only && self.manifests.is_none() {
            return Ok(None);
        }
        let mut manifests = match &self.manifests {
            Some(file) => Manifests::read(file)?,
            None if self.poolers => Manifests::built_in_with_poolers()?.with_fresh_passwords(),
            None => Manifests::built_in()?.with_fresh_passwords(),
        };
        if let Some(namespace) = &self.namespace {
            manifests = manifests.in_namespace(namespace);
        }
        if let Some(authority) = self.authority.as_ref().filter(|_| self.manifests.is_none()) {
            manifests = manifests.with_certificates(authority)?;
        }
        if let Some(replicas) = self.replicas {
            manifests = manifests.with_replicas(replicas);
        }
        if self.only_bounds_scale {
            manifests = manifests.without_scaling_by_load();
        }
        Ok(Some(manifests))
    }
}

/// What acts on the objects.
struct Nodes {
    controllers: Controllers,
    kubelet: Arc<Kubelet>,
}

impl Nodes {
    async fn start(folder: &Folder, store: &Store, slice: &Slice) -> Result<Self> {
        let tools = Isolation::detect()
            .await
            .context("finding a way to run containers")?;
        if let Some(notice) = &tools.notice {
            eprintln!("{notice}");
        }
        let config = KubeletConfig::new(folder.path().join("kubelet"), slice.network(), tools);
        let kubelet = Kubelet::start(store, config).context("starting the kubelet")?;
        let addresses = ClusterIps::new(slice.network(), slice.services());
        let volumes = folder.path().join("volumes");
        let controllers = controllers::start(
            store,
            addresses,
            volumes,
            kubelet.clone(),
            kubelet.network(),
        );
        Ok(Self {
            controllers,
            kubelet,
        })
    }
}

/// A running sandbox.
pub(crate) struct Cluster {
    store: Store,
    namespace: String,
    server: Server,
    nodes: Option<Nodes>,
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
        let mut nodes = match options.api_only {
            true => None,
            false => Some(Nodes::start(folder, &store, &slice).await?),
        };
        let kubelet = nodes.as_ref().map(|nodes| Arc::clone(&nodes.kubelet));
        let server = Server::start(ServerConfig {
            address: SocketAddr::from((slice.api_server(), 6443)),
            store: store.clone(),
            runtime: kubelet.clone().map(|kubelet| kubelet as _),
            pod_faults: kubelet.clone().map(|kubelet| kubelet as _),
        })
        .await
        .context("starting the API server")?;
        if let Some(nodes) = &mut nodes {
            nodes
                .kubelet
                .reach_api(server.address(), server.authenticator());
            nodes.controllers.publish_accounts(&store, server.ca());
        }
        let faults = Faults::new(
            store.clone(),
            server.faults().clone(),
            kubelet.map(|kubelet| kubelet as _),
            namespace.clone(),
        );
        let cluster = Self {
            store,
            namespace,
            server,
            nodes,
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
        match &self.nodes {
            Some(nodes) => {
                ready::wait(
                    &self.store,
                    nodes.kubelet.as_ref(),
                    &self.namespace,
                    timeout,
                )
                .await
            }
            None => Ok(()),
        }
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
        if let Some(nodes) = self.nodes {
            // First those who would make new pods.
            nodes.controllers.stop().await;
            nodes.kubelet.stop();
        }
        drop(self.server);
    }
}

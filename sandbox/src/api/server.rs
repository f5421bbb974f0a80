//! The HTTPS server: certificates, connections, and the handle that tests and the daemon hold.

use anyhow::Context;
use axum::body::Body;
use axum::http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::access::{self, Authenticator, Authority, Credentials, Identity};
use super::dispatch::{App, Peer};
use super::faults::{Faults, PodFaults};
use crate::runtime::PodRuntime;
use crate::store::Store;

/// What an API server needs.
pub struct ServerConfig {
    /// Address to listen on; port 0 takes a free one.
    pub address: SocketAddr,
    /// The objects.
    pub store: Store,
    /// The kubelet, for log, exec, attach and port-forward. None: these answer "node not reachable".
    pub runtime: Option<Arc<dyn PodRuntime>>,
    /// The kubelet's faults, for `/sandbox/v1/faults`.
    pub pod_faults: Option<Arc<dyn PodFaults>>,
}

/// A running API server. Dropping it stops it.
pub struct Server {
    address: SocketAddr,
    authority: Arc<Authority>,
    authenticator: Arc<Authenticator>,
    faults: Faults,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        self.faults.drop_connections();
    }
}

impl Server {
    /// Starts serving. The default roles are stored first.
    ///
    /// # Errors
    /// When the address is taken or certificates can't be made.
    pub async fn start(config: ServerConfig) -> anyhow::Result<Self> {
        access::install_roles(&config.store).context("storing the default roles")?;
        let authority = Arc::new(Authority::generate()?);
        let authenticator = Arc::new(Authenticator::new(
            config.store.clone(),
            Arc::clone(&authority),
        )?);
        let listener = TcpListener::bind(config.address)
            .await
            .with_context(|| format!("listening on {}", config.address))?;
        let address = listener
            .local_addr()
            .context("reading the address of the API server")?;
        let (certificate, key) = authority.server(address.ip())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(authenticator.tls())
            .with_single_cert(vec![certificate, authority.der()], key)
            .context("using the server certificate")?;
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let faults = Faults::default();
        let app = Arc::new(App {
            store: config.store,
            runtime: config.runtime,
            pod_faults: config.pod_faults,
            authenticator: Arc::clone(&authenticator),
            faults: faults.clone(),
        });
        let task = tokio::spawn(accept(listener, TlsAcceptor::from(Arc::new(tls)), app));
        Ok(Self {
            address,
            authority,
            authenticator,
            faults,
            task,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `https://address:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The faults of this server, to add and remove.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Who gives out the tokens of service accounts.
    #[must_use]
    pub fn authenticator(&self) -> Arc<Authenticator> {
        Arc::clone(&self.authenticator)
    }

    /// The certificate authority, PEM.
    #[must_use]
    pub fn ca(&self) -> String {
        self.authority.pem()
    }

    /// TLS for another server on this machine, with a certificate of the same authority: a proxy before this one, say.
    ///
    /// # Errors
    /// When no certificate can be made.
    pub fn tls_of_another(&self) -> anyhow::Result<TlsAcceptor> {
        let (certificate, key) = self.authority.server(self.address.ip())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate, self.authority.der()], key)
            .context("using the certificate")?;
        Ok(TlsAcceptor::from(Arc::new(tls)))
    }

    /// A kubeconfig for the administrator, with a client certificate.
    ///
    /// # Errors
    /// When no certificate can be made.
    pub fn admin_kubeconfig(&self, context: &str, namespace: &str) -> anyhow::Result<String> {
        self.certificate_kubeconfig(context, namespace, &Identity::admin(), false)
    }

    /// A kubeconfig with a client certificate for any user; with `expired` one that ended years ago.
    ///
    /// # Errors
    /// When no certificate can be made.
    pub fn certificate_kubeconfig(
        &self,
        context: &str,
        namespace: &str,
        identity: &Identity,
        expired: bool,
    ) -> anyhow::Result<String> {
        let certificate = Credentials::Certificate(self.authority.client(identity, expired)?);
        Ok(access::kubeconfig(
            context,
            &self.url(),
            &self.ca(),
            namespace,
            &identity.user,
            &certificate,
        ))
    }

    /// A kubeconfig with a bearer token for any user or service account.
    #[must_use]
    pub fn token_kubeconfig(&self, context: &str, namespace: &str, identity: &Identity) -> String {
        let token = Credentials::Token(self.authenticator.issue_token(identity.clone(), None));
        access::kubeconfig(
            context,
            &self.url(),
            &self.ca(),
            namespace,
            &identity.user,
            &token,
        )
    }

    /// A kubeconfig without any credentials.
    #[must_use]
    pub fn anonymous_kubeconfig(&self, context: &str, namespace: &str) -> String {
        access::kubeconfig(
            context,
            &self.url(),
            &self.ca(),
            namespace,
            "anonymous",
            &Credentials::Nothing,
        )
    }
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, app: Arc<App>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            // A failed accept (too many open files) passes; the listener stays.
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(connection(stream, tls.clone(), Arc::clone(&app)));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, tls: TlsAcceptor, app: Arc<App>) {
    let dropped = app.faults.dropped();
    // Small answers must not wait for Nagle. Failing to set it costs only time.
    drop(stream.set_nodelay(true));
    // A client that does not trust our CA, or speaks no TLS: its side says so.
    let Ok(stream) = tls.accept(stream).await else {
        return;
    };
    let certificate = stream
        .get_ref()
        .1
        .peer_certificates()
        .and_then(|c| c.first())
        .cloned()
        .map(|c| c.into_owned());
    let peer = Arc::new(Peer { certificate });
    let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
        let (app, peer) = (Arc::clone(&app), Arc::clone(&peer));
        async move { app.serve(request.map(Body::new), &peer).await }
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    tokio::select! {
        // An error here is the client going away, or a fault that breaks the connection on purpose.
        _ = builder.serve_connection_with_upgrades(TokioIo::new(stream), service) => {}
        () = dropped => {}
    }
}

//! The primary of the cluster, whichever pod that is at the moment.

use std::any::Any;

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;

use super::super::context::Context;
use crate::backup::tools::{LocalSocket, ToolLocation};
use crate::cli::WalVia;
use crate::cluster::words::several_primaries;
use crate::cluster::{Instance, ServicePurpose, names};
use crate::kubernetes::{Credentials, Kube};
use crate::observe::{Observed, login, open};
use crate::output::plain;
use crate::postgres::Encryption;
use crate::wal_archive::{ExpectedServer, Primaries, Primary, WalRoute};

/// Looks at the cluster each time.
pub(super) struct ClusterPrimaries<'a> {
    pub(super) context: &'a Context,
    pub(super) kube: Kube,
    pub(super) via: WalVia,
}

impl Primaries for ClusterPrimaries<'_> {
    fn connect(&self) -> LocalBoxFuture<'_, Result<Primary, String>> {
        self.find().boxed_local()
    }

    fn pod(&self) -> LocalBoxFuture<'_, Option<String>> {
        async {
            let observed = self.context.observe(&self.kube).await.ok()?;
            only_primary(&observed).ok()
        }
        .boxed_local()
    }
}

impl ClusterPrimaries<'_> {
    async fn find(&self) -> Result<Primary, String> {
        let observed = self.context.observe(&self.kube).await;
        let observed = observed.map_err(|failure| plain(&failure.what))?;
        let pod = only_primary(&observed)?;
        let cluster = observed.snapshot.cluster.clone();
        let Some(credentials) = &observed.credentials else {
            return Err("the Secret with the passwords can't be read".to_owned());
        };
        let login = login(credentials, self.context.timeout());
        let session = open(&self.kube, &cluster.namespace, &pod, &login)
            .await
            .map_err(|error| format!("{pod}: {error}"))?;
        let (user, password) = role(credentials);
        let mut proof = None;
        let (host, port, kept) = match self.via {
            WalVia::Service => {
                let (host, port) = write_service(&observed)?;
                if let Encryption::Verified(authority) = session.encryption() {
                    let written = expected(&observed, authority.certificates());
                    proof = Some(written.map_err(|error| format!("no file for ca.crt: {error}"))?);
                }
                (host, port, None)
            }
            WalVia::PortForward => {
                let namespace = cluster.namespace.clone();
                let encryption = session.encryption().clone();
                let kube = self.kube.clone();
                let socket = LocalSocket::open(kube, namespace, pod.clone(), encryption).await;
                let socket = socket.map_err(|error| format!("no local socket: {error}"))?;
                match socket.into_tool_location() {
                    ToolLocation::Here {
                        host,
                        port,
                        forward,
                    } => (host, port, Some(Box::new(forward) as Box<dyn Any + Send>)),
                    ToolLocation::Pod { .. } => return Err("no local socket".to_owned()),
                }
            }
        };
        Ok(Primary {
            cluster,
            pod,
            session,
            route: WalRoute {
                host,
                port,
                user,
                password,
                proof,
                kept,
            },
        })
    }
}

/// The pod that is primary, when exactly one says so.
fn only_primary(observed: &Observed) -> Result<String, String> {
    let primaries: Vec<&str> = observed.snapshot.primaries().map(Instance::name).collect();
    match primaries.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => Err("no pod is a primary that answers".to_owned()),
        several => Err(several_primaries(several)),
    }
}

/// The role that streams: the standbys' own, where its password is known.
fn role(credentials: &Credentials) -> (String, secrecy::SecretString) {
    match &credentials.replication_password {
        Some(password) => (names::REPLICATION_ROLE.to_owned(), password.clone()),
        None => (credentials.user.clone(), credentials.password.clone()),
    }
}

/// What the certificate behind the write Service has to prove, for a program of this machine.
fn expected(observed: &Observed, authority: &[u8]) -> std::io::Result<ExpectedServer> {
    use std::io::Write as _;
    let mut file = tempfile::Builder::new().prefix("pgctl-ca.").tempfile()?;
    file.write_all(authority)?;
    let service = observed.snapshot.service(ServicePurpose::Write);
    let service = service.map(|it| it.name.as_str()).unwrap_or_default();
    let namespace = &observed.snapshot.cluster.namespace;
    Ok(ExpectedServer {
        name: format!("{service}.{namespace}.svc"),
        authority: file.path().to_owned(),
        kept: Box::new(file),
    })
}

/// Where the write Service listens.
fn write_service(observed: &Observed) -> Result<(String, u16), String> {
    let service = observed.snapshot.service(ServicePurpose::Write);
    let address = service.and_then(|it| Some((it.cluster_ip.clone()?, it.port?)));
    address.ok_or_else(|| "the write Service has no address".to_owned())
}

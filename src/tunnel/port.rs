//! A local port.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::connection::serve;
use super::routes::Routes;
use crate::kubernetes::Kube;

/// Why there is no local port.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// Another program has it.
    #[error("port {0} of this machine is in use")]
    InUse(u16),
    /// Only root may have it.
    #[error("port {0} of this machine is for root only")]
    NotAllowed(u16),
    /// This machine does not have the address.
    #[error("this machine has no address {0}")]
    NoSuchAddress(IpAddr),
    /// Anything else.
    #[error("no local port can be opened: {0}")]
    Other(#[from] io::Error),
}

/// A local port that programs can connect to.
pub struct Port {
    listener: TcpListener,
    address: SocketAddr,
}

impl Port {
    /// Opens it; port 0 is any that is free.
    ///
    /// # Errors
    /// [`PortError`].
    pub async fn open(address: IpAddr, port: u16) -> Result<Self, PortError> {
        let listener = TcpListener::bind((address, port)).await;
        let listener = listener.map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => PortError::InUse(port),
            io::ErrorKind::PermissionDenied => PortError::NotAllowed(port),
            io::ErrorKind::AddrNotAvailable => PortError::NoSuchAddress(address),
            _ => PortError::Other(error),
        })?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads whoever connects. Never ends; when it is dropped, so are all connections.
    pub async fn serve(&self, kube: &Kube, namespace: &str, routes: &Routes) {
        let mut clients = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((client, _)) => {
                        let (kube, namespace, routes) = (kube.clone(), namespace.to_owned(), routes.clone());
                        clients.spawn(async move {
                            // A client that goes away is no trouble of ours.
                            serve(client, &kube, &namespace, &routes).await.ok();
                        });
                    }
                    // Too many open files, most often: there will be room again.
                    Err(_) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
                },
                Some(_) = clients.join_next() => {}
            }
        }
    }
}

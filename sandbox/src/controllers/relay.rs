//! One connection through a Service.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

use crate::pod_network::PodNetwork;

/// A side that was reset, and resets the other.
struct Reset;

/// Carries a connection until both sides are done.
///
/// kube-proxy only rewrites addresses, so what the pod's network does is what the client sees. Here the client's
/// connection is made before the pod's: one to a pod whose network is gone is open and never gets an answer, which a
/// PostgreSQL client sees as a connection that hangs; one that the pod refuses is reset.
pub(super) async fn relay(
    mut client: TcpStream,
    backend: Option<SocketAddr>,
    network: Arc<PodNetwork>,
) {
    let server = match backend {
        // Hangs as long as TCP tries.
        Some(address) => TcpStream::connect(address).await.ok(),
        None => None,
    };
    let (Some(mut server), Some(backend)) = (server, backend) else {
        let _ = client.set_zero_linger();
        return;
    };
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let (client_in, client_out) = client.split();
    let (server_in, server_out) = server.split();
    let gone = || match backend.ip() {
        IpAddr::V4(address) => network.is_gone(address),
        IpAddr::V6(_) => false,
    };
    let to_server = up(client_in, server_out, gone);
    let outcome = tokio::try_join!(to_server, down(server_in, client_out));
    if outcome.is_err() {
        let _ = client.set_zero_linger();
        let _ = server.set_zero_linger();
    }
}

/// What the client sends. Nobody resets it for what it sends to a network that is gone.
async fn up(
    mut client: ReadHalf<'_>,
    mut server: WriteHalf<'_>,
    gone: impl Fn() -> bool,
) -> Result<(), Reset> {
    let mut buffer = vec![0; 16 * 1024];
    let mut lost = false;
    loop {
        let read = client.read(&mut buffer).await.map_err(|_| Reset)?;
        if read == 0 {
            let _ = server.shutdown().await;
            return Ok(());
        }
        lost = lost || gone();
        if !lost && server.write_all(&buffer[..read]).await.is_err() {
            lost = gone();
            if !lost {
                return Err(Reset);
            }
        }
    }
}

async fn down(mut server: ReadHalf<'_>, mut client: WriteHalf<'_>) -> Result<(), Reset> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = server.read(&mut buffer).await.map_err(|_| Reset)?;
        if read == 0 {
            let _ = client.shutdown().await;
            return Ok(());
        }
        client.write_all(&buffer[..read]).await.map_err(|_| Reset)?;
    }
}

//! One client.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::first_packet::{Beginning, beginning, first_packet, refuse};
use super::routes::Routes;
use crate::cluster::{RoutedPod, names};
use crate::kubernetes::Kube;

/// How long a client waits for a server that answers, where `--timeout` is as usual.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two attempts.
const AGAIN: Duration = Duration::from_millis(300);
/// How long a server may go on sending to a client that has nothing more to say.
const LAST_WORDS: Duration = Duration::from_secs(5);
const BUFFER: usize = 32 * 1024;

/// Leads a client to a server, and carries what they say until one of them has ended. A client that
/// says nothing is led nowhere, and costs a socket.
pub(super) async fn serve(
    mut client: TcpStream,
    kube: &Kube,
    namespace: &str,
    routes: &Routes,
) -> io::Result<()> {
    client.set_nodelay(true).ok();
    let Some(first) = first_packet(&mut client).await? else {
        return Ok(());
    };
    let patience = kube.patience(PATIENCE);
    if beginning(&first) == Beginning::Cancel {
        // Only the server of that session knows the key; the others take no notice.
        for pod in routes.all() {
            if let Ok(mut forward) = kube.forward(namespace, &pod.name, names::PORT).await {
                forward.stream.write_all(&first).await.ok();
                let mut end = [0; 1];
                let closed = forward.stream.read(&mut end);
                tokio::time::timeout(patience, closed).await.ok();
            }
        }
        return Ok(());
    }
    let (pod, server, answer) = match reach(kube, namespace, routes, &first).await {
        Ok(reached) => reached,
        Err(why) => return refuse(&mut client, &first, &format!("pgctl: {why}")).await,
    };
    client.write_all(&answer).await?;
    tokio::select! {
        carried = carry(client, server) => carried,
        () = routes.left(&pod) => Ok(()),
    }
}

/// A server that has answered the first packet, and its answer.
async fn reach(
    kube: &Kube,
    namespace: &str,
    routes: &Routes,
    first: &[u8],
) -> Result<(RoutedPod, DuplexStream, Vec<u8>), String> {
    let patience = kube.patience(PATIENCE);
    let end = Instant::now() + patience;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let pod = routes.next(left).await?;
        let asking = async {
            let mut forward = kube
                .forward(namespace, &pod.name, names::PORT)
                .await
                .map_err(|error| error.to_string())?;
            let mut answer = vec![0; BUFFER];
            let asked = forward.stream.write_all(first).await;
            let read = match asked {
                Ok(()) => forward.stream.read(&mut answer).await.unwrap_or(0),
                Err(_) => 0,
            };
            if read > 0 {
                answer.truncate(read);
                return Ok((forward.stream, answer));
            }
            drop(forward.stream);
            let reason = forward.reason.await;
            Err(reason.unwrap_or_else(|| "the connection was closed".to_owned()))
        };
        let why = match tokio::time::timeout(left, asking).await {
            Ok(Ok((server, answer))) => return Ok((pod, server, answer)),
            Ok(Err(why)) => why,
            Err(_) => format!("no answer within {} s", patience.as_secs_f64()),
        };
        routes.look_again();
        if Instant::now() + AGAIN >= end {
            return Err(format!("{}: {why}", pod.name));
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Carries bytes both ways. When the server has ended, so has the client: half a connection would hang.
async fn carry(client: TcpStream, server: DuplexStream) -> io::Result<()> {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let up = async {
        tokio::io::copy(&mut from_client, &mut to_server).await.ok();
        to_server.shutdown().await.ok();
        tokio::time::sleep(LAST_WORDS).await;
    };
    let down = async {
        let carried = tokio::io::copy(&mut from_server, &mut to_client).await;
        to_client.shutdown().await.ok();
        carried.map(drop)
    };
    tokio::select! {
        () = up => Ok(()),
        carried = down => carried,
    }
}

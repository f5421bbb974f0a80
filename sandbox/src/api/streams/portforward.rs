//! Port-forward over WebSocket (`v4.channel.k8s.io`): two channels a port, data and error; each begins with a frame
//! that carries the port number (the kubelet's `portforward/websocket.go`).

use axum::body::Body;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::Response;
use futures::StreamExt;
use futures::future::join_all;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

use super::outlet::{CHUNK, Inlet, drain, frame};
use crate::api::ApiError;
use crate::api::call::Call;
use crate::api::faults::StreamFaults;
use crate::runtime::PodRuntime;

pub(super) fn serve(
    runtime: Arc<dyn PodRuntime>,
    call: &Call,
    upgrade: WebSocketUpgrade,
    dropped: impl Future<Output = ()> + Send + 'static,
) -> Result<Response<Body>, ApiError> {
    let texts: Vec<&str> = call
        .query
        .all("ports")
        .iter()
        .flat_map(|p| p.split(','))
        .filter(|p| !p.is_empty())
        .collect();
    if texts.is_empty() {
        return Err(ApiError::bad_request(
            "query parameter \"ports\" is required",
        ));
    }
    let parse = |text: &&str| {
        let port = text.parse::<u16>().ok().filter(|p| *p > 0);
        port.ok_or_else(|| ApiError::bad_request(format!("unable to parse \"{text}\" as a port")))
    };
    let ports = texts.iter().map(parse).collect::<Result<Vec<u16>, _>>()?;
    if ports.len() > 127 {
        return Err(ApiError::bad_request("too many ports"));
    }
    let (namespace, pod, faults) = (
        call.target.namespace.clone(),
        call.target.name.clone(),
        call.faults,
    );
    Ok(upgrade.on_upgrade(move |socket| async move {
        tokio::select! {
            () = session(socket, runtime, namespace, pod, ports, faults) => {}
            () = dropped => {}
        }
    }))
}

async fn session(
    socket: WebSocket,
    runtime: Arc<dyn PodRuntime>,
    namespace: String,
    pod: String,
    ports: Vec<u16>,
    mut faults: StreamFaults,
) {
    let (sink, mut source) = socket.split();
    let (frames, queue) = mpsc::channel(4);
    // The frames that open the channels don't count.
    let opening = 4 * ports.len() as u64;
    faults.cut = faults.cut.map(|cut| cut.saturating_add(opening));
    // The outlet runs from the start: the frames that open the channels must not wait for the pod.
    let outlet = tokio::spawn(drain(sink, queue, faults));
    let mut writers: HashMap<u8, OwnedWriteHalf> = HashMap::new();
    let mut readers = Vec::new();
    for (channel, port) in (0_u8..).step_by(2).zip(ports) {
        for channel in [channel, channel + 1] {
            if frames
                .send(frame(channel, &port.to_le_bytes()))
                .await
                .is_err()
            {
                return;
            }
        }
        match runtime.dial(&namespace, &pod, port).await {
            Ok(stream) => {
                // Small packets of a database conversation must not wait. Failing to set it costs only time.
                drop(stream.set_nodelay(true));
                let (read, write) = stream.into_split();
                writers.insert(channel, write);
                readers.push(pump(channel, read, frames.clone()));
            }
            Err(e) => drop(
                frames
                    .send(frame(channel + 1, e.to_string().as_bytes()))
                    .await,
            ),
        }
    }
    drop(frames);
    let input = async {
        let mut inlet = Inlet::new(faults);
        while let Some(Ok(message)) = source.next().await {
            let Message::Binary(bytes) = message else {
                continue;
            };
            let Some((channel, data)) = bytes.split_first() else {
                continue;
            };
            let through = inlet.take(data).await;
            let failed = match writers.get_mut(channel) {
                Some(writer) => writer.write_all(through).await.is_err(),
                None => false,
            };
            if failed {
                writers.remove(channel);
            }
            if through.len() < data.len() {
                return;
            }
        }
    };
    let stop = outlet.abort_handle();
    let readers = async {
        join_all(readers).await;
        // The last sender is gone: the outlet sends what is left, and its end ends the session.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = outlet => {}
        () = readers => {}
        // The client is gone.
        () = input => stop.abort(),
    }
}

async fn pump(channel: u8, mut stream: OwnedReadHalf, frames: mpsc::Sender<Vec<u8>>) {
    let mut buffer = vec![0; CHUNK];
    while let Ok(length) = stream.read(&mut buffer).await {
        let chunk = buffer.get(..length).unwrap_or_default();
        if length == 0 || frames.send(frame(channel, chunk)).await.is_err() {
            return;
        }
    }
}

//! exec and attach over WebSocket: channels stdin 0, stdout 1, stderr 2, status 3, resize 4, and in v5 the signal
//! 255 that closes one of them (apimachinery's `remotecommand/constants.go`).

use axum::body::Body;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::Response;
use futures::StreamExt;
use futures::stream::SplitStream;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use super::outlet::{CHUNK, Inlet, drain, frame};
use crate::api::ApiError;
use crate::api::call::Call;
use crate::api::faults::StreamFaults;
use crate::runtime::{
    ContainerRef, ExecRequest, ExecStreams, OutputStream, PodRuntime, RuntimeError, TerminalSize,
};

const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;

pub(super) async fn serve(
    runtime: Arc<dyn PodRuntime>,
    target: ContainerRef,
    call: &Call,
    upgrade: WebSocketUpgrade,
    dropped: impl Future<Output = ()> + Send + 'static,
) -> Result<Response<Body>, ApiError> {
    let attach = call.target.subresource == "attach";
    let request = ExecRequest {
        command: call.query.all("command").to_vec(),
        tty: call.query.flag("tty"),
        stdin: call.query.flag("stdin"),
        stdout: call.query.flag("stdout"),
        stderr: call.query.flag("stderr") && !call.query.flag("tty"),
    };
    if !attach && request.command.is_empty() {
        return Err(ApiError::bad_request(
            "you must specify at least one command for the container",
        ));
    }
    if !(request.stdin || request.stdout || request.stderr) {
        return Err(ApiError::bad_request(
            "you must specify at least 1 of stdin, stdout, stderr",
        ));
    }
    let started = if attach {
        runtime.attach(target).await
    } else {
        runtime.exec(target, request).await
    };
    let streams = match started {
        Ok(streams) => Ok(streams),
        // As a real cluster: what the API server knows is an HTTP answer, what only the node knows comes on the stream.
        Err(e) if e.http_status() < 500 => return Err(e.into()),
        Err(e) => Err(ApiError::from(e)),
    };
    let faults = call.faults;
    Ok(upgrade.on_upgrade(move |socket| async move {
        tokio::select! {
            () = session(socket, streams, faults) => {}
            () = dropped => {}
        }
    }))
}

async fn session(socket: WebSocket, streams: Result<ExecStreams, ApiError>, faults: StreamFaults) {
    let (sink, source) = socket.split();
    let (frames, queue) = mpsc::channel(4);
    let streams = match streams {
        Ok(streams) => streams,
        Err(e) => {
            // The queue has room for it, and nobody is left to hear of a failure.
            drop(
                frames
                    .send(frame(STATUS, e.status().to_string().as_bytes()))
                    .await,
            );
            drop(frames);
            drain(sink, queue, StreamFaults::default()).await;
            return;
        }
    };
    let ExecStreams {
        stdin,
        stdout,
        stderr,
        resize,
        exit,
    } = streams;
    let output = async move {
        tokio::join!(
            pump(STDOUT, stdout, &frames, faults.truncate),
            pump(STDERR, stderr, &frames, None)
        );
        let status = exit_status(exit.await);
        drop(
            frames
                .send(frame(STATUS, status.to_string().as_bytes()))
                .await,
        );
        // Only now the last sender goes and the outlet closes the connection in good order.
        drop(frames);
    };
    let output = async {
        output.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        // Everything was sent, or a fault cut the connection.
        _ = drain(sink, queue, faults) => {}
        () = output => {}
        () = input(source, stdin, resize, faults) => {}
    }
}

/// One output of the process. With `truncate` the rest is swallowed: the stream looks complete and is not.
async fn pump(
    channel: u8,
    stream: Option<OutputStream>,
    frames: &mpsc::Sender<Vec<u8>>,
    truncate: Option<u64>,
) {
    let Some(mut stream) = stream else { return };
    let mut buffer = vec![0; CHUNK];
    let mut left = truncate.unwrap_or(u64::MAX);
    // An error at reading is the end of the stream: the exit status tells what happened.
    while let Ok(length) = stream.read(&mut buffer).await {
        let sent = length.min(usize::try_from(left).unwrap_or(usize::MAX));
        left -= sent as u64;
        let chunk = buffer.get(..sent).unwrap_or_default();
        if length == 0 || (sent > 0 && frames.send(frame(channel, chunk)).await.is_err()) {
            return;
        }
    }
}

/// What the client sends. Returns when the connection is gone or a fault cuts it, never because stdin ended.
async fn input(
    mut source: SplitStream<WebSocket>,
    mut stdin: Option<crate::runtime::InputStream>,
    resize: Option<mpsc::Sender<TerminalSize>>,
    faults: StreamFaults,
) {
    let mut inlet = Inlet::new(faults);
    while let Some(Ok(message)) = source.next().await {
        let Message::Binary(bytes) = message else {
            continue;
        };
        match bytes.split_first() {
            Some((0, data)) => {
                let through = inlet.take(data).await;
                let failed = match &mut stdin {
                    Some(stdin) => {
                        stdin.write_all(through).await.is_err() || stdin.flush().await.is_err()
                    }
                    None => false,
                };
                if failed {
                    // The process reads no more: as with a closed pipe, the rest is dropped.
                    stdin = None;
                }
                if through.len() < data.len() {
                    return;
                }
            }
            Some((255, [0])) => {
                if let Some(mut stdin) = stdin.take() {
                    drop(stdin.shutdown().await);
                }
            }
            Some((4, data)) => {
                if let (Some(resize), Some(size)) = (&resize, terminal_size(data)) {
                    // A process that is gone needs no size.
                    let _gone = resize.send(size).await.is_err();
                }
            }
            _ => {}
        }
    }
}

fn terminal_size(data: &[u8]) -> Option<TerminalSize> {
    let size: Value = serde_json::from_slice(data).ok()?;
    let field = |name: &str| {
        size.get(name)
            .and_then(Value::as_u64)
            .and_then(|n| u16::try_from(n).ok())
    };
    Some(TerminalSize {
        width: field("Width")?,
        height: field("Height")?,
    })
}

/// The Status on channel 3: the exit code is a cause.
fn exit_status(exit: Result<i32, RuntimeError>) -> Value {
    match exit {
        Ok(0) => json!({"metadata": {}, "status": "Success"}),
        Ok(code) => json!({
            "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
            "message": format!("command terminated with non-zero exit code: exit status {code}"),
            "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
        }),
        Err(e) => ApiError::from(e).status(),
    }
}

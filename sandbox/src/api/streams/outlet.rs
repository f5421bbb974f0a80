//! The way out of a stream: frames in the order they come, and the fault that cuts it.

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures::SinkExt;
use futures::stream::SplitSink;
use tokio::sync::mpsc;

/// Most bytes of payload in one frame.
pub(super) const CHUNK: usize = 32 * 1024;

/// Sends what arrives until all senders are gone or the cut is reached. True: everything was sent and the
/// connection shall be closed in good order; false: it is broken.
pub(super) async fn drain(
    mut sink: SplitSink<WebSocket, Message>,
    mut frames: mpsc::Receiver<Vec<u8>>,
    cut: Option<u64>,
) -> bool {
    let mut left = cut;
    while let Some(mut frame) = frames.recv().await {
        let payload = frame.len().saturating_sub(1) as u64;
        if let Some(left) = &mut left {
            if payload > *left {
                // What still fits goes out, so that the client sees a stream that breaks in its middle.
                frame.truncate(
                    usize::try_from(*left)
                        .unwrap_or(usize::MAX)
                        .saturating_add(1),
                );
                drop(sink.send(Message::Binary(frame.into())).await);
                return false;
            }
            *left -= payload;
        }
        if sink.send(Message::Binary(frame.into())).await.is_err() {
            return false;
        }
    }
    // Without this code kubectl takes the end for a failure.
    let end = CloseFrame {
        code: close_code::NORMAL,
        reason: "".into(),
    };
    sink.send(Message::Close(Some(end))).await.is_ok()
}

/// One frame: channel number, then payload.
pub(super) fn frame(channel: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(payload.len() + 1);
    frame.push(channel);
    frame.extend_from_slice(payload);
    frame
}

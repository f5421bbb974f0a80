//! The way out of a stream: frames in the order they come, and the fault that cuts it.

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures::SinkExt;
use futures::stream::SplitSink;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant};

use crate::api::faults::StreamFaults;

/// Most bytes of payload in one frame.
pub(super) const CHUNK: usize = 32 * 1024;

/// Sends what arrives until all senders are gone or the cut is reached. True: everything was sent and the
/// connection shall be closed in good order; false: it is broken.
pub(super) async fn drain(
    mut sink: SplitSink<WebSocket, Message>,
    mut frames: mpsc::Receiver<Vec<u8>>,
    faults: StreamFaults,
) -> bool {
    let mut left = faults.cut;
    let mut pace = Pace::new(faults.pace);
    while let Some(mut frame) = frames.recv().await {
        pace.spend(frame.len()).await;
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

/// One way of a slow connection.
struct Pace {
    per_second: Option<u64>,
    /// When everything so far has passed.
    passed: Instant,
}

impl Pace {
    /// What a slow connection takes in at once, as time.
    const BURST: Duration = Duration::from_millis(20);

    fn new(per_second: Option<u64>) -> Self {
        Self {
            per_second,
            passed: Instant::now(),
        }
    }

    /// Waits until so many bytes have passed.
    async fn spend(&mut self, bytes: usize) {
        let Some(per_second) = self.per_second else {
            return;
        };
        let now = Instant::now();
        let takes = Duration::from_secs_f64(bytes as f64 / per_second.max(1) as f64);
        self.passed = self.passed.max(now) + takes;
        if self.passed > now + Self::BURST {
            tokio::time::sleep_until(self.passed).await;
        }
    }
}

/// The way into a stream: how fast it is, and the fault that cuts it.
pub(super) struct Inlet {
    left: u64,
    pace: Pace,
}

impl Inlet {
    pub(super) fn new(faults: StreamFaults) -> Self {
        Self {
            left: faults.cut_upload.unwrap_or(u64::MAX),
            pace: Pace::new(faults.pace),
        }
    }

    /// What comes through of these bytes, when it has; less than all when the stream breaks here.
    pub(super) async fn take<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        self.pace.spend(bytes.len()).await;
        let through = bytes
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= through as u64;
        bytes.get(..through).unwrap_or_default()
    }
}

/// One frame: channel number, then payload.
pub(super) fn frame(channel: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(payload.len() + 1);
    frame.push(channel);
    frame.extend_from_slice(payload);
    frame
}

//! The most bytes a second that are taken from the wire.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Holds back whoever takes too much.
pub(super) struct Throttle {
    bytes_per_second: u64,
    begun: Instant,
    taken: u64,
}

impl Throttle {
    pub(super) fn new(bytes_per_second: u64) -> Self {
        Self {
            bytes_per_second: bytes_per_second.max(1),
            begun: Instant::now(),
            taken: 0,
        }
    }

    pub(super) async fn wait(&mut self, bytes: u64) {
        self.taken += bytes;
        let due = Duration::from_secs_f64(self.taken as f64 / self.bytes_per_second as f64);
        sleep_until(self.begun + due).await;
    }
}

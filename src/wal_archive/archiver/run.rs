//! Archiving, until somebody wants it to stop: find the primary, follow it, find the next.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::error::ArchiverError;
use super::primary::Primaries;
use super::streaming::{Ended, Streaming};
use super::telling::Telling;
use super::work::{ArchiverOptions, Work};
use crate::backup::StopSignal;
use crate::cluster::names;
use crate::events::{WalEvent, WalWait};

/// How long is waited before the next try to stream, at first and at most.
const AGAIN: Duration = Duration::from_millis(500);
const AGAIN_AT_MOST: Duration = Duration::from_secs(10);

/// How long the store has for what was received last, when somebody wants to stop.
const LAST: Duration = Duration::from_secs(20);

/// Archives the WAL of a cluster.
pub struct Archiver<'a>(Work<'a>);

impl<'a> Archiver<'a> {
    /// Archives what `primaries` finds, and tells what happens.
    pub fn new(
        options: ArchiverOptions,
        primaries: &'a dyn Primaries,
        tell: Arc<dyn Fn(WalEvent) + Send + Sync>,
    ) -> Self {
        Self(Work {
            options,
            primaries,
            telling: Telling::new(tell),
        })
    }

    /// Archives until `stop` becomes true. What may pass is waited for.
    ///
    /// # Errors
    /// [`ArchiverError`]: what a person has to mend.
    pub async fn run(&self, mut stop: StopSignal) -> Result<(), ArchiverError> {
        self.0.telling.tell(WalEvent::Started {
            store: self.0.options.store.location(),
            spool: self.0.options.spool.path().display().to_string(),
            slot: names::WAL_SLOT.to_owned(),
        });
        let mut streaming = Streaming::new(&self.0);
        let mut again = AGAIN;
        loop {
            match streaming.follow(&mut stop).await? {
                Ended::Stopped => break,
                Ended::AfterStreaming => again = AGAIN,
                Ended::BeforeStreaming => again = AGAIN_AT_MOST.min(again * 2),
            }
            tokio::select! {
                () = sleep(again) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        let mut spool_bytes = 0;
        if let Some(uploading) = streaming.uploading.take() {
            let uploader = Arc::clone(&uploading.uploader);
            drop(uploading);
            let last = timeout(LAST, uploader.pass(true)).await;
            spool_bytes = uploader.folder.bytes(uploader.size).unwrap_or_default();
            if let Ok(Err(error)) = &last {
                self.0.telling.waiting(WalWait::Store, error.to_string());
            }
            if !matches!(last, Ok(Ok(()))) {
                // The segment that was being received, at least.
                spool_bytes = spool_bytes.max(uploader.size.bytes());
            }
        }
        self.0.telling.tell(WalEvent::Stopped { spool_bytes });
        Ok(())
    }
}

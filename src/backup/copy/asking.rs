//! Calls of stores, one of which may hang for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::error::CopyError;
use crate::backup::store::StoreError;
use crate::events::RunEvent;

/// How long nothing may come of a copy.
#[derive(Debug, Clone, Copy)]
pub struct Silence {
    /// After so long it is said.
    pub said_after: Duration,
    /// After so long the copy is given up: longer than a bucket that is restarted is waited for, and than the parts of
    /// an upload that are in memory take on a slow line.
    pub given_up_after: Duration,
}

impl Default for Silence {
    fn default() -> Self {
        Self {
            said_after: Duration::from_secs(30),
            given_up_after: Duration::from_secs(900),
        }
    }
}

/// Asks stores on threads that may block, and waits for none of them for ever.
pub(super) struct Asking<'a> {
    pub(super) silence: Silence,
    /// Bytes that were copied: as long as they become more, nobody is silent.
    pub(super) seen: Arc<AtomicU64>,
    pub(super) tell: &'a (dyn Fn(RunEvent) + Sync),
}

impl Asking<'_> {
    /// Runs something that blocks.
    ///
    /// # Errors
    /// [`CopyError::Silent`]; then its thread may still hang. And its own.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, CopyError> + Send + 'static,
    ) -> Result<T, CopyError> {
        tokio::select! {
            ended = tokio::task::spawn_blocking(work) => match ended {
                Ok(result) => result,
                Err(error) => Err(CopyError::To(StoreError::Settings(format!(
                    "a thread of pgctl ended: {error}"
                )))),
            },
            silent = self.silent() => Err(silent),
        }
    }

    /// Resolves when nothing was copied for too long.
    async fn silent(&self) -> CopyError {
        let Silence {
            said_after,
            given_up_after,
        } = self.silence;
        let look = said_after.min(Duration::from_secs(1));
        let (mut seen, mut since, mut is_said) = (None, Instant::now(), false);
        loop {
            let now = Some(self.seen.load(Ordering::Relaxed));
            if now != seen {
                (seen, since) = (now, Instant::now());
            }
            if since.elapsed() >= given_up_after {
                return CopyError::Silent(given_up_after);
            }
            if since.elapsed() >= said_after && !is_said {
                is_said = true;
                (self.tell)(RunEvent::warning(format!(
                    "for {} s nothing has come: a store does not answer; it is given up after {} s",
                    said_after.as_secs(),
                    given_up_after.as_secs()
                )));
            }
            sleep(look).await;
        }
    }
}

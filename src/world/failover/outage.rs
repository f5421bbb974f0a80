//! How long writes were away, measured by pgctl's own writes: commits on the old primary until it
//! refuses them, then on the new one until it takes one. Both ends are seen by one clock, that of
//! this process, and include the way through the API server.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::plan::OutageParts;
use crate::postgres::Session;

/// Between two heartbeats: the resolution of the measurement.
const PAUSE: Duration = Duration::from_millis(5);

/// The measurement.
#[derive(Default)]
pub(in crate::world) struct Outage {
    last: Arc<Mutex<Option<Instant>>>,
    stopped: Mutex<Option<Instant>>,
    caught_up: Mutex<Option<Instant>>,
    beating: Mutex<Option<JoinHandle<()>>>,
}

impl Outage {
    /// Begins to write to the old primary.
    pub(in crate::world) fn begin(&self, session: Session) {
        let last = Arc::clone(&self.last);
        let task = tokio::spawn(async move {
            while session.heartbeat().await.is_ok() {
                if let Ok(mut at) = last.lock() {
                    *at = Some(Instant::now());
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
        if let Ok(mut beating) = self.beating.lock()
            && let Some(before) = beating.replace(task)
        {
            before.abort();
        }
    }

    /// Seconds since the last acknowledged write on the old primary; none when there was none.
    pub(in crate::world) fn since_last(&self) -> Option<f64> {
        let at = self.last.lock().ok().and_then(|at| *at)?;
        Some(at.elapsed().as_secs_f64())
    }

    /// The old primary is proven stopped.
    pub(in crate::world) fn stopped(&self) {
        mark(&self.stopped);
    }

    /// The new primary has everything.
    pub(in crate::world) fn caught_up(&self) {
        mark(&self.caught_up);
    }

    /// Where the time went, when every moment of it was seen: a promotion was sent and carried out at
    /// these times, and a first write is committed now.
    pub(in crate::world) fn parts(&self, sent: Instant, promoted: Instant) -> Option<OutageParts> {
        let read = |at: &Mutex<Option<Instant>>| at.lock().ok().and_then(|at| *at);
        let (last, stopped) = (read(&self.last)?, read(&self.stopped)?);
        let caught_up = read(&self.caught_up)?;
        let between = |from: Instant, to: Instant| to.duration_since(from).as_secs_f64();
        Some(OutageParts {
            stop_seconds: between(last, stopped),
            catch_up_seconds: between(stopped, caught_up),
            prepare_seconds: between(caught_up, sent),
            promote_seconds: between(sent, promoted),
            first_write_seconds: promoted.elapsed().as_secs_f64(),
        })
    }

    /// Ends it.
    pub(in crate::world) fn end(&self) {
        if let Ok(mut beating) = self.beating.lock()
            && let Some(task) = beating.take()
        {
            task.abort();
        }
    }
}

/// The first time counts: what is proven once may be looked at again.
fn mark(at: &Mutex<Option<Instant>>) {
    if let Ok(mut at) = at.lock() {
        at.get_or_insert_with(Instant::now);
    }
}

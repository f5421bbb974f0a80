//! Trying again what did not work.

use std::time::{Duration, Instant};

use super::{ErrorKind, Executor, World, WorldError};
use crate::events::RunEvent;
use crate::plan::{OperationFinding, Step};

/// Pause before something that did not work is tried again.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest such pause.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl<W: World> Executor<'_, W> {
    /// The action that can't be taken back. When it did not work and is tried again, its beginning
    /// is journaled again first, after its connections were made: whoever has taken over in between
    /// makes that fail, and the old attempt can't reach anything any more.
    pub(super) async fn act_beyond(
        &mut self,
        step: &Step,
        mut deadline: Instant,
    ) -> Result<Vec<OperationFinding>, WorldError> {
        let plan = self.journal.plan.clone();
        let mut pause = FIRST_PAUSE;
        loop {
            self.hold_lock().await?;
            let known = self.known();
            let left = deadline.saturating_duration_since(Instant::now());
            let error = match self.world.act(&plan, &step.action, &known, left).await {
                Err(error) if self.is_away(&error) => {
                    self.hold_lock().await?;
                    deadline = full_time(step, deadline);
                    error
                }
                Err(error) if error.kind == ErrorKind::Transient && left > pause => error,
                other => return other,
            };
            self.say(&RunEvent::StepRetrying {
                step: step.name,
                reason: error.reason,
            });
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            match self.world.prepare(&plan, step).await {
                Err(error) if error.kind == ErrorKind::LostLock => return Err(error),
                // Without a connection the next attempt fails as well, and comes back here.
                _ => {}
            }
            self.note(&RunEvent::StepActing { step: step.name })
                .map_err(|_| WorldError::permanent("the journal is out of step"))?;
            self.store().await?;
        }
    }

    /// Tries until it works, the time is up, or it can't work. What changes something (`acts`) is only
    /// tried again when the journal could be stored once more: whoever has taken over in between makes
    /// that fail. Time in which the API was away, and nothing could be done or seen, does not count.
    pub(super) async fn persistently<T>(
        &mut self,
        step: &Step,
        mut deadline: Instant,
        acts: bool,
        attempt: impl AsyncFn(&W, Duration) -> Result<T, WorldError>,
    ) -> Result<T, WorldError> {
        let mut pause = FIRST_PAUSE;
        loop {
            self.hold_lock().await?;
            let left = deadline.saturating_duration_since(Instant::now());
            let reason = match attempt(self.world, left).await {
                Err(error) if self.is_away(&error) => {
                    self.hold_lock().await?;
                    deadline = full_time(step, deadline);
                    error.reason
                }
                Err(error) if error.kind == ErrorKind::Transient && left > pause => error.reason,
                other => return other,
            };
            self.say(&RunEvent::StepRetrying {
                step: step.name,
                reason,
            });
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            if acts {
                let plan = self.journal.plan.clone();
                match self.world.prepare(&plan, step).await {
                    Err(error) if error.kind == ErrorKind::LostLock => return Err(error),
                    // Without what it prepares the next attempt fails as well, and comes back here.
                    _ => {}
                }
                self.unstored = true;
                self.store().await?;
            }
        }
    }
}

/// A step has its whole time again after the API was away.
fn full_time(step: &Step, deadline: Instant) -> Instant {
    deadline.max(Instant::now() + Duration::from_secs(step.timeout_seconds.into()))
}

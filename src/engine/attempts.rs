//! Trying again what did not work.

use std::time::{Duration, Instant};

use super::{ErrorKind, Executor, World, WorldError};
use crate::events::RunEvent;
use crate::plan::Step;

/// Pause before something that did not work is tried again.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest such pause.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl<W: World> Executor<'_, W> {
    /// Tries until it works, the time is up, or it can't work. What changes something (`acts`) is only
    /// tried again when the journal could be stored once more, after its connections were made: whoever
    /// has taken over in between makes that fail, and the old attempt can't reach anything any more. Of
    /// what can't be taken back each attempt is journaled. Time in which the API was away, and nothing
    /// could be done or seen, does not count.
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
                if step.is_point_of_no_return() {
                    self.note(&RunEvent::StepActing { step: step.name })
                        .map_err(|_| WorldError::permanent("the journal is out of step"))?;
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

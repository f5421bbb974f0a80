//! Forward through a plan.

use std::time::{Duration, Instant};

use super::failpoint::{Moment, hit_failpoint};
use super::{Ending, ErrorKind, Journal, World, WorldError};
use crate::confirmation::{Confirmed, NotConfirmed};
use crate::events::{Reporter, RunEvent};
use crate::plan::{OnFailure, OperationOutcome, OperationProgress, Step};

/// How long what a step needs may take to show: it has been proven before.
const REQUIREMENT_LIMIT: Duration = Duration::from_secs(10);

/// Runs one plan.
pub struct Executor<'a, W> {
    pub(super) world: &'a W,
    pub(super) journal: Journal,
    pub(super) reporter: &'a dyn Reporter,
    /// Entries were added that are not stored.
    pub(super) unstored: bool,
}

impl<'a, W: World> Executor<'a, W> {
    /// An executor for the operation of this journal, whose plan somebody has agreed to: to run it, to go
    /// on with it, or to put it back.
    ///
    /// # Errors
    /// When it is another plan that somebody has agreed to.
    pub fn new(
        world: &'a W,
        journal: Journal,
        confirmed: &Confirmed,
        reporter: &'a dyn Reporter,
    ) -> Result<Self, NotConfirmed> {
        confirmed.covers(&journal.plan)?;
        Ok(Self {
            world,
            journal,
            reporter,
            unstored: false,
        })
    }

    /// The journal as it is by now.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Runs the plan from its beginning.
    pub async fn run(&mut self, by: &str) -> Ending {
        if let Err(ending) = self.enter(&RunEvent::Started { by: by.to_owned() }).await {
            return ending;
        }
        let plan = self.journal.plan.clone();
        let words = format!("{} begun by {by}", plan.operation);
        self.world.tell(&plan, "OperationStarted", &words).await;
        self.forward(0).await
    }

    /// Does every step from `start` on.
    pub(super) async fn forward(&mut self, start: usize) -> Ending {
        let plan = self.journal.plan.clone();
        for (index, step) in plan.steps.iter().enumerate().skip(start) {
            if step.pauses && !self.journal.has_paused(step.name) {
                let paused = self.enter(&RunEvent::Paused { step: step.name }).await;
                return paused.err().unwrap_or(Ending::Paused { before: step.name });
            }
            let begun = Instant::now();
            self.say(&RunEvent::StepBegan {
                number: index + 1,
                of: plan.steps.len(),
                step: step.name,
                title: step.to_string(),
            });
            let event = match self.step(step).await {
                Ok(()) => RunEvent::StepCompleted {
                    step: step.name,
                    seconds: begun.elapsed().as_secs_f64(),
                },
                Err(error) if error.kind == ErrorKind::LostLock => {
                    return Ending::incomplete(Some(step.name), error.reason);
                }
                Err(error) if error.kind == ErrorKind::Replaced && self.forward_only() => {
                    return self.replaced(error.reason).await;
                }
                Err(error) if step.on_failure == OnFailure::Report => {
                    // It may have failed before its beginning was noted.
                    if !matches!(self.journal.progress(), Ok(OperationProgress::Within(_)))
                        && self
                            .keep(&RunEvent::StepActing { step: step.name })
                            .is_err()
                    {
                        return Ending::incomplete(Some(step.name), error.reason);
                    }
                    RunEvent::StepReported {
                        step: step.name,
                        reason: error.reason,
                    }
                }
                Err(error) => return self.failed(step, error.reason).await,
            };
            if let Err(ending) = self.note(&event) {
                return ending;
            }
        }
        let outcome = OperationOutcome::Done;
        if let Err(ending) = self.enter(&RunEvent::Ended { outcome }).await {
            return ending;
        }
        let words = format!("{} done", plan.operation);
        self.world.tell(&plan, "OperationDone", &words).await;
        Ending::Done
    }

    /// One step: what it needs, its beginning in the journal, its action, its proof.
    async fn step(&mut self, step: &Step) -> Result<(), WorldError> {
        let plan = self.journal.plan.clone();
        let known = self.known();
        let deadline = Instant::now() + Duration::from_secs(step.timeout_seconds.into());
        for needed in &step.requires {
            let found = loop {
                self.hold_lock().await?;
                let waiting = self.world.wait(&plan, needed, &known, REQUIREMENT_LIMIT);
                match waiting.await {
                    // Nothing could be seen while the API was away.
                    Err(error) if self.is_away(&error) => {}
                    other => break other,
                }
            };
            let found = found.map_err(|error| WorldError {
                reason: format!("it does not hold that {needed}: {}", error.reason),
                ..error
            })?;
            self.learn(found);
        }
        self.world.prepare(&plan, step).await?;
        self.note(&RunEvent::StepActing { step: step.name })
            .map_err(|_| WorldError::permanent("the journal is out of step"))?;
        self.store().await?;
        hit_failpoint(self.world, step.name, Moment::Before)?;
        let known = self.known();
        let found = self.persistently(step, deadline, true, async |world: &W, left| {
            world.act(&plan, &step.action, &known, left).await
        });
        let found = found.await?;
        self.learn(found);
        hit_failpoint(self.world, step.name, Moment::Middle)?;
        let known = self.known();
        let found = self.persistently(step, deadline, false, async |world: &W, left| {
            world.wait(&plan, &step.proves, &known, left).await
        });
        let found = found.await?;
        self.learn(found);
        hit_failpoint(self.world, step.name, Moment::After)
    }

    /// A step has failed: back, while there is a way back that costs nothing.
    async fn failed(&mut self, step: &Step, reason: String) -> Ending {
        let noted = self.note(&RunEvent::StepFailed {
            step: step.name,
            reason: reason.clone(),
        });
        if noted.is_err() {
            return Ending::incomplete(Some(step.name), reason);
        }
        if self.forward_only() || step.on_failure == OnFailure::Stay {
            let stored = self.store().await;
            let reason = match stored {
                Ok(()) => reason,
                Err(error) => format!("{reason}; and the journal: {}", error.reason),
            };
            return Ending::incomplete(Some(step.name), reason);
        }
        self.undo(format!("{}: {reason}", step.name)).await
    }

    fn forward_only(&self) -> bool {
        match self.journal.progress() {
            Ok(progress) => progress.past_point_of_no_return(&self.journal.plan),
            Err(_) => true,
        }
    }

    /// Ends without a change: whatever this operation still wanted, another has decided since.
    async fn replaced(&mut self, reason: String) -> Ending {
        let outcome = OperationOutcome::Replaced;
        if let Err(ending) = self.enter(&RunEvent::Ended { outcome }).await {
            return ending;
        }
        Ending::Replaced { reason }
    }
}

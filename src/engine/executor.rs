//! Forward through a plan.

use std::time::{Duration, Instant};

use super::failpoint::{Moment, strike};
use super::{ErrorKind, Journal, Known, World, WorldError};
use crate::confirmation::{Confirmed, NotConfirmed};
use crate::events::{Reporter, RunEvent};
use crate::plan::{
    Condition, OnFailure, OperationEvent, OperationFinding, OperationOutcome, OperationProgress,
    Step, StepName,
};

/// Pause before something that did not work is tried again.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long what a step needs may take to show: it has been proven before.
const REQUIREMENT_LIMIT: Duration = Duration::from_secs(10);
/// How long the journal is tried to be stored.
const STORE_LIMIT: Duration = Duration::from_secs(30);

/// How running a plan ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// Everything was done; steps that may fail without stopping it are in the report.
    Done,
    /// It failed, or was aborted, and everything is as it was.
    RolledBack {
        /// The failure that led to it, or that somebody asked for it.
        reason: String,
        /// What could not be put back.
        left: Vec<String>,
    },
    /// Another change of the primary has taken its place; nothing is left to do.
    Replaced {
        /// By what.
        reason: String,
    },
    /// It stopped in between: `--resume` goes on with it.
    Incomplete {
        /// The step it stopped at; none before the first.
        step: Option<StepName>,
        /// The failure, with the object that it is about.
        reason: String,
    },
}

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
        if let Err(ending) = self
            .enter(OperationEvent::Started { by: by.to_owned() })
            .await
        {
            return ending;
        }
        let plan = self.journal.plan.clone();
        let words = format!("{} begun by {by}", plan.operation);
        self.world.tell(&plan, "OperationStarted", &words).await;
        self.forward(0).await
    }

    /// Goes on where the journal ends.
    pub async fn resume(&mut self, by: &str) -> Ending {
        self.take_over(OperationEvent::Resumed { by: by.to_owned() }, false)
            .await
    }

    /// Puts everything back, if that can still be.
    pub async fn abort(&mut self, by: &str) -> Ending {
        self.take_over(OperationEvent::AbortAsked { by: by.to_owned() }, true)
            .await
    }

    async fn take_over(&mut self, event: OperationEvent, back: bool) -> Ending {
        let progress = match self.journal.progress() {
            Ok(progress) => progress,
            Err(error) => return incomplete(None, error.to_string()),
        };
        if let OperationProgress::Ended(outcome) = progress {
            return match outcome {
                OperationOutcome::Done => Ending::Done,
                OperationOutcome::RolledBack => Ending::RolledBack {
                    reason: "it was rolled back before".to_owned(),
                    left: Vec::new(),
                },
                OperationOutcome::Replaced => Ending::Replaced {
                    reason: "another has taken its place".to_owned(),
                },
            };
        }
        let forward_only = progress.past_point_of_no_return(&self.journal.plan);
        if back && forward_only {
            return incomplete(
                None,
                "it is past the point of no return, and can only go forward".to_owned(),
            );
        }
        // Storing this entry is what stops whoever was at it: his next entry is a conflict.
        if let Err(ending) = self.enter(event).await {
            return ending;
        }
        match progress {
            OperationProgress::Undoing(_) | OperationProgress::UndoWithin(_) => {
                self.undo("it was being rolled back when it was interrupted".to_owned())
                    .await
            }
            _ if back => self.undo("it was aborted".to_owned()).await,
            OperationProgress::Planned | OperationProgress::Ended(_) => self.forward(0).await,
            OperationProgress::Between(index) => self.forward(index).await,
            OperationProgress::Within(index) => {
                if self.happened(index).await {
                    self.forward(index + 1).await
                } else {
                    self.forward(index).await
                }
            }
        }
    }

    /// Whether the step that may have happened has; decided by looking.
    async fn happened(&mut self, index: usize) -> bool {
        let plan = self.journal.plan.clone();
        let step = &plan.steps[index];
        // What only its own answer proves is done again, which changes nothing.
        if step.proves == Condition::Answered || step.action.goes_beyond_its_proof() {
            return false;
        }
        let known = self.known();
        if !matches!(
            self.world.holds(&plan, &step.proves, &known).await,
            Ok(true)
        ) {
            return false;
        }
        // What the proof teaches (the shutdown record) is needed later on.
        let limit = Duration::from_secs(5);
        let Ok(findings) = self.world.wait(&plan, &step.proves, &known, limit).await else {
            return false;
        };
        self.learn(findings);
        self.say(&RunEvent::StepFoundDone { step: step.name });
        self.note(OperationEvent::Completed {
            step: step.name,
            seconds: 0.0,
        })
        .is_ok()
    }

    /// Does every step from `start` on.
    async fn forward(&mut self, start: usize) -> Ending {
        let plan = self.journal.plan.clone();
        for (index, step) in plan.steps.iter().enumerate().skip(start) {
            let begun = Instant::now();
            self.say(&RunEvent::StepBegan {
                number: index + 1,
                of: plan.steps.len(),
                step: step.name,
                title: step.to_string(),
            });
            let event = match self.step(step).await {
                Ok(()) => {
                    let seconds = begun.elapsed().as_secs_f64();
                    self.say(&RunEvent::StepCompleted {
                        step: step.name,
                        seconds,
                    });
                    OperationEvent::Completed {
                        step: step.name,
                        seconds,
                    }
                }
                Err(error) if error.kind == ErrorKind::LostLock => {
                    return incomplete(Some(step.name), error.reason);
                }
                Err(error) if error.kind == ErrorKind::Replaced && self.forward_only() => {
                    return self.replaced(error.reason).await;
                }
                Err(error) if step.on_failure == OnFailure::Report => {
                    self.say(&RunEvent::StepReported {
                        step: step.name,
                        reason: error.reason.clone(),
                    });
                    // It may have failed before its beginning was noted.
                    if !matches!(self.journal.progress(), Ok(OperationProgress::Within(_)))
                        && self
                            .note(OperationEvent::Began { step: step.name })
                            .is_err()
                    {
                        return incomplete(Some(step.name), error.reason);
                    }
                    OperationEvent::Reported {
                        step: step.name,
                        reason: error.reason,
                    }
                }
                Err(error) => return self.failed(step, error.reason).await,
            };
            if let Err(ending) = self.note(event) {
                return ending;
            }
        }
        let outcome = OperationOutcome::Done;
        if let Err(ending) = self.enter(OperationEvent::Ended { outcome }).await {
            return ending;
        }
        self.say(&RunEvent::Ended { outcome });
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
        self.note(OperationEvent::Began { step: step.name })
            .map_err(|_| WorldError::permanent("the journal is out of step"))?;
        self.store().await?;
        strike(self.world, step.name, Moment::Before)?;
        let found = if step.is_point_of_no_return() {
            self.act_beyond(step, deadline).await?
        } else {
            let known = self.known();
            let acting = self.persistently(step, deadline, true, async |world: &W, left| {
                world.act(&plan, &step.action, &known, left).await
            });
            acting.await?
        };
        self.learn(found);
        strike(self.world, step.name, Moment::Middle)?;
        let known = self.known();
        let found = self.persistently(step, deadline, false, async |world: &W, left| {
            world.wait(&plan, &step.proves, &known, left).await
        });
        let found = found.await?;
        self.learn(found);
        strike(self.world, step.name, Moment::After)
    }

    /// The action that can't be taken back. When it did not work and is tried again, its beginning
    /// is journaled again first, after its connections were made: whoever has taken over in between
    /// makes that fail, and the old attempt can't reach anything any more.
    async fn act_beyond(
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
            self.note(OperationEvent::Began { step: step.name })
                .map_err(|_| WorldError::permanent("the journal is out of step"))?;
            self.store().await?;
        }
    }

    /// Tries until it works, the time is up, or it can't work. What changes something (`acts`) is only
    /// tried again when the journal could be stored once more: whoever has taken over in between makes
    /// that fail. Time in which the API was away, and nothing could be done or seen, does not count.
    async fn persistently<T>(
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

    /// A step has failed: back, while there is a way back that costs nothing.
    async fn failed(&mut self, step: &Step, reason: String) -> Ending {
        self.say(&RunEvent::StepFailed {
            step: step.name,
            reason: reason.clone(),
        });
        let noted = self.note(OperationEvent::Failed {
            step: step.name,
            reason: reason.clone(),
        });
        if noted.is_err() {
            return incomplete(Some(step.name), reason);
        }
        if self.forward_only() || step.on_failure == OnFailure::Stay {
            let stored = self.store().await;
            let reason = match stored {
                Ok(()) => reason,
                Err(error) => format!("{reason}; and the journal: {}", error.reason),
            };
            return incomplete(Some(step.name), reason);
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
        if let Err(ending) = self.enter(OperationEvent::Ended { outcome }).await {
            return ending;
        }
        self.say(&RunEvent::Ended { outcome });
        Ending::Replaced { reason }
    }

    pub(super) fn known(&self) -> Known {
        Known::of(&self.journal.plan, &self.journal.entries)
    }

    pub(super) fn say(&self, notice: &RunEvent) {
        self.reporter.report(&self.journal.plan, notice);
    }

    pub(super) fn learn(&mut self, findings: Vec<OperationFinding>) {
        for finding in findings {
            let event = OperationEvent::Found(finding.clone());
            let told = self
                .journal
                .entries
                .iter()
                .any(|entry| entry.event == event);
            if !told && self.note(event).is_ok() {
                self.say(&RunEvent::Found { finding });
            }
        }
    }

    /// Whether something did not work while the lock could not be renewed: the API was away.
    pub(super) fn is_away(&self, error: &WorldError) -> bool {
        error.kind != ErrorKind::LostLock && !self.world.is_ours()
    }

    /// Goes on only while the lock is ours. That it has expired, because the API was away, is not that
    /// somebody else has it: it is renewed, and the journal stored once more, before anything is done.
    pub(super) async fn hold_lock(&mut self) -> Result<(), WorldError> {
        if self.world.is_ours() {
            return Ok(());
        }
        self.world.regain().await?;
        self.unstored = true;
        self.store().await
    }

    /// Adds an entry; it is stored with the next one that has to be.
    pub(super) fn note(&mut self, event: OperationEvent) -> Result<(), Ending> {
        self.unstored = true;
        self.journal
            .add(event)
            .map_err(|error| incomplete(None, error.to_string()))
    }

    /// Adds an entry and stores the journal.
    pub(super) async fn enter(&mut self, event: OperationEvent) -> Result<(), Ending> {
        self.note(event)?;
        self.store()
            .await
            .map_err(|error| incomplete(None, error.reason))
    }

    pub(super) async fn store(&mut self) -> Result<(), WorldError> {
        let mut deadline = Instant::now() + STORE_LIMIT;
        let mut pause = FIRST_PAUSE;
        while self.unstored {
            if !self.world.is_ours() {
                self.world.regain().await?;
                deadline = Instant::now() + STORE_LIMIT;
            }
            match self.world.store(&self.journal).await {
                Ok(()) => self.unstored = false,
                // Looked at anew when the lock is ours again.
                Err(error) if self.is_away(&error) => {}
                Err(error) if error.kind == ErrorKind::Transient && Instant::now() < deadline => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// A step has its whole time again after the API was away.
fn full_time(step: &Step, deadline: Instant) -> Instant {
    deadline.max(Instant::now() + Duration::from_secs(step.timeout_seconds.into()))
}

pub(super) fn incomplete(step: Option<StepName>, reason: String) -> Ending {
    Ending::Incomplete { step, reason }
}

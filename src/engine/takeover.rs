//! Taking an operation over that was interrupted: on to its end, or back.

use std::time::Duration;

use super::{Ending, Executor, World};
use crate::events::RunEvent;
use crate::plan::{Condition, OperationOutcome, OperationProgress};

impl<W: World> Executor<'_, W> {
    /// Goes on where the journal ends.
    pub async fn resume(&mut self, by: &str) -> Ending {
        self.take_over(RunEvent::Resumed { by: by.to_owned() }, false)
            .await
    }

    /// Puts everything back, if that can still be.
    pub async fn abort(&mut self, by: &str) -> Ending {
        self.take_over(RunEvent::AbortAsked { by: by.to_owned() }, true)
            .await
    }

    async fn take_over(&mut self, event: RunEvent, back: bool) -> Ending {
        let progress = match self.journal.progress() {
            Ok(progress) => progress,
            Err(error) => return Ending::incomplete(None, error.to_string()),
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
            return Ending::incomplete(
                None,
                "it is past the point of no return, and can only go forward",
            );
        }
        // Storing this entry is what stops whoever was at it: his next entry is a conflict.
        if let Err(ending) = self.enter(&event).await {
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
        self.note(&RunEvent::StepFoundDone { step: step.name })
            .is_ok()
    }
}

//! Back, before the point of no return.

use std::time::{Duration, Instant};

use super::{Ending, ErrorKind, Executor, World, WorldError};
use crate::events::RunEvent;
use crate::plan::{
    Action, Condition, OperationFinding, OperationOutcome, OperationProgress, Step, Undo,
};

impl<W: World> Executor<'_, W> {
    /// Puts back every step that may have happened, the last one first.
    pub(super) async fn undo(&mut self, reason: String) -> Ending {
        let plan = self.journal.plan.clone();
        let end = match self.journal.progress() {
            Ok(OperationProgress::Between(end) | OperationProgress::Undoing(end)) => end,
            Ok(OperationProgress::Within(index) | OperationProgress::UndoWithin(index)) => {
                index + 1
            }
            Ok(OperationProgress::Planned) => 0,
            Ok(OperationProgress::Ended(_)) => {
                let left = Vec::new();
                return Ending::RolledBack { reason, left };
            }
            Err(error) => return Ending::incomplete(None, error.to_string()),
        };
        let mut left = Vec::new();
        for step in plan.steps[..end].iter().rev() {
            let Undo::Actions {
                actions,
                proves,
                timeout_seconds,
            } = &step.undo
            else {
                continue;
            };
            if let Err(ending) = self.note(&RunEvent::StepUndoing { step: step.name }) {
                return ending;
            }
            if let Err(error) = self.store().await {
                return Ending::incomplete(None, error.reason);
            }
            let limit = Duration::from_secs((*timeout_seconds).into());
            match self.put_back(step, actions, proves, limit).await {
                Ok(findings) => self.learn(findings),
                Err(error) => {
                    // What is on a pod that is away for long must not keep a primary from coming back; and
                    // what another has decided since is not ours to take back.
                    let passes = error.kind == ErrorKind::Replaced
                        || (error.kind != ErrorKind::LostLock
                            && actions.iter().all(Action::only_tidies));
                    if passes {
                        let each: Vec<String> = actions.iter().map(ToString::to_string).collect();
                        let words = format!("{} ({})", each.join(", "), error.reason);
                        let event = RunEvent::StepLeft {
                            step: step.name,
                            reason: words.clone(),
                        };
                        if let Err(ending) = self.note(&event) {
                            return ending;
                        }
                        left.push(words);
                        continue;
                    }
                    let words = format!("{reason}; putting back {}: {}", step.name, error.reason);
                    return Ending::incomplete(Some(step.name), words);
                }
            }
            if let Err(ending) = self.note(&RunEvent::StepUndone { step: step.name }) {
                return ending;
            }
        }
        let outcome = OperationOutcome::RolledBack;
        if let Err(ending) = self.enter(&RunEvent::Ended { outcome }).await {
            return ending;
        }
        let words = format!("{} rolled back: {reason}", plan.operation);
        self.world.tell(&plan, "OperationRolledBack", &words).await;
        Ending::RolledBack { reason, left }
    }

    async fn put_back(
        &mut self,
        step: &Step,
        actions: &[Action],
        proves: &Condition,
        limit: Duration,
    ) -> Result<Vec<OperationFinding>, WorldError> {
        let plan = self.journal.plan.clone();
        let known = self.known();
        let deadline = Instant::now() + limit;
        let mut found = Vec::new();
        for action in actions {
            let acting = self.insist(step, deadline, async |world: &W, left| {
                world.act(&plan, action, &known, left).await
            });
            found.extend(acting.await?);
        }
        self.insist(step, deadline, async |world: &W, left| {
            world.wait(&plan, proves, &known, left).await.map(drop)
        })
        .await?;
        Ok(found)
    }

    /// As long as there is time: what is being put back may still be on its way.
    async fn insist<T>(
        &mut self,
        step: &Step,
        mut deadline: Instant,
        attempt: impl AsyncFn(&W, Duration) -> Result<T, WorldError>,
    ) -> Result<T, WorldError> {
        let pause = Duration::from_millis(200);
        let limit = deadline.saturating_duration_since(Instant::now());
        loop {
            self.hold_lock().await?;
            let left = deadline.saturating_duration_since(Instant::now());
            match attempt(self.world, left).await {
                // Nothing could be done or seen while the API was away: that time does not count.
                Err(error) if self.is_away(&error) => {
                    self.hold_lock().await?;
                    deadline = deadline.max(Instant::now() + limit);
                }
                Err(error) if error.kind == ErrorKind::Transient && left > pause => {
                    self.say(&RunEvent::StepRetrying {
                        step: step.name,
                        reason: error.reason,
                    });
                    tokio::time::sleep(pause).await;
                }
                other => return other,
            }
        }
    }
}

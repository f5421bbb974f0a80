//! Clients of poolers wait while the primary moves, and notice nothing else.

use super::failover_steps::Steps;
use crate::plan::language::{Action, Condition, Hold, Step, StepName};

/// How long the way of a pooler to the new primary may take to be seen, in seconds. It leads there since before the old
/// one was stopped.
const WAY_SECONDS: u32 = 10;

/// What the engine is given beside the transactions' own time, in seconds: to reach the poolers, and to let go of them.
const REACH_SECONDS: u32 = 10;

impl Steps<'_> {
    /// The last thing before the old primary is stopped, so that nobody waits for anything else.
    pub(super) fn hold_clients(&self) -> Option<Step> {
        let poolers = self.poolers()?;
        let limit_seconds = self.situation.request.hold_seconds;
        let release = self.release_action(&poolers, None);
        let hold = Action::HoldClients {
            poolers,
            primary: self.situation.old.clone(),
            limit_seconds,
        };
        let mut step = Step::new(StepName::HoldClients, hold, Condition::Answered)
            .timeout(limit_seconds.saturating_add(REACH_SECONDS))
            .undo(vec![release], Condition::Answered, REACH_SECONDS);
        // Before anybody waits: a change of the Service takes its time.
        step.requires.extend(self.clients_moved());
        Some(match self.situation.request.hold {
            Hold::Require => step,
            Hold::Try | Hold::Off => step.reported(),
        })
    }

    pub(super) fn release_clients(&self) -> Option<Step> {
        let release = self.release_action(&self.poolers()?, Some(self.to.clone()));
        Some(
            Step::new(StepName::ReleaseClients, release, Condition::Answered)
                .timeout(WAY_SECONDS)
                .reported(),
        )
    }

    fn release_action(&self, poolers: &[String], primary: Option<String>) -> Action {
        Action::ReleaseClients {
            poolers: poolers.to_vec(),
            primary,
        }
    }

    fn poolers(&self) -> Option<Vec<String>> {
        let names: Vec<String> = self
            .situation
            .held_poolers()
            .map(|it| it.name.clone())
            .collect();
        (!names.is_empty() && self.stop().is_some()).then_some(names)
    }
}

//! Clients of poolers wait while the primary moves, and notice nothing else.

use std::collections::BTreeMap;

use super::failover_steps::Steps;
use crate::cluster::PoolerPod;
use crate::plan::language::{Action, Condition, Hold, Mode, Step, StepName};

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
            paused: names(self.situation.paused_poolers()),
            paused_databases: self.paused_databases(),
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

    /// Those of every pooler that has such.
    fn paused_databases(&self) -> BTreeMap<String, Vec<String>> {
        let poolers = self.situation.write_poolers();
        let some = poolers.filter(|it| !it.paused_databases.is_empty());
        some.map(|it| (it.name.clone(), it.paused_databases.clone()))
            .collect()
    }

    fn release_action(&self, poolers: &[String], primary: Option<String>) -> Action {
        Action::ReleaseClients {
            poolers: poolers.to_vec(),
            primary,
        }
    }

    /// Those that are held; there may be none by now, where somebody has paused all of them and may resume one until then.
    fn poolers(&self) -> Option<Vec<String>> {
        let situation = self.situation;
        let holds = situation.mode == Mode::Switchover && situation.request.hold != Hold::Off;
        let names = names(situation.held_poolers());
        let anybody = !names.is_empty() || situation.paused_poolers().next().is_some();
        (holds && anybody && self.stop().is_some()).then_some(names)
    }
}

fn names<'a>(pods: impl Iterator<Item = &'a PoolerPod>) -> Vec<String> {
    pods.map(|it| it.name.clone()).collect()
}

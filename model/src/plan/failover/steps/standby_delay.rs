//! Queries on the candidate do not hold up what it has to replay.

use super::failover_steps::Steps;
use crate::plan::language::{Action, Condition, Step, StepName};

/// How long the server may take to go by it: it only has to read its files again.
const RELOAD_SECONDS: u32 = 10;

impl Steps<'_> {
    /// A standby lets a query that replay conflicts with go on for `max_standby_streaming_delay`, longer
    /// than writes may be away (PostgreSQL documentation, section 27.4.2 "Handling Query Conflicts"): one
    /// report would fail the switchover. From here on such a query is cancelled at once.
    pub(super) fn drop_standby_delay(&self) -> Option<Step> {
        let (before, value) = self.standby_delay()?;
        let none = self.set_standby_delay(Some("0".to_owned()), 0);
        let back = self.set_standby_delay(value, before);
        Some(
            Step::new(StepName::DropStandbyDelay, none.0, none.1)
                .undo(vec![back.0], back.1, RELOAD_SECONDS)
                .timeout(RELOAD_SECONDS)
                // Most often nothing is in the way: no reason to leave a failing primary where it is.
                .reported(),
        )
    }

    /// The delay of before, for the day on which it is a standby again.
    pub(super) fn restore_standby_delay(&self) -> Option<Step> {
        let (before, value) = self.standby_delay()?;
        let (action, proves) = self.set_standby_delay(value, before);
        Some(
            Step::new(StepName::RestoreStandbyDelay, action, proves)
                .timeout(RELOAD_SECONDS)
                .reported(),
        )
    }

    /// What the candidate goes by, in milliseconds, and what stands in `postgresql.auto.conf`. None when
    /// there is no delay, or when it is not known what would have to be put back.
    fn standby_delay(&self) -> Option<(i64, Option<String>)> {
        let facts = self.target.facts()?;
        let before = facts.settings.standby_delay_ms.filter(|it| *it != 0)?;
        Some((before, facts.files.as_ref()?.standby_delay.clone()))
    }

    fn set_standby_delay(&self, value: Option<String>, milliseconds: i64) -> (Action, Condition) {
        let pod = self.to.clone();
        (
            Action::SetStandbyDelay {
                pod: pod.clone(),
                value,
            },
            Condition::StandbyDelay { pod, milliseconds },
        )
    }
}

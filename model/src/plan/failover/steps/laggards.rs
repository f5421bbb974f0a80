//! Standbys that do not keep up do not hold up the shutdown of the old primary.

use super::failover_steps::Steps;
use crate::cluster::{Instance, slot_name};
use crate::plan::language::{Action, Condition, Follower, Mode, Step, StepName};

/// How long finding and disconnecting them may take, in seconds: one that does not answer is waited
/// for, a moment.
const DETACH_SECONDS: u32 = 15;

impl Steps<'_> {
    /// A shutdown waits until every standby that is connected has confirmed all WAL (PostgreSQL
    /// documentation, section 19.5 "Shutting Down the Server"; `WalSndDone` in
    /// src/backend/replication/walsender.c): one that hangs holds it up until `wal_sender_timeout`, one
    /// that is far behind for as long as it takes, and writes are away meanwhile. The candidate has been
    /// looked at already. Who is disconnected follows the new primary, or, taken back, the old one.
    ///
    /// After the fence: before it, a start script would lead its standby back to the primary that the
    /// topology names.
    pub(super) fn detach_laggards(&self) -> Option<Step> {
        let old = self
            .old_to_stop()
            .filter(|_| self.situation.mode == Mode::Switchover)?;
        let streams = |it: &Instance| {
            let senders = old.facts().map(|facts| facts.senders.as_slice());
            let mut names = senders.unwrap_or_default().iter();
            names.any(|sender| sender.application_name == it.name())
        };
        let followers: Vec<Follower> = self
            .situation
            .others(self.target)
            .filter(|it| streams(it))
            .map(|it| Follower {
                pod: it.name().to_owned(),
                slot: slot_name(it.name()),
            })
            .collect();
        if followers.is_empty() {
            return None;
        }
        let pod = old.name().to_owned();
        let service = self.old_set()?.service.clone();
        let back = Action::Repoint {
            upstream: pod.clone(),
            service,
            followers: followers.clone(),
        };
        let standbys = followers.iter().map(|it| it.pod.clone()).collect();
        Some(
            Step::new(
                StepName::DetachLaggards,
                Action::DetachLaggards {
                    pod: pod.clone(),
                    followers,
                },
                Condition::NobodyLags { pod, standbys },
            )
            // Whoever can't be told now is found by its start script.
            .undo(vec![back], Condition::Answered, 30)
            .timeout(DETACH_SECONDS)
            // Most often nobody lags: no reason to leave a failing primary where it is.
            .reported(),
        )
    }
}

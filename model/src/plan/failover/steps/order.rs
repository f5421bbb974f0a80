//! Their order.

use super::super::common::Situation;
use super::failover_steps::Steps;
use crate::cluster::Instance;
use crate::plan::common::spread_reads;
use crate::plan::language::{Action, Condition, Mode, Step, StepName};

/// How long the candidate may take to replay the rest, in seconds: writes are away, and the old primary takes its
/// time to come back. It lags by little when it begins, or the plan is refused.
const CATCH_UP_SECONDS: u32 = 15;

pub(crate) fn steps(situation: &Situation<'_>, target: &Instance) -> Vec<Step> {
    let parts = Steps::new(situation, target);
    let mut steps = Vec::new();
    steps.extend(parts.guard());
    steps.extend(parts.create_slots());
    steps.extend(parts.synchronous());
    if situation.mode == Mode::Switchover {
        steps.push(
            Step::new(
                StepName::Checkpoint,
                Action::Checkpoint {
                    pod: situation.old.clone(),
                },
                Condition::Answered,
            )
            .timeout(300),
        );
    }
    steps.extend(parts.drop_standby_delay());
    // From there on a new session can't write until the promotion: in a switchover as late as can be. In an
    // emergency nobody can anyway.
    let (early, late) = match parts.lingering() {
        Some(_) => (None, parts.move_clients()),
        None => (parts.move_clients(), None),
    };
    steps.extend(early);
    steps.extend(parts.linger());
    steps.extend(parts.hold());
    steps.push(parts.fence());
    steps.extend(parts.stop_unproven());
    steps.extend(parts.detach_laggards());
    steps.extend(late);
    steps.extend(parts.hold_clients());
    steps.extend(parts.stop());
    steps.extend(parts.hasten());
    steps.extend(
        parts.has_everything().map(|has| {
            Step::new(StepName::CatchUp, Action::Observe, has).timeout(CATCH_UP_SECONDS)
        }),
    );
    steps.push(parts.promote());
    steps.extend(parts.point_service());
    steps.extend(parts.release_clients());
    steps.extend(parts.repoint());
    steps.extend(spread_reads(parts.snapshot, target.pod.component));
    steps.push(
        Step::new(
            StepName::ProveWrite,
            Action::Write {
                pod: parts.to.clone(),
            },
            Condition::Answered,
        )
        .timeout(30),
    );
    steps.extend(parts.restore_standby_delay());
    // First what is known of their end, and only then what it was read from.
    steps.extend(parts.settle());
    steps.extend(parts.release());
    steps.extend(parts.release_others());
    steps.extend(parts.tidy_slots());
    steps.extend(parts.restore_autoscaler());
    steps.extend(parts.rejoin());
    parts.only_while_primary(&mut steps);
    steps
}

impl Steps<'_> {
    /// Whatever comes after the promotion is done for the pod that was promoted: when the topology
    /// has gone on since (a late `--resume`), or it does not accept writes, none of it is right.
    fn only_while_primary(&self, steps: &mut [Step]) {
        let promoted = steps.iter().position(Step::is_point_of_no_return);
        let needs: Vec<Condition> = self
            .fenced()
            .into_iter()
            .chain([Condition::Writable {
                pod: self.to.clone(),
            }])
            .collect();
        for step in steps
            .iter_mut()
            .skip(promoted.map_or(usize::MAX, |it| it + 1))
        {
            step.requires.retain(|it| !needs.contains(it));
            step.requires.splice(0..0, needs.iter().cloned());
        }
    }
}

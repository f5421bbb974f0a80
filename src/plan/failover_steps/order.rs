//! Their order.

use super::frame::Frame;
use super::traffic::spread_reads;
use crate::cluster::Instance;
use crate::plan::case::Case;
use crate::plan::{Action, Condition, Mode, Step, StepName};

/// How long the candidate may take to replay the rest, in seconds: writes are away, and the old primary takes its
/// time to come back. It lags by little when it begins, or the plan is refused.
const CATCH_UP_SECONDS: u32 = 15;

pub(crate) fn steps(case: &Case<'_>, target: &Instance) -> Vec<Step> {
    let frame = Frame::new(case, target);
    let mut steps = Vec::new();
    steps.extend(frame.guard());
    steps.extend(frame.create_slots());
    steps.extend(frame.synchronous());
    if case.mode == Mode::Switchover {
        steps.push(
            Step::new(
                StepName::Checkpoint,
                Action::Checkpoint {
                    pod: case.old.clone(),
                },
                Condition::Answered,
            )
            .timeout(300),
        );
    }
    steps.extend(frame.move_clients());
    steps.extend(frame.hold());
    steps.push(frame.fence());
    steps.extend(frame.stop_unproven());
    steps.extend(frame.stop());
    steps.extend(frame.hasten());
    steps.extend(
        frame.has_everything().map(|has| {
            Step::new(StepName::CatchUp, Action::Observe, has).timeout(CATCH_UP_SECONDS)
        }),
    );
    steps.push(frame.promote());
    steps.extend(frame.point_service());
    steps.extend(frame.repoint());
    steps.extend(spread_reads(frame.snapshot, target.pod.component));
    steps.push(
        Step::new(
            StepName::ProveWrite,
            Action::Write {
                pod: frame.to.clone(),
            },
            Condition::Answered,
        )
        .timeout(30),
    );
    // First what is known of their end, and only then what it was read from.
    steps.extend(frame.settle());
    steps.extend(frame.release());
    steps.extend(frame.release_others());
    steps.extend(frame.tidy_slots());
    steps.extend(frame.restore_autoscaler());
    steps.extend(frame.rejoin());
    frame.only_while_primary(&mut steps);
    steps
}

impl Frame<'_> {
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

//! Their order.

use super::frame::Frame;
use crate::cluster::Instance;
use crate::plan::case::Case;
use crate::plan::{Action, Condition, Mode, Step, StepName};

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
    steps.extend(frame.hold());
    steps.push(frame.fence());
    steps.extend(frame.stop());
    steps.extend(frame.hasten());
    steps.extend(
        frame
            .has_everything()
            .map(|has| Step::new(StepName::CatchUp, Action::Observe, has).timeout(30)),
    );
    steps.push(frame.promote());
    steps.extend(frame.point_service());
    steps.extend(frame.repoint());
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
    steps.extend(frame.release());
    steps.extend(frame.release_replaced());
    steps.extend(frame.tidy_slots());
    steps.extend(frame.restore_autoscaler());
    steps.extend(frame.rejoin());
    steps
}

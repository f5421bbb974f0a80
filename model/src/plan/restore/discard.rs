//! Deleting what restores have kept.

use jiff::Timestamp;

use crate::cluster::Snapshot;
use crate::plan::common::sizes;
use crate::plan::decision::{Decision, Proposal};
use crate::plan::language::{
    Action, Check, CheckName, Circumstances, Condition, DiscardRequest, Operation, OperationKind,
    Plan, Refusal, Step, StepName, VolumeAction,
};

/// Plans the deletion of everything that restores have kept.
///
/// # Errors
/// A [`Refusal`] with every check that stands in the way.
pub fn plan_discard(
    snapshot: &Snapshot,
    request: &DiscardRequest,
    circumstances: &Circumstances,
    now: Timestamp,
) -> Result<Plan, Refusal> {
    let mut decision = Decision::new(OperationKind::Discard, snapshot, circumstances, now);
    let checks = &mut decision.checks;
    checks.push(kept(request));
    // What was kept is the way back while the restored data does not answer.
    checks.push(match snapshot.primary() {
        Some(primary) => Check::pass(
            CheckName::OnePrimary,
            format!("{} is the primary", primary.name()),
        ),
        None => Check::refuse(
            CheckName::OnePrimary,
            "there is not one primary that answers: what was kept may be needed",
        )
        .next("pgctl status"),
    });
    decision.conclude(|_| {
        let directories = request
            .kept
            .iter()
            .map(|it| (it.pod.clone(), it.data.directory.clone()))
            .collect();
        let action = Action::from(VolumeAction::Discard { directories });
        let step = Step::new(StepName::DiscardKept, action, Condition::Answered)
            .timeout(3600)
            .point_of_no_return();
        let operation = Operation::Discard {
            kept: request.kept.iter().map(|it| it.data.clone()).collect(),
        };
        Some(Proposal::new(operation, vec![step]))
    })
}

fn kept(request: &DiscardRequest) -> Check {
    let name = CheckName::Kept;
    if request.kept.is_empty() {
        return Check::refuse(
            name,
            "nothing was kept by a restore in the volumes of pods that run",
        )
        .next("nothing is left to do; pgctl history shows past restores");
    }
    let each: Vec<String> = request
        .kept
        .iter()
        .map(|it| format!("{} ({})", it.data, sizes(it.bytes)))
        .collect();
    let text = format!("will be deleted: {}", each.join(", "));
    if request.unseen.is_empty() {
        Check::pass(name, text)
    } else {
        Check::warn(
            name,
            format!(
                "{text}; could not be looked at: {}",
                request.unseen.join("; ")
            ),
        )
    }
}

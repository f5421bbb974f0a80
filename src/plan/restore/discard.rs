//! Deleting what restores have kept.

use jiff::Timestamp;

use crate::cluster::{Instance, Snapshot};
use crate::plan::common::{operation_checks, sizes};
use crate::plan::language::{
    Action, Check, CheckName, Condition, DiscardRequest, Grounds, Operation, OperationId, Plan,
    Refusal, RestoreAction, Step, StepName,
};

/// Plans the deletion of everything that restores have kept.
///
/// # Errors
/// A [`Refusal`] with every check that stands in the way.
pub fn plan_discard(
    snapshot: &Snapshot,
    request: &DiscardRequest,
    grounds: &Grounds,
    now: Timestamp,
) -> Result<Plan, Refusal> {
    let mut checks = operation_checks(&snapshot.cluster, grounds);
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
    checks.sort_by_key(|check| check.check);
    if checks.iter().any(Check::refuses) {
        return Err(Refusal {
            operation: "discard".to_owned(),
            checks,
            candidates: Vec::new(),
        });
    }
    let directories = request
        .kept
        .iter()
        .map(|it| (it.pod.clone(), it.data.directory.clone()))
        .collect();
    let action = Action::Restore(RestoreAction::Discard { directories });
    let step = Step::new(StepName::DiscardKept, action, Condition::Answered)
        .timeout(3600)
        .point_of_no_return();
    Ok(Plan {
        id: OperationId::new("restore", now),
        cluster: snapshot.cluster.clone(),
        system_identifier: snapshot
            .primary()
            .and_then(Instance::facts)
            .map(|facts| facts.system_identifier.clone())
            .unwrap_or_default(),
        operation: Operation::Discard {
            kept: request.kept.iter().map(|it| it.data.clone()).collect(),
        },
        made: now,
        checks,
        candidates: Vec::new(),
        steps: vec![step],
    })
}

fn kept(request: &DiscardRequest) -> Check {
    let name = CheckName::Kept;
    if request.kept.is_empty() {
        return Check::refuse(
            name,
            "nothing was kept by a restore in the volumes of pods that run",
        );
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

//! Deleting what restores have kept.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::checks::{operation_checks, sizes};
use super::super::{
    Action, Check, CheckName, Condition, Grounds, Operation, OperationId, Plan, Refusal, Step,
    StepName,
};
use super::{KeptData, RestoreAction};
use crate::cluster::{Instance, Snapshot};

/// `pgctl restore --discard-old`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscardRequest {
    /// Data that restores have kept, in the volumes of pods that run.
    pub kept: Vec<KeptFacts>,
    /// Volumes that could not be looked at, and why.
    pub unseen: Vec<String>,
}

/// Data that a restore has kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptFacts {
    /// The pod that can reach it.
    pub pod: String,
    /// Where it is.
    pub data: KeptData,
    /// Its size, in bytes.
    pub bytes: u64,
}

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

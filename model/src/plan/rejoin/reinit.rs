//! Planning a new volume for a broken standby.

use jiff::Timestamp;

use super::situation::Situation;
use crate::cluster::Snapshot;
use crate::plan::common::{drop_slots_left, room_for_copy};
use crate::plan::decision::{Decision, Proposal};
use crate::plan::language::{
    Action, Check, CheckName, Circumstances, Condition, Operation, OperationKind, Plan, Refusal,
    ReinitRequest, Step, StepName, Unfinished,
};

/// How long a claim may take to go when no pod has it.
const CLAIM_SECONDS: u32 = 120;

/// Plans a new volume for a broken standby, cloned from the primary.
///
/// # Errors
/// A [`Refusal`] with every check that stands in the way.
pub fn plan_reinit(
    snapshot: &Snapshot,
    request: &ReinitRequest,
    circumstances: &Circumstances,
    now: Timestamp,
) -> Result<Plan, Refusal> {
    let decision = Decision::new(OperationKind::Reinit, snapshot, circumstances, now);
    let mut situation = Situation::new(decision, snapshot, &request.pod);
    // Found out before its data goes.
    situation.decision.checks.extend(room_for_copy(snapshot));
    let replaced = circumstances.unfinished.as_ref();
    let replaced = replaced.filter(|it| it.rejoins.is_some() && it.rejoins == situation.pod);
    if let Some(found) = replaced {
        situation.decision.replace(replaces(found));
    }
    let volume = situation.volume().cloned();
    if volume.is_none() {
        let pod = situation.pod.clone().unwrap_or_else(|| request.pod.clone());
        situation.decision.checks.push(
            Check::refuse(CheckName::Volume, format!("{pod} has no claim to renew"))
                .next("pgctl status"),
        );
    }
    situation.plan(|it, _| {
        let claim = volume
            .as_ref()
            .map(|it| it.claim.clone())
            .unwrap_or_default();
        let created = volume.as_ref().and_then(|it| it.created);
        let uid = volume.as_ref().and_then(|it| it.uid.clone());
        let restart = it.restart();
        // As long as a pod has it, it can't go.
        let deleted = match restart {
            Some(_) => Condition::ClaimEnding {
                claim: claim.clone(),
                uid: uid.clone(),
            },
            None => Condition::ClaimGone {
                claim: claim.clone(),
                created,
                uid: uid.clone(),
            },
        };
        let delete = Step::new(
            StepName::DeleteVolume,
            Action::DeleteClaim {
                claim: claim.clone(),
                created,
            },
            deleted,
        )
        .requires(Condition::Writable {
            pod: it.primary.name().to_owned(),
        })
        .timeout(CLAIM_SECONDS)
        .point_of_no_return();
        let mut steps: Vec<Step> = it.release().into_iter().collect();
        steps.extend([it.create_slot(), delete]);
        // The new pod comes with its claim: the StatefulSet controller makes none as long as the old
        // claim is there (createPersistentVolumeClaims in pkg/controller/statefulset/stateful_pod_control.go).
        steps.extend(restart.map(|step| Step {
            proves: Condition::ClaimReplaced {
                claim: claim.clone(),
                uid,
            },
            ..step
        }));
        steps.push(it.rejoin(request.timeout_seconds));
        steps.extend(it.settle(false));
        steps.extend(drop_slots_left(snapshot, 0));
        let operation = Operation::Reinit {
            pod: it.pod.clone(),
            primary: it.primary.name().to_owned(),
            claim,
            replaces: replaced.map(|it| it.id.clone()),
        };
        Proposal::new(operation, steps)
    })
}

/// What a rejoin can't bring back (data that is newer than the primary's is never copied over) would be unfinished
/// for ever: a new volume does what it was to do.
fn replaces(found: &Unfinished) -> Check {
    Check::warn(
        CheckName::Unfinished,
        format!("the {} has not ended: this reinit replaces it", found.title),
    )
}

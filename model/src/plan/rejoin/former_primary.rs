//! Planning the return of a former primary as a standby.

use jiff::Timestamp;

use super::situation::Situation;
use crate::cluster::Snapshot;
use crate::plan::common::{drop_slots, drop_slots_left, pod_slots, room_for_copy, spread_reads};
use crate::plan::decision::{Decision, Proposal};
use crate::plan::language::{
    Circumstances, Operation, OperationKind, Plan, Refusal, RejoinRequest, Step, StepName,
};

/// Plans the return of a former primary as a standby.
///
/// # Errors
/// A [`Refusal`] with every check that stands in the way.
pub fn plan_rejoin(
    snapshot: &Snapshot,
    request: &RejoinRequest,
    circumstances: &Circumstances,
    now: Timestamp,
) -> Result<Plan, Refusal> {
    let decision = Decision::new(OperationKind::Rejoin, snapshot, circumstances, now);
    let mut situation = Situation::new(decision, snapshot, &request.pod);
    let vouched = request.accept_split_brain_risk;
    let owes = situation.earlier_pods(vouched);
    // Nothing is rewound or copied of a pod that streams.
    let only_settles = owes && vouched && situation.follows() && !request.clone;
    if !only_settles {
        situation.not_following_yet(request.clone);
        if request.clone {
            situation.decision.checks.extend(room_for_copy(snapshot));
        } else {
            situation.rewindable();
        }
    }
    situation.plan(|it, id| {
        let operation = Operation::Rejoin {
            pod: it.pod.clone(),
            primary: it.primary.name().to_owned(),
            clone: request.clone,
        };
        if only_settles {
            return Proposal::new(operation, it.settle(vouched).into_iter().collect());
        }
        let mut steps: Vec<Step> = it.release().into_iter().collect();
        steps.push(it.create_slot());
        if request.clone {
            steps.push(it.request_clone(&id.0));
        }
        steps.extend(it.restart());
        steps.push(it.rejoin(request.timeout_seconds));
        steps.push(drop_slots(
            StepName::DropStaleSlots,
            &it.pod,
            pod_slots(snapshot),
        ));
        steps.extend(it.settle(vouched));
        steps.extend(it.confirm());
        steps.extend(spread_reads(snapshot, it.primary.pod.component));
        steps.extend(drop_slots_left(snapshot, 0));
        Proposal::new(operation, steps)
    })
}

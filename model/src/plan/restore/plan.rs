//! Which plan.

use jiff::Timestamp;

use super::common::Situation;
use super::{logical, physical};
use crate::cluster::Snapshot;
use crate::plan::decision::Decision;
use crate::plan::language::{
    Circumstances, OperationKind, Plan, Refusal, RestoreCircumstances, RestoreKind, RestoreRequest,
};

/// Plans the restore of a backup into the cluster of the snapshot.
///
/// # Errors
/// A [`Refusal`] with every check that stands in the way.
pub fn plan_restore(
    snapshot: &Snapshot,
    request: &RestoreRequest,
    circumstances: &Circumstances,
    found: &RestoreCircumstances,
    now: Timestamp,
) -> Result<Plan, Refusal> {
    let situation = Situation {
        snapshot,
        request,
        circumstances,
        found,
    };
    let mut decision = Decision::new(OperationKind::Restore, snapshot, circumstances, now);
    decision.checks.extend(situation.checks());
    let (id, checks) = (decision.id.clone(), &mut decision.checks);
    if let Some(name) = &request.into {
        let proposal = physical::throw_away_proposal(&situation, name, &id, checks);
        return decision.conclude(|_| proposal);
    }
    let proposal = match found.backup.kind {
        RestoreKind::Physical => physical::proposal(&situation, &id, checks),
        RestoreKind::Logical | RestoreKind::Database => logical::proposal(&situation, &id, checks),
    };
    decision.conclude(|_| proposal)
}

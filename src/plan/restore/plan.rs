//! Which plan.

use jiff::Timestamp;

use super::common::Situation;
use super::{logical, physical};
use crate::cluster::Snapshot;
use crate::plan::language::{
    Check, Grounds, OperationId, Plan, Refusal, RestoreGrounds, RestoreKind, RestoreRequest,
};

/// Plans the restore of a backup into the cluster of the snapshot.
///
/// # Errors
/// A [`Refusal`] with every check that stands in the way.
pub fn plan_restore(
    snapshot: &Snapshot,
    request: &RestoreRequest,
    grounds: &Grounds,
    found: &RestoreGrounds,
    now: Timestamp,
) -> Result<Plan, Refusal> {
    let situation = Situation {
        snapshot,
        request,
        grounds,
        found,
    };
    let id = OperationId::new("restore", now);
    let mut proposal = match found.backup.kind {
        RestoreKind::Physical => physical::proposal(&situation, &id),
        RestoreKind::Logical | RestoreKind::Database => logical::proposal(&situation, &id),
    };
    proposal.checks.sort_by_key(|check| check.check);
    match proposal.content {
        Some((operation, steps)) if !proposal.checks.iter().any(Check::refuses) => Ok(Plan {
            id,
            cluster: snapshot.cluster.clone(),
            system_identifier: proposal.system_identifier,
            operation,
            made: now,
            checks: proposal.checks,
            candidates: Vec::new(),
            steps,
        }),
        _ => Err(Refusal {
            operation: "restore".to_owned(),
            checks: proposal.checks,
            candidates: Vec::new(),
        }),
    }
}

//! Which plan.

use jiff::Timestamp;

use super::super::{Check, Grounds, OperationId, Plan, Refusal};
use super::checks::Scene;
use super::{RestoreGrounds, RestoreKind, RestoreRequest, logical, physical};
use crate::cluster::Snapshot;

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
    let scene = Scene {
        snapshot,
        request,
        grounds,
        found,
    };
    let id = OperationId::new("restore", now);
    let mut draft = match found.backup.kind {
        RestoreKind::Physical => physical::draft(&scene, &id),
        RestoreKind::Logical | RestoreKind::Database => logical::draft(&scene, &id),
    };
    draft.checks.sort_by_key(|check| check.check);
    match draft.content {
        Some((operation, steps)) if !draft.checks.iter().any(Check::refuses) => Ok(Plan {
            id,
            cluster: snapshot.cluster.clone(),
            system_identifier: draft.system_identifier,
            operation,
            made: now,
            checks: draft.checks,
            candidates: Vec::new(),
            steps,
        }),
        _ => Err(Refusal {
            operation: "restore".to_owned(),
            checks: draft.checks,
            candidates: Vec::new(),
        }),
    }
}

/// A plan, or what stands in its way.
pub(super) struct Draft {
    pub(super) checks: Vec<Check>,
    pub(super) system_identifier: String,
    /// What is done and how; none when the checks refuse.
    pub(super) content: Option<(super::super::Operation, Vec<super::super::Step>)>,
}

/// The part of an operation's id that says when, for names in the cluster.
pub(super) fn stamp(id: &OperationId) -> String {
    let (_, time) = id.0.split_once('-').unwrap_or(("", &id.0));
    time.to_ascii_lowercase()
}

//! What every decision is: checks, and a plan when none of them refuses.

use jiff::Timestamp;

use super::common::operation_checks;
use super::language::{
    Candidate, Check, Circumstances, Operation, OperationId, OperationKind, Plan, Refusal, Step,
};
use crate::cluster::{Instance, Snapshot};

/// A decision under way.
pub(super) struct Decision<'a> {
    pub(super) kind: OperationKind,
    snapshot: &'a Snapshot,
    made: Timestamp,
    /// The id that the operation gets.
    pub(super) id: OperationId,
    /// What was checked so far, in any order.
    pub(super) checks: Vec<Check>,
    /// Who could become primary, when that is the question.
    pub(super) candidates: Vec<Candidate>,
}

/// What is to be done when nothing stands in the way.
pub(super) struct Proposal {
    pub(super) operation: Operation,
    pub(super) steps: Vec<Step>,
    /// The system that the cluster is afterwards, when that is not told by the present primary.
    pub(super) system_identifier: Option<String>,
}

impl Proposal {
    /// For the system that the primary has.
    pub(super) fn new(operation: Operation, steps: Vec<Step>) -> Self {
        Self {
            operation,
            steps,
            system_identifier: None,
        }
    }
}

impl<'a> Decision<'a> {
    /// It begins with the checks that every guided operation begins with.
    pub(super) fn new(
        kind: OperationKind,
        snapshot: &'a Snapshot,
        circumstances: &Circumstances,
        now: Timestamp,
    ) -> Self {
        Self {
            kind,
            snapshot,
            made: now,
            id: OperationId::new(kind, now),
            checks: operation_checks(&snapshot.cluster, circumstances),
            candidates: Vec::new(),
        }
    }

    /// Takes the place of the check of the same name.
    pub(super) fn replace(&mut self, check: Check) {
        self.checks.retain(|it| it.check != check.check);
        self.checks.push(check);
    }

    /// When it was made.
    pub(super) const fn made(&self) -> Timestamp {
        self.made
    }

    /// The checks in the order of the table, when none of them refuses.
    pub(super) fn verdict(mut self) -> Result<Vec<Check>, Refusal> {
        self.checks.sort_by_key(|check| check.check);
        if self.checks.iter().any(Check::refuses) {
            return Err(Refusal {
                operation: self.kind.name().to_owned(),
                checks: self.checks,
                candidates: self.candidates,
            });
        }
        Ok(self.checks)
    }

    /// The plan, or the refusal. What is proposed is only asked for when no check refuses; without a
    /// proposal there is no plan either.
    pub(super) fn conclude(
        mut self,
        propose: impl FnOnce(&OperationId) -> Option<Proposal>,
    ) -> Result<Plan, Refusal> {
        // The order of the table on the screen.
        self.checks.sort_by_key(|check| check.check);
        let refused = self.checks.iter().any(Check::refuses);
        let Some(proposal) = (!refused).then(|| propose(&self.id)).flatten() else {
            return Err(Refusal {
                operation: self.kind.name().to_owned(),
                checks: self.checks,
                candidates: self.candidates,
            });
        };
        let of_primary = || {
            let primary = self.snapshot.primary().and_then(Instance::facts);
            primary.map(|facts| facts.system_identifier.clone())
        };
        Ok(Plan {
            id: self.id,
            cluster: self.snapshot.cluster.clone(),
            system_identifier: proposal
                .system_identifier
                .or_else(of_primary)
                .unwrap_or_default(),
            operation: proposal.operation,
            made: self.made,
            checks: self.checks,
            candidates: self.candidates,
            steps: proposal.steps,
        })
    }
}

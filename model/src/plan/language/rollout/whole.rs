//! A rollout as data: what was checked, and its parts in their order.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::part::RolloutPart;
use super::request::RolloutRequest;
use crate::cluster::ClusterId;
use crate::plan::language::check::Check;
use crate::plan::language::operation::{Mode, Operation, OperationId};
use crate::plan::language::plan::Plan;

/// A rollout: it can be printed and agreed to. Each part is planned anew when its turn comes, on the cluster as it is then,
/// and run only when it is one that was agreed to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// The kind and the time of planning, such as `rollout-20260102T030405678Z`.
    pub id: OperationId,
    /// The cluster, by namespace and name.
    pub cluster: ClusterId,
    /// When it was made.
    pub made: Timestamp,
    /// What was asked for.
    pub request: RolloutRequest,
    /// What was checked; none of them refuses.
    pub checks: Vec<Check>,
    /// What is done, in this order; empty when there is nothing to do.
    pub parts: Vec<RolloutPart>,
}

impl Rollout {
    /// Whether this plan does one of its parts, and nothing else.
    pub fn includes(&self, plan: &Plan) -> bool {
        plan.cluster == self.cluster && self.parts.iter().any(|part| is_part(part, &plan.operation))
    }

    /// Whether the role of the primary goes to another pod in it.
    pub fn changes_primary(&self) -> bool {
        self.parts.iter().any(RolloutPart::changes_primary)
    }
}

fn is_part(part: &RolloutPart, operation: &Operation) -> bool {
    match part {
        RolloutPart::Restart { pod, revision, .. } => matches!(
            operation,
            Operation::Restart(scope) if *pod == scope.pod && *revision == scope.revision
        ),
        RolloutPart::HandOver { from, to } | RolloutPart::HandBack { from, to } => matches!(
            operation,
            Operation::Failover { mode: Mode::Switchover, from: old, to: new, .. }
                if from == old && to == new
        ),
    }
}

impl fmt::Display for Rollout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let restarts = self
            .parts
            .iter()
            .filter(|part| !matches!(part, RolloutPart::HandBack { .. }))
            .count();
        match &self.request.node {
            None => f.write_str("rollout of ")?,
            Some(node) => write!(f, "drain of {node}: ")?,
        }
        match restarts {
            1 => write!(f, "1 pod of {}", self.cluster),
            count => write!(f, "{count} pods of {}", self.cluster),
        }
    }
}

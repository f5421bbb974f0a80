//! A guided operation as data: what is done, why it may be, and in which steps.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::action::Action;
use super::candidate::Candidate;
use super::check::{Check, CheckVerdict};
use super::operation::{Mode, Operation, OperationId};
use super::step::Step;
use super::step_name::StepName;
use crate::cluster::ClusterId;
use crate::cluster::suggestion::option;

/// A guided operation as data: it can be printed, stored, resumed and compared, and running it
/// takes no decision that is not written here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The kind and the time of planning, such as `failover-20260102T030405678Z`.
    pub id: OperationId,
    /// The cluster, by namespace and name.
    pub cluster: ClusterId,
    /// The cluster's system identifier.
    pub system_identifier: String,
    /// What is done, and to whom.
    #[serde(flatten)]
    pub operation: Operation,
    /// When it was made.
    pub made: Timestamp,
    /// What was checked; none of them refuses.
    pub checks: Vec<Check>,
    /// Who could have become primary, when that was the question.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
    /// What is done, in this order.
    pub steps: Vec<Step>,
}

impl Plan {
    /// The checks that warn.
    pub fn warnings(&self) -> impl Iterator<Item = &Check> {
        self.checks
            .iter()
            .filter(|check| check.verdict == CheckVerdict::Warn)
    }

    /// Index of the step from which there is only forward, when there is one.
    pub fn point_of_no_return(&self) -> Option<usize> {
        self.steps.iter().position(Step::is_point_of_no_return)
    }

    /// The step of this name.
    pub fn step(&self, name: StepName) -> Option<&Step> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// Whether it would do the same. What is only told beside that is no part of it: a database that is paused alone may come
    /// and go while somebody reads the plan, and no step has to do with it.
    pub fn does_the_same_as(&self, other: &Self) -> bool {
        let ours = self.steps.iter().map(without_what_is_only_told);
        ours.eq(other.steps.iter().map(without_what_is_only_told))
    }

    /// Whether it is a change of the primary in order, that loses nothing.
    pub fn is_switchover(&self) -> bool {
        let change = self.operation.primary_change();
        change.is_some_and(|it| it.mode == Mode::Switchover)
    }

    /// Whether the operator has accepted that the old primary may still be writable.
    pub fn accepts_split_brain(&self) -> bool {
        let change = self.operation.primary_change();
        change.is_some_and(|it| it.split_brain_accepted)
    }

    /// Whether the old primary is alive, and stopped although pgctl can't ask it.
    pub fn is_blind(&self) -> bool {
        let change = self.operation.primary_change();
        change.is_some_and(|it| it.blind)
    }

    /// The command that goes on with it after an interruption.
    pub fn resume_command(&self) -> String {
        format!(
            "pgctl {}{} --resume -n {}{}{}",
            self.operation.kind().command(),
            self.server_flag(),
            self.cluster.namespace,
            self.cluster_flag(),
            self.store_flags()
        )
    }

    /// What a restore needs of the person who goes on with it, maybe on another machine.
    fn store_flags(&self) -> String {
        let Some(scope) = self.operation.restore() else {
            return String::new();
        };
        let store = format!(" {}", option("--store", &scope.store));
        if scope.encrypted {
            store + " --identity FILE"
        } else {
            store
        }
    }

    /// The command that puts everything back, before the point of no return.
    pub fn abort_command(&self) -> String {
        format!(
            "pgctl {}{} --abort -n {}{}",
            self.operation.kind().command(),
            self.server_flag(),
            self.cluster.namespace,
            self.cluster_flag()
        )
    }

    /// Which throw-away server is meant.
    fn server_flag(&self) -> String {
        let into = self.operation.throw_away();
        into.map_or_else(String::new, |name| format!(" --into {name}"))
    }

    fn cluster_flag(&self) -> String {
        format!(" --cluster {}", self.cluster.name)
    }
}

fn without_what_is_only_told(step: &Step) -> Step {
    let mut step = step.clone();
    if let Action::HoldClients {
        paused_databases, ..
    } = &mut step.action
    {
        paused_databases.clear();
    }
    step
}

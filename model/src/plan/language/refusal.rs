//! Why an operation does not start.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::candidate::Candidate;
use super::check::Check;

/// Why an operation does not start: every failed check at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error, JsonSchema)]
#[error("{}", self.sentence())]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// What was asked for, such as `failover`.
    pub operation: String,
    /// Every check, the passed ones too; at least one refuses.
    pub checks: Vec<Check>,
    /// Who could become primary, and why not, when that was the question.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
}

impl Refusal {
    /// The checks that stand in the way.
    pub fn reasons(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.refuses())
    }

    fn sentence(&self) -> String {
        let reasons: Vec<&str> = self.reasons().map(|check| check.reason.as_str()).collect();
        format!("{} refused: {}", self.operation, reasons.join("; "))
    }
}

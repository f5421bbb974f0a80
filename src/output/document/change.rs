//! `kind: Change`.

use schemars::JsonSchema;
use serde::Serialize;

use super::API_VERSION;
use super::query::QueryAnswerDocument;
use super::status::ClusterDocument;
use crate::change::{ChangeCheck, ChangeProposal, ChangeRecord, SettingEffect};
use crate::cluster::{ClusterId, QueryAnswer};
use crate::exit::ExitCode;

/// A small change (`pgctl slots drop`, `pgctl queries cancel`, `pgctl config set`): what was proposed, or done.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "Change", deny_unknown_fields)]
pub struct ChangeDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `Change`.
    #[schemars(extend("const" = "Change"))]
    kind: &'static str,
    /// Namespace and name of the cluster.
    cluster: ClusterDocument,
    /// What is done, in words.
    change: String,
    /// `proposed` (`--dry-run`), `refused` by a check, `done` and proven, `partly` done (the same command goes on), or
    /// `nothing` where all is so already, or waits. One that the server did not do is a document of `kind: Error`.
    outcome: &'static str,
    /// What was seen of it, for people.
    facts: Vec<String>,
    /// What speaks for and against it.
    checks: Vec<ChangeCheck>,
    /// Its line in the history, when it was done.
    record: Option<ChangeRecord>,
    /// What the statement gave back (`pgctl query --write`); null for any other change.
    answer: Option<QueryAnswerDocument>,
    /// What came of it on each server (`pgctl config set`, `unset`, `reload`); empty for any other change, and before it
    /// is done.
    effects: Vec<SettingEffect>,
    /// Commands that put back what was there before; empty where nothing can.
    undo: Vec<String>,
    /// The exit code of the command.
    exit_code: u8,
}

/// How far a small change has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeEnd {
    /// It would be done (`--dry-run`).
    Proposed,
    /// A check said no.
    Refused,
    /// Done, and proven.
    Done(ChangeRecord),
    /// Done on some servers, and on others not, or not yet.
    Partly(ChangeRecord),
    /// There was nothing to do.
    Nothing,
}

impl ChangeDocument {
    /// What `-o json` and `-o yaml` print of it.
    pub fn new(cluster: &ClusterId, proposal: &ChangeProposal, end: &ChangeEnd) -> Self {
        let (outcome, record, exit) = match end {
            ChangeEnd::Proposed => ("proposed", None, ExitCode::Done),
            ChangeEnd::Refused => ("refused", None, ExitCode::Refused),
            ChangeEnd::Done(record) => ("done", Some(record.clone()), ExitCode::Done),
            ChangeEnd::Partly(record) => ("partly", Some(record.clone()), ExitCode::Incomplete),
            ChangeEnd::Nothing => ("nothing", None, ExitCode::Done),
        };
        Self {
            api_version: API_VERSION,
            kind: "Change",
            cluster: cluster.into(),
            change: proposal.title.clone(),
            outcome,
            facts: proposal.facts.clone(),
            checks: proposal.checks.clone(),
            record,
            answer: None,
            effects: Vec::new(),
            undo: proposal.undo.clone(),
            exit_code: exit.number(),
        }
    }

    /// With what came of it on each server. What is left makes it incomplete.
    #[must_use]
    pub fn with_effects(self, effects: &[SettingEffect]) -> Self {
        let left = self.outcome == "nothing" && effects.iter().any(SettingEffect::is_left);
        Self {
            effects: effects.to_vec(),
            exit_code: match left {
                true => ExitCode::Incomplete.number(),
                false => self.exit_code,
            },
            ..self
        }
    }

    /// With what the server answered.
    #[must_use]
    pub fn answered(self, answer: Option<&QueryAnswer>) -> Self {
        Self {
            answer: answer.map(QueryAnswerDocument::from),
            ..self
        }
    }
}

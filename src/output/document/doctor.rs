//! `kind: Examination`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::API_VERSION;
use super::status::ClusterDocument;
use crate::cluster::{ObjectRef, Snapshot};
use crate::doctor::{CheckResult, Examination, Group, Outcome};

/// What every check found (`pgctl doctor -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "Examination", deny_unknown_fields)]
pub struct DoctorDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `Examination`.
    #[schemars(extend("const" = "Examination"))]
    kind: &'static str,
    /// Which cluster.
    cluster: ClusterDocument,
    /// When the looking began.
    taken_at: Timestamp,
    /// How many results came out how.
    summary: SummaryDocument,
    /// The results, the most urgent first; every check that was asked for has at least one.
    results: Vec<ResultDocument>,
}

/// How many results came out how.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct SummaryDocument {
    /// Writes fail, or data is in danger.
    critical: usize,
    /// It serves, but with less safety or room than wanted.
    warning: usize,
    /// It could not be looked at.
    unknown: usize,
    /// Good to know.
    note: usize,
    /// Looked at, and nothing found.
    passed: usize,
}

/// What a check says of one object.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct ResultDocument {
    /// The stable code; docs/checks.md has a section for each.
    code: String,
    /// What it is about.
    group: Group,
    /// How it came out.
    outcome: Outcome,
    /// Of which object.
    object: ObjectRef,
    /// What was found, a sentence; of an unknown, why nobody knows.
    what: String,
    /// What it is concluded from, or what it leads to.
    evidence: Vec<String>,
    /// What to type about it, each a command.
    next: Vec<String>,
}

impl DoctorDocument {
    /// Makes the document.
    pub fn new(snapshot: &Snapshot, examination: &Examination) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "Examination",
            cluster: (&snapshot.cluster).into(),
            taken_at: snapshot.taken,
            summary: SummaryDocument {
                critical: examination.count(Outcome::Critical),
                warning: examination.count(Outcome::Warning),
                unknown: examination.count(Outcome::Unknown),
                note: examination.count(Outcome::Note),
                passed: examination.count(Outcome::Passed),
            },
            results: examination.results.iter().map(Into::into).collect(),
        }
    }
}

impl From<&CheckResult> for ResultDocument {
    fn from(result: &CheckResult) -> Self {
        Self {
            code: result.code.to_string(),
            group: result.code.group(),
            outcome: result.outcome,
            object: result.object.clone(),
            what: result.what.clone(),
            evidence: result.evidence.clone(),
            next: result.next.clone(),
        }
    }
}

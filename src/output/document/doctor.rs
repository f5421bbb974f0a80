//! `kind: Examination` and `kind: ExaminationList`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::API_VERSION;
use super::fleet::UnreachedDocument;
use super::status::ClusterDocument;
use crate::cluster::ObjectRef;
use crate::doctor::{CheckResult, Examination, Group, Outcome};
use crate::output::FleetView;

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
    /// Namespace and name of the cluster.
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
    /// What `-o json` and `-o yaml` print of it.
    pub fn new(taken: Timestamp, examination: &Examination) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "Examination",
            cluster: (&examination.cluster).into(),
            taken_at: taken,
            summary: examination.into(),
            results: examination.results.iter().map(Into::into).collect(),
        }
    }
}

impl From<&Examination> for SummaryDocument {
    fn from(examination: &Examination) -> Self {
        Self {
            critical: examination.count(Outcome::Critical),
            warning: examination.count(Outcome::Warning),
            unknown: examination.count(Outcome::Unknown),
            note: examination.count(Outcome::Note),
            passed: examination.count(Outcome::Passed),
        }
    }
}

/// What was found in each of many clusters (`pgctl doctor -A -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "ExaminationList", deny_unknown_fields)]
pub struct ExaminationListDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `ExaminationList`.
    #[schemars(extend("const" = "ExaminationList"))]
    kind: &'static str,
    /// When the looking began.
    taken_at: Timestamp,
    /// The worst outcome of all.
    worst: Outcome,
    /// By context, namespace and name.
    items: Vec<ExaminedDocument>,
    /// The contexts that could not be looked at: nobody knows how the clusters there are.
    unreached: Vec<UnreachedDocument>,
}

/// One cluster of many.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct ExaminedDocument {
    /// The context of the kubeconfig; `null` when only one was looked at.
    context: Option<String>,
    /// Namespace and name of the cluster.
    cluster: ClusterDocument,
    /// The worst outcome.
    worst: Outcome,
    /// How many results came out how.
    summary: SummaryDocument,
    /// The results that found something, or could not look, the most urgent first. What passed is only
    /// counted.
    results: Vec<ResultDocument>,
}

impl ExaminationListDocument {
    /// What `-o json` and `-o yaml` print of it.
    pub fn new(taken_at: Timestamp, fleet: &FleetView<'_, &Examination>) -> Self {
        let worst = |it: &Examination| {
            let outcomes = it.results.iter().map(|it| it.outcome);
            outcomes.min().unwrap_or(Outcome::Passed)
        };
        let item = |(context, examination): &(Option<&str>, &Examination)| ExaminedDocument {
            context: context.map(str::to_owned),
            cluster: (&examination.cluster).into(),
            worst: worst(examination),
            summary: (*examination).into(),
            results: examination
                .results
                .iter()
                .filter(|it| it.outcome != Outcome::Passed)
                .map(Into::into)
                .collect(),
        };
        let all = fleet.clusters.iter().map(|(_, it)| worst(it));
        Self {
            api_version: API_VERSION,
            kind: "ExaminationList",
            taken_at,
            worst: all.min().unwrap_or(Outcome::Passed),
            items: fleet.clusters.iter().map(item).collect(),
            unreached: fleet.unreached.iter().map(Into::into).collect(),
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

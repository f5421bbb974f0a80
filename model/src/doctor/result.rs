//! What a check finds.

use serde::Serialize;

use super::check::CheckCode;
use crate::cluster::{ClusterId, ObjectRef, Severity, Snapshot};

/// How a check came out. The order is the order in which they are shown.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Writes fail, or data is in danger.
    Critical,
    /// It serves, but with less safety or room than wanted.
    Warning,
    /// It could not be looked at: it may be anything.
    Unknown,
    /// Good to know.
    Note,
    /// Looked at, and nothing found.
    Passed,
}

impl From<Severity> for Outcome {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Critical => Self::Critical,
            Severity::Warning => Self::Warning,
            Severity::Note => Self::Note,
        }
    }
}

/// One thing that a check says of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) outcome: Outcome,
    pub(super) object: ObjectRef,
    pub(super) what: String,
    pub(super) evidence: Vec<String>,
    pub(super) next: Vec<String>,
}

impl Finding {
    fn new(outcome: Outcome, object: ObjectRef, what: impl Into<String>) -> Self {
        Self {
            outcome,
            object,
            what: what.into(),
            evidence: Vec::new(),
            next: Vec::new(),
        }
    }

    pub(super) fn of(severity: Severity, object: ObjectRef, what: impl Into<String>) -> Self {
        Self::new(severity.into(), object, what)
    }

    pub(super) fn critical(object: ObjectRef, what: impl Into<String>) -> Self {
        Self::new(Outcome::Critical, object, what)
    }

    pub(super) fn warning(object: ObjectRef, what: impl Into<String>) -> Self {
        Self::new(Outcome::Warning, object, what)
    }

    pub(super) fn note(object: ObjectRef, what: impl Into<String>) -> Self {
        Self::new(Outcome::Note, object, what)
    }

    /// It could not be looked at.
    pub(super) fn unknown(object: ObjectRef, why: impl Into<String>) -> Self {
        Self::new(Outcome::Unknown, object, why)
    }

    pub(super) fn evidence(mut self, line: impl Into<String>) -> Self {
        self.evidence.push(line.into());
        self
    }

    pub(super) fn evidence_lines(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.evidence.extend(lines);
        self
    }

    pub(super) fn next(mut self, command: impl Into<String>) -> Self {
        self.next.push(command.into());
        self
    }

    pub(super) fn under(self, code: CheckCode) -> CheckResult {
        CheckResult {
            code,
            outcome: self.outcome,
            object: self.object,
            what: self.what,
            evidence: self.evidence,
            next: self.next,
        }
    }
}

/// What a check says of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// The check.
    pub code: CheckCode,
    /// How it came out.
    pub outcome: Outcome,
    /// Of which object.
    pub object: ObjectRef,
    /// What was found, one sentence without a full stop; of an unknown, why.
    pub what: String,
    /// What it is concluded from, or what it leads to: sentences or items.
    pub evidence: Vec<String>,
    /// What to type about it, each a command.
    pub next: Vec<String>,
}

/// All results, the most urgent first.
#[derive(Debug, Clone, PartialEq)]
pub struct Examination {
    /// Namespace and name of the cluster.
    pub cluster: ClusterId,
    /// The results; every check has at least one.
    pub results: Vec<CheckResult>,
}

impl Examination {
    /// How many came out so.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.results
            .iter()
            .filter(|it| it.outcome == outcome)
            .count()
    }

    /// Whether anything is at least as bad as that, by what was found. An unknown counts as a warning:
    /// nobody can say that it is better.
    pub fn fails_on(&self, severity: Severity) -> bool {
        self.results.iter().any(|it| match it.outcome {
            Outcome::Critical => true,
            Outcome::Warning | Outcome::Unknown => severity >= Severity::Warning,
            Outcome::Note => severity >= Severity::Note,
            Outcome::Passed => false,
        })
    }
}

/// The cluster as an object.
pub(super) fn cluster(snapshot: &Snapshot) -> ObjectRef {
    ObjectRef::new("cluster", &snapshot.cluster.to_string())
}

//! What is to be changed, and what speaks for and against it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::cluster::UnfinishedOperation;
use crate::plan::CheckVerdict;

/// A small change as it would be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeProposal {
    /// What is done, as history has it: `drop of slot x on pod y`.
    pub title: String,
    /// What tells the thing that is changed from another of the same name: whoever has agreed to it has
    /// agreed to no other.
    pub identity: String,
    /// What has to be typed to agree to it.
    pub wanted: String,
    /// What was seen of it, a line each.
    pub facts: Vec<String>,
    /// What speaks for and against it.
    pub checks: Vec<ChangeCheck>,
    /// Commands that put back what was there before; none where nothing can.
    pub undo: Vec<String>,
}

impl ChangeProposal {
    /// Whether a check says no.
    pub fn is_refused(&self) -> bool {
        let mut checks = self.checks.iter();
        checks.any(|it| it.verdict == CheckVerdict::Refuse)
    }
}

/// One thing that speaks for or against a small change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeCheck {
    /// What was looked at, in a word or two: `in use`.
    pub check: &'static str,
    /// Pass, warn or refuse.
    pub verdict: CheckVerdict,
    /// Why, on the object that it is about.
    pub reason: String,
    /// What to type about it.
    pub next: Option<String>,
}

impl ChangeCheck {
    /// Nothing speaks against it.
    pub fn pass(check: &'static str, reason: impl Into<String>) -> Self {
        Self::new(check, CheckVerdict::Pass, reason.into())
    }

    /// It has a price, which is said.
    pub fn warn(check: &'static str, reason: impl Into<String>) -> Self {
        Self::new(check, CheckVerdict::Warn, reason.into())
    }

    /// It is not done.
    pub fn refuse(check: &'static str, reason: impl Into<String>) -> Self {
        Self::new(check, CheckVerdict::Refuse, reason.into())
    }

    /// What to type about it.
    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// Whether a guided operation is on its way, which may make another server the primary; `verdict` is what one means.
    pub(super) fn no_operation(
        unfinished: Option<&UnfinishedOperation>,
        verdict: CheckVerdict,
    ) -> Self {
        const CHECK: &str = "operation";
        let Some(found) = unfinished else {
            return Self::pass(CHECK, "no operation is unfinished");
        };
        let reason = format!(
            "the {} has not ended: the primary may be another soon",
            found.title
        );
        Self::new(CHECK, verdict, reason).next(found.resume.clone())
    }

    /// Whether everything is allowed that takes one of the Roles in `deploy/rbac`, of which `folder` is the part.
    pub(super) fn permission(missing: &[String], folder: &str) -> Self {
        const CHECK: &str = "permission";
        if missing.is_empty() {
            return Self::pass(CHECK, "you may do all of it");
        }
        Self::refuse(CHECK, format!("you may not: {}", missing.join(", "))).next(format!(
            "the Role pgctl-{folder} has them: kubectl apply -k deploy/rbac/{folder}"
        ))
    }

    fn new(check: &'static str, verdict: CheckVerdict, reason: String) -> Self {
        Self {
            check,
            verdict,
            reason,
            next: None,
        }
    }
}

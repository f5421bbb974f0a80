//! `kind: Error`.

use schemars::JsonSchema;
use serde::Serialize;

use super::API_VERSION;
use crate::failure::Failure;
use crate::output::advice::Given;

/// A command that failed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "Error", deny_unknown_fields)]
pub struct ErrorDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `Error`.
    #[schemars(extend("const" = "Error"))]
    kind: &'static str,
    /// The exit code of the process (docs/exit-codes.md).
    exit_code: u8,
    /// What happened.
    what: String,
    /// On which object, when on one.
    object: Option<String>,
    /// Causes, outermost first.
    why: Vec<String>,
    /// What to type next.
    next: Vec<String>,
}

impl ErrorDocument {
    /// Of a failure, with suggestions that lead to the place that was looked at.
    pub fn new(failure: &Failure, given: &Given) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "Error",
            exit_code: failure.exit.number(),
            what: failure.what.clone(),
            object: failure.object.clone(),
            why: failure.why.clone(),
            next: given.suggestions(&failure.next),
        }
    }
}

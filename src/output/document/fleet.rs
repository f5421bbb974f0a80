//! What documents of many clusters have in common.

use schemars::JsonSchema;
use serde::Serialize;

use crate::failure::Failure;

/// A context that could not be looked at.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct UnreachedDocument {
    /// As the kubeconfig names it.
    context: String,
    /// What happened, in a sentence.
    what: String,
    /// What to type next, or to do.
    next: Vec<String>,
}

impl From<&(String, Failure)> for UnreachedDocument {
    fn from((context, failure): &(String, Failure)) -> Self {
        Self {
            context: context.clone(),
            what: failure.to_string(),
            next: failure.next.clone(),
        }
    }
}

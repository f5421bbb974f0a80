//! `pgctl explain -o json`.

use schemars::JsonSchema;
use serde::Serialize;

use super::api_version::API_VERSION;
use crate::explanation::{CodeKind, Explanation};

/// What a code means.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct ExplanationDocument {
    /// The word, or the number.
    code: String,
    /// Where it is met.
    met_as: CodeKind,
    /// What the screen says instead of the code, where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'static str>,
    /// Its first sentence.
    summary: String,
    /// Markdown; links are relative to `docs/`.
    text: String,
}

/// What codes mean (`pgctl explain -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "Explanations", deny_unknown_fields)]
pub struct ExplanationsDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `Explanations`.
    #[schemars(extend("const" = "Explanations"))]
    kind: &'static str,
    /// In the order of the pages.
    explanations: Vec<ExplanationDocument>,
}

impl ExplanationsDocument {
    /// What `-o json` and `-o yaml` print of it.
    pub fn new(found: &[Explanation]) -> Self {
        let one = |it: &Explanation| ExplanationDocument {
            code: it.code.clone(),
            met_as: it.kind,
            title: it.title,
            summary: it.summary(),
            text: it.text.clone(),
        };
        Self {
            api_version: API_VERSION,
            kind: "Explanations",
            explanations: found.iter().map(one).collect(),
        }
    }
}

//! An operation that has not ended, for those that only look.

use serde::{Deserialize, Serialize};

/// An operation that was begun and has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnfinishedOperation {
    /// Its id, which its journal is named by.
    pub id: String,
    /// What it is, in words.
    pub title: String,
    /// Who runs it now; none when nobody does.
    pub holder: Option<String>,
    /// The command that goes on with it.
    pub resume: String,
    /// The command that puts everything back, while that can be.
    pub abort: Option<String>,
}

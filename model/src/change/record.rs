//! What is kept of a small change.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A line of the history of small changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeRecord {
    /// Its id: the command, when it began, and who.
    pub id: String,
    /// What was done: `drop of slot x on pod y`.
    pub change: String,
    /// Who has done it.
    pub by: String,
    /// When it began, by the clock of the machine that ran pgctl.
    pub started: Timestamp,
    /// Done, or why it failed.
    pub outcome: ChangeOutcome,
    /// Why it ended so, when it was not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Commands that put back what was there before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undo: Vec<String>,
}

/// How a small change ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeOutcome {
    /// It was begun, and nobody has written down how it ended: pgctl was killed, or cut off.
    Begun,
    /// Done, and proven by looking.
    Done,
    /// It was not done: the server said no, and nothing was changed.
    Refused,
    /// It was asked for, and looking did not prove it.
    Unproven,
    /// It is done on some servers, and on others not, or not yet: the same command goes on.
    Partly,
}

impl fmt::Display for ChangeOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Begun => "begun",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Unproven => "unproven",
            Self::Partly => "partly",
        })
    }
}

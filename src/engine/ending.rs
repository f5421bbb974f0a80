//! How running a plan ends.

use crate::plan::StepName;

/// How running a plan ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// Everything was done; steps that may fail without stopping it are in the report.
    Done,
    /// It failed, or was aborted, and everything is as it was.
    RolledBack {
        /// The failure that led to it, or that somebody asked for it.
        reason: String,
        /// What could not be put back.
        left: Vec<String>,
    },
    /// Another change of the primary has taken its place; nothing is left to do.
    Replaced {
        /// Which one, and what it has decided.
        reason: String,
    },
    /// It waits for somebody who looks, as was asked for: `--resume` goes on with it.
    Paused {
        /// The step that is next.
        before: StepName,
    },
    /// It stopped in between: `--resume` goes on with it.
    Incomplete {
        /// The step it stopped at; none before the first.
        step: Option<StepName>,
        /// The failure, with the object that it is about.
        reason: String,
    },
}

impl Ending {
    pub(super) fn incomplete(step: Option<StepName>, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Incomplete { step, reason }
    }
}

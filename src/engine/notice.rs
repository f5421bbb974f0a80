//! What is told while an operation runs: one stream, read by the screen, JSON and tests alike.

use serde::Serialize;

use super::Stage;
use crate::plan::{Finding, Outcome, Plan, StepName};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    tag = "notice"
)]
pub enum Notice {
    /// A step begins.
    Began {
        /// Its number, from 1.
        number: usize,
        /// Of how many.
        of: usize,
        /// Which.
        step: StepName,
        /// What it does.
        title: String,
    },
    /// It did not work yet and is tried again.
    Retrying {
        /// Which.
        step: StepName,
        /// Why.
        reason: String,
    },
    /// It is done and proven.
    Completed {
        /// Which.
        step: StepName,
        /// How long it took, in seconds.
        seconds: f64,
    },
    /// It had been done before the interruption.
    FoundDone {
        /// Which.
        step: StepName,
    },
    /// It failed, and the operation goes on.
    Reported {
        /// Which.
        step: StepName,
        /// Why.
        reason: String,
    },
    /// It failed, and the operation stops.
    Failed {
        /// Which.
        step: StepName,
        /// Why.
        reason: String,
    },
    /// A step is being put back.
    Undoing {
        /// Which.
        step: StepName,
    },
    /// What it waits for does not hold yet.
    Waiting {
        /// Which.
        step: StepName,
        /// Why.
        reason: String,
    },
    /// A step could not be put back, and the rest is.
    Left {
        /// Which.
        step: StepName,
        /// Why, and what is left.
        reason: String,
    },
    /// A pod that is waited for has come further.
    Progress {
        /// Which.
        pod: String,
        /// Where it is now.
        #[serde(flatten)]
        stage: Stage,
    },
    /// Something was learnt.
    Found(Finding),
    /// The operation has ended.
    Ended {
        /// How.
        outcome: Outcome,
    },
}

/// Reads the stream.
pub trait Reporter: Sync {
    /// Called for each notice, in order.
    fn notice(&self, plan: &Plan, notice: &Notice);
}

impl<F: Fn(&Plan, &Notice) + Sync> Reporter for F {
    fn notice(&self, plan: &Plan, notice: &Notice) {
        self(plan, notice);
    }
}

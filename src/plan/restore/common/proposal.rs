//! A restore as it is planned: checks, and what is done when none of them refuses.

use crate::plan::language::{Check, Operation, OperationId, Step};

/// A plan, or what stands in its way.
pub(crate) struct Proposal {
    pub(crate) checks: Vec<Check>,
    pub(crate) system_identifier: String,
    /// What is done and how; none when the checks refuse.
    pub(crate) content: Option<(Operation, Vec<Step>)>,
}

/// The part of an operation's id that says when, for names in the cluster.
pub(crate) fn stamp(id: &OperationId) -> String {
    let (_, time) = id.0.split_once('-').unwrap_or(("", &id.0));
    time.to_ascii_lowercase()
}

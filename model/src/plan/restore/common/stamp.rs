//! When a restore was planned, for names in the cluster.

use crate::plan::language::OperationId;

/// The part of an operation's id that says when, for names in the cluster.
pub(crate) fn stamp(id: &OperationId) -> String {
    let (_, time) = id.0.split_once('-').unwrap_or(("", &id.0));
    time.to_ascii_lowercase()
}

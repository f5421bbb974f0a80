//! The format in which a journal is stored, so that whoever cannot read it can say so.

use serde::{Deserialize, Serialize};

use super::Journal;

/// The format that this pgctl writes. It is raised when a journal is written that the versions before
/// could not read or would misread: another kind of operation, action or condition, another meaning of
/// a field. A field that may be left away is no other format: whoever does not know it keeps it. Nor is another check: it is
/// stored where the versions before do not look.
pub const FORMAT: u32 = 1;

/// The lowest version of pgctl that reads [`FORMAT`].
pub(super) const NEEDS: &str = "0.1.0";

/// What is said of a journal in every format, beside what only its own format says. These fields never
/// change; a journal without it is of format 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// The number of the format.
    pub format: u32,
    /// The lowest version of pgctl that reads it, such as `0.2.0`.
    pub needs: String,
    /// Id of the operation that runs, or ran last.
    pub id: String,
    /// What that operation is, in words.
    pub operation: String,
    /// Whether it is over.
    pub ended: bool,
}

impl Header {
    /// Of a journal in this pgctl's own format.
    pub fn of(journal: &Journal) -> Self {
        Self {
            format: FORMAT,
            needs: NEEDS.to_owned(),
            id: journal.plan.id.0.clone(),
            operation: journal.plan.operation.to_string(),
            ended: journal.ended(),
        }
    }

    /// Whether this pgctl reads and writes what it stands above.
    pub fn is_known(&self) -> bool {
        self.format <= FORMAT
    }
}

//! A part of a report.

/// A file of a report.
#[derive(Clone)]
pub(super) struct Piece {
    pub(super) name: String,
    pub(super) content: Result<String, String>,
}

impl Piece {
    pub(super) fn new(name: impl Into<String>, content: Result<String, String>) -> Self {
        Self {
            name: name.into(),
            content,
        }
    }
}

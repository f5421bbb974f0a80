//! What is wrong with an archive.

use std::io;

/// Why an archive is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// It can't be read to its end: cut short, or changed.
    #[error("it can't be read to its end: {0}")]
    Read(#[from] io::Error),
    /// It can be read but is not whole.
    #[error("{0}")]
    Broken(String),
}

impl ContentError {
    pub(super) fn broken(reason: impl Into<String>) -> Self {
        Self::Broken(reason.into())
    }
}

//! The version of what scripts read.

/// The version of all documents.
pub const API_VERSION: &str = "pgctl/v1";

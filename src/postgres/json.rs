//! Answers that are one JSON document.

use serde::de::DeserializeOwned;

use super::SqlError;

/// Reads the document that a server has answered with.
///
/// # Errors
/// When it is none, or another than was asked for.
pub(super) fn json<T: DeserializeOwned>(doing: &str, text: Option<String>) -> Result<T, SqlError> {
    serde_json::from_str(text.as_deref().unwrap_or("null")).map_err(|error| SqlError::Unexpected {
        doing: doing.to_owned(),
        reason: error.to_string(),
    })
}

//! Answers that are one JSON document.

use serde::de::DeserializeOwned;

use super::SqlError;

/// Reads the document that a server has answered with.
///
/// # Errors
/// When it is none, or another than was asked for.
pub(super) fn json<T: DeserializeOwned>(doing: &str, text: Option<String>) -> Result<T, SqlError> {
    let unexpected = |reason: String| SqlError::Unexpected {
        doing: doing.to_owned(),
        reason,
    };
    let text = text.ok_or_else(|| unexpected("no answer".to_owned()))?;
    serde_json::from_str(&text).map_err(|error| unexpected(error.to_string()))
}

//! Names of files in a backup's folder.

use super::error::StoreError;

/// The name of a file in a backup's folder, never a path out of it.
pub(super) fn plain(file: &str) -> Result<&str, StoreError> {
    let plain = !file.is_empty()
        && !file.starts_with('.')
        && file
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    plain.then_some(file).ok_or_else(|| StoreError::NotFound {
        what: format!("a file named {file:?}"),
    })
}

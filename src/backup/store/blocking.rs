//! Calls of a store from a task.

use super::error::StoreError;

/// Runs something that blocks on a thread that may.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(StoreError::Settings(format!(
            "a thread of pgctl ended: {error}"
        ))),
    }
}

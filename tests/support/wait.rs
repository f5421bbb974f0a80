//! Waiting for conditions instead of sleeping.

use std::time::Duration;

/// The longest that anything that ought to happen is waited for: generous, because it is only ever
/// reached when it does not happen.
const PATIENCE: Duration = Duration::from_secs(240);

/// Waits until `look` gives something.
///
/// # Panics
/// When it never does; says what was waited for.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "waited {} s in vain: {what}",
            PATIENCE.as_secs()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

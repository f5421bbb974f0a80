//! A store that is gone for a moment is waited for in the middle of a backup.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Between two tries. Each of them is itself repeated a few times.
const AGAIN: Duration = Duration::from_secs(2);

/// What a full store says. It is a 5xx, and nothing that passes.
const FULL: [&str; 3] = ["StorageFull", "InsufficientStorage", "QuotaExceeded"];

/// How long a request is tried again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    limit: Duration,
    since: Option<Instant>,
}

impl Waiting {
    /// For so long, from the first failure on.
    pub(super) fn for_at_most(limit: Duration) -> Self {
        Self { limit, since: None }
    }

    /// Not at all: whoever asks a store for the first time wants to know that it is not there.
    pub(super) fn not() -> Self {
        Self::for_at_most(Duration::ZERO)
    }

    /// Waits before the next try.
    ///
    /// # Errors
    /// With the same error when there shall be none.
    pub(super) async fn again(&mut self, error: object_store::Error) -> object_store::Result<()> {
        let since = *self.since.get_or_insert_with(Instant::now);
        if !may_pass(&error) || since.elapsed() >= self.limit {
            return Err(error);
        }
        sleep(AGAIN.min(self.limit)).await;
        Ok(())
    }
}

/// Whether it is no answer, or one that says that the server is not well.
fn may_pass(error: &object_store::Error) -> bool {
    let reason = super::answers::chain(error);
    matches!(error, object_store::Error::Generic { .. })
        && !FULL.iter().any(|word| reason.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(text: &str) -> object_store::Error {
        object_store::Error::Generic {
            store: "S3",
            source: text.to_owned().into(),
        }
    }

    #[tokio::test]
    async fn a_store_that_is_gone_is_waited_for_and_a_full_one_is_not() {
        let refused = || generic("connection refused");
        let mut waiting = Waiting::for_at_most(Duration::from_millis(20));
        assert!(waiting.again(refused()).await.is_ok());
        // And not for ever.
        while waiting.again(refused()).await.is_ok() {}
        let mut waiting = Waiting::for_at_most(Duration::from_secs(60));
        let full = generic("<Code>XMinioStorageFull</Code>");
        assert!(waiting.again(full).await.is_err());
        assert!(Waiting::not().again(refused()).await.is_err());
    }
}

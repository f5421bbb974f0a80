//! How long is waited for what must not cost all of `--timeout`.

use std::time::Duration;

/// What `--timeout` is where nobody gives it.
pub const USUAL_TIMEOUT: Duration = Duration::from_secs(10);

/// How long something is waited for that has `usual` where nobody gives `--timeout`. Who gives more has a slow link, and has
/// that much more of this, too; who gives less waits no longer than that.
pub fn patience(usual: Duration, timeout: Duration) -> Duration {
    let share = usual.as_secs_f64() / USUAL_TIMEOUT.as_secs_f64();
    let waited = Duration::try_from_secs_f64(timeout.as_secs_f64() * share);
    waited.unwrap_or(timeout).max(usual).min(timeout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_waited_for_where_more_was_given_and_never_longer_than_that() {
        let seconds = Duration::from_secs;
        for (timeout, two, five, ten) in
            [(1, 1, 1, 1), (3, 2, 3, 3), (10, 2, 5, 10), (60, 12, 30, 60)]
        {
            for (usual, waits) in [(2, two), (5, five), (10, ten)] {
                assert_eq!(
                    patience(seconds(usual), seconds(timeout)),
                    seconds(waits),
                    "{usual} of {timeout}"
                );
            }
        }
        // What has more than an answer by itself has no more than that.
        assert_eq!(patience(seconds(20), seconds(10)), seconds(10));
        let year = seconds(365 * 24 * 3600);
        assert!(patience(seconds(2), year) < year);
        assert_eq!(patience(seconds(10), Duration::MAX), Duration::MAX);
    }
}

//! What is served: a look is shared by all who ask, and nobody waits for one that hangs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{Notify, watch};

use crate::output::{LastLook, Looked, exposition};

/// What is known, and how it came to be.
#[derive(Clone, Default)]
struct Known {
    looked: Option<Arc<Looked>>,
    seen: Option<Timestamp>,
    up: bool,
    seconds: Option<f64>,
    /// When the last look was begun.
    begun: Option<Instant>,
    /// It has not ended.
    under_way: bool,
}

/// What is known is told to all who ask; one worker looks when somebody wants it.
pub(super) struct Served {
    known: watch::Sender<Known>,
    wanted: Notify,
    interval: Duration,
}

impl Served {
    /// Nothing is known yet.
    pub(super) fn new(interval: Duration) -> Arc<Self> {
        Arc::new(Self {
            known: watch::Sender::new(Known::default()),
            wanted: Notify::new(),
            interval,
        })
    }

    /// What is known, in no more than `patience`. When no look is under way, and the last was begun longer
    /// ago than the interval, one is wanted, and waited for.
    pub(super) async fn answer(&self, patience: Duration) -> String {
        let interval = self.interval;
        let begins = self.known.send_if_modified(|it| {
            let fresh = it.begun.is_some_and(|begun| begun.elapsed() < interval);
            let begins = !it.under_way && !fresh;
            if begins {
                it.begun = Some(Instant::now());
                it.under_way = true;
            }
            begins
        });
        if begins {
            self.wanted.notify_one();
        }
        let mut known = self.known.subscribe();
        let ended = async { known.wait_for(|it| !it.under_way).await.is_ok() };
        // A look that does not end says that the cluster does not answer.
        let in_time = tokio::time::timeout(patience, ended).await.is_ok();
        let known = self.known.borrow().clone();
        let last = LastLook {
            up: known.up && in_time,
            seen: known.seen,
            seconds: known.seconds,
        };
        exposition(known.looked.as_deref(), &last)
    }

    /// Looks whenever somebody wants it, for ever.
    pub(super) async fn work(&self, look: impl AsyncFn() -> Option<Looked>) {
        loop {
            self.wanted.notified().await;
            let at = Timestamp::now();
            let looked = look().await;
            self.end(looked, at);
        }
    }

    fn end(&self, looked: Option<Looked>, at: Timestamp) {
        self.known.send_modify(|it| {
            it.under_way = false;
            it.seconds = it.begun.map(|begun| begun.elapsed().as_secs_f64());
            it.up = looked.is_some();
            if let Some(looked) = looked {
                it.looked = Some(Arc::new(looked));
                it.seen = Some(at);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_look_that_hangs_is_not_waited_for_and_not_begun_twice() {
        let served = Served::new(Duration::from_millis(1));
        let begun = AtomicU32::new(0);
        let work = served.work(async || {
            begun.fetch_add(1, Ordering::SeqCst);
            std::future::pending().await
        });
        let asking = async {
            for _ in 0..3 {
                let text = served.answer(Duration::from_millis(20)).await;
                assert!(
                    !text.contains("} 1.0") && text.contains("pgctl_up"),
                    "{text}"
                );
                assert!(text.ends_with("# EOF\n"), "{text}");
            }
        };
        tokio::select! {
            () = work => panic!("it never ends"),
            () = asking => {}
        }
        assert_eq!(begun.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn all_who_ask_within_the_interval_share_a_look() {
        let served = Served::new(Duration::from_secs(3600));
        let begun = AtomicU32::new(0);
        let work = served.work(async || {
            begun.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            None
        });
        let asking = (0..8).map(|_| served.answer(Duration::from_secs(60)));
        tokio::select! {
            () = work => panic!("it never ends"),
            _ = futures::future::join_all(asking) => {}
        }
        assert_eq!(begun.load(Ordering::SeqCst), 1);
    }
}

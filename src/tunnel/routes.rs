//! Where clients are led at the moment, kept true while the cluster changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};

use crate::cluster::{Destination, RoutedPod, Snapshot, must_leave, route};
use crate::kubernetes::{Kube, Selection};
use crate::observe::{Depth, watch_cluster};

/// Between two looks at the cluster's objects.
const PACE: Duration = Duration::from_secs(1);

/// What changes on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteNews {
    /// New clients are led to other pods than before.
    Moved {
        /// To these.
        to: Vec<String>,
    },
    /// There is nowhere to be led to, for this reason.
    Nowhere(String),
    /// The API does not answer: what was known last is held to be true.
    Unseen(String),
}

/// Where clients are led. Every clone is the same.
#[derive(Clone)]
pub struct Routes {
    destination: Destination,
    seen: watch::Receiver<Snapshot>,
    look_again: Arc<Notify>,
    turn: Arc<AtomicUsize>,
}

impl Routes {
    /// From what was seen, and kept true from now on; `tell` gets what changes.
    pub fn keep(
        destination: Destination,
        snapshot: Snapshot,
        kube: Kube,
        selection: Selection,
        depth: Depth,
    ) -> (Self, mpsc::UnboundedReceiver<RouteNews>) {
        let look_again = Arc::new(Notify::new());
        let mut looks = watch_cluster(kube, selection, depth, PACE, Arc::clone(&look_again));
        let mut known = pods(&destination, &snapshot);
        let (change, seen) = watch::channel(snapshot);
        let (tell, told) = mpsc::unbounded_channel();
        let routes = Self {
            destination,
            seen,
            look_again,
            turn: Arc::default(),
        };
        let destination = routes.destination.clone();
        tokio::spawn(async move {
            let mut unseen = false;
            loop {
                let look = tokio::select! {
                    look = looks.recv() => look,
                    () = change.closed() => return,
                };
                let news = match look {
                    None => return,
                    Some(Err(error)) => {
                        let first = !std::mem::replace(&mut unseen, true);
                        first.then(|| RouteNews::Unseen(error.to_string()))
                    }
                    Some(Ok(snapshot)) => {
                        unseen = false;
                        let now = pods(&destination, &snapshot);
                        change.send_replace(snapshot);
                        (now != known).then(|| {
                            known = now.clone();
                            match now {
                                Ok(to) => RouteNews::Moved { to },
                                Err(why) => RouteNews::Nowhere(why),
                            }
                        })
                    }
                };
                if let Some(news) = news {
                    // Whoever does not listen is not told.
                    tell.send(news).ok();
                }
            }
        });
        (routes, told)
    }

    /// Where a new client is led; waits so long for a place.
    pub(super) async fn next(&self, patience: Duration) -> Result<RoutedPod, String> {
        let mut seen = self.seen.clone();
        let found = seen.wait_for(|it| route(&self.destination, it).is_ok());
        match tokio::time::timeout(patience, found).await {
            Ok(Ok(snapshot)) => {
                let pods =
                    route(&self.destination, &snapshot).map_err(|error| error.to_string())?;
                let turn = self.turn.fetch_add(1, Ordering::Relaxed);
                Ok(pods[turn % pods.len()].clone())
            }
            Ok(Err(_)) | Err(_) => {
                let snapshot = self.seen.borrow();
                match route(&self.destination, &snapshot) {
                    Err(why) => Err(why.to_string()),
                    Ok(_) => Err("pgctl is ending".to_owned()),
                }
            }
        }
    }

    /// All pods that a client may have been led to.
    pub(super) fn all(&self) -> Vec<RoutedPod> {
        route(&self.destination, &self.seen.borrow()).unwrap_or_default()
    }

    /// Resolves when a client has to be cut off from a pod.
    pub(super) async fn left(&self, pod: &RoutedPod) {
        let mut seen = self.seen.clone();
        let left = seen.wait_for(|it| must_leave(&self.destination, pod, it));
        if left.await.is_err() {
            // Nobody looks any more.
            std::future::pending::<()>().await;
        }
    }

    /// Something is not as it was seen.
    pub(super) fn look_again(&self) {
        self.look_again.notify_one();
    }
}

/// The names of the pods, or why there is none.
fn pods(destination: &Destination, snapshot: &Snapshot) -> Result<Vec<String>, String> {
    route(destination, snapshot)
        .map(|pods| pods.into_iter().map(|it| it.name).collect())
        .map_err(|error| error.to_string())
}

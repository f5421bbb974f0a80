//! How a cluster is, again and again, for those who follow its pods. Its objects are looked at often; its
//! databases only when those have changed, from time to time, or when somebody asks for it: with
//! `log_connections` each look is a line in the log that is followed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};

use super::builder::{Depth, observe};
use crate::cluster::Snapshot;
use crate::kubernetes::{Kube, KubeError, NamespaceScope, Selection};

/// The longest between two looks at the databases.
const DATABASES: Duration = Duration::from_secs(30);

/// Looks until nobody listens: at the objects every `pace`, at the databases when those have changed, or
/// after `at_once` was told. Each look at the databases is told, and each failure.
pub fn watch_cluster(
    kube: Kube,
    selection: Selection,
    depth: Depth,
    pace: Duration,
    at_once: Arc<Notify>,
) -> mpsc::Receiver<Result<Snapshot, KubeError>> {
    let (tell, told) = mpsc::channel(1);
    tokio::spawn(async move {
        let place = NamespaceScope::Namespace(kube.namespace().to_owned());
        let mut before = Vec::new();
        let mut asked = Instant::now();
        loop {
            tokio::select! {
                () = tokio::time::sleep(pace) => {}
                () = at_once.notified() => before.clear(),
                () = tell.closed() => return,
            }
            let look = async |depth| observe(&kube, &place, &selection, depth).await;
            let seen = match look(Depth::Objects).await {
                Ok(seen) => seen.snapshot,
                Err(error) => {
                    if tell.send(Err(error)).await.is_err() {
                        return;
                    }
                    continue;
                }
            };
            let now = state_of(&seen);
            if now == before && asked.elapsed() < DATABASES {
                continue;
            }
            asked = Instant::now();
            let seen = look(depth).await.map(|it| it.snapshot);
            // A pod that does not answer yet is asked again at the next look.
            let answered = |it: &Snapshot| it.instances.iter().all(|it| it.facts().is_some());
            before = match &seen {
                Ok(seen) if answered(seen) => now,
                Ok(_) | Err(_) => Vec::new(),
            };
            if tell.send(seen).await.is_err() {
                return;
            }
        }
    });
    told
}

/// What changes when a pod comes, goes, starts again, or is to be another.
fn state_of(snapshot: &Snapshot) -> Vec<(String, u64)> {
    let pods = snapshot.instances.iter().map(|it| {
        let ready = u64::from(it.pod.ready);
        (it.pod.uid.clone(), u64::from(it.pod.restarts) * 2 + ready)
    });
    let topology = (snapshot.topology.primary.clone(), snapshot.topology.term);
    pods.chain([topology]).collect()
}

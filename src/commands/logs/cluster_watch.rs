//! How the cluster is while its logs are followed. Its objects are looked at again and again; its
//! databases only when those have changed, or from time to time: with `log_connections` each look is
//! a line in the log that is followed.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::cluster::Snapshot;
use crate::kubernetes::{Kube, KubeError, NamespaceScope, Selection};
use crate::observe::{Depth, observe};

/// Between two looks at the objects.
const PACE: Duration = Duration::from_secs(2);
/// The longest between two looks at the databases.
const DATABASES: Duration = Duration::from_secs(30);

/// Looks until nobody listens. Each look at the databases is told, and each failure.
pub(super) fn watch(
    kube: Kube,
    selection: Selection,
    depth: Depth,
) -> mpsc::Receiver<Result<Snapshot, KubeError>> {
    let (tell, told) = mpsc::channel(1);
    tokio::spawn(async move {
        let place = NamespaceScope::Namespace(kube.namespace().to_owned());
        let mut before = Vec::new();
        let mut asked = Instant::now();
        loop {
            tokio::select! {
                () = tokio::time::sleep(PACE) => {}
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

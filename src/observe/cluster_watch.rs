//! How a cluster is, again and again, for those who follow its pods. Its objects are looked at often; its
//! databases only when those have changed, from time to time, or when somebody asks for it (those that do not answer
//! at each look): with
//! `log_connections` each look is a line in the log that is followed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{Notify, mpsc};

use super::builder::{Depth, observe_found, observe_silent};
use crate::cluster::Snapshot;
use crate::kubernetes::{Found, Kube, KubeError, NamespaceScope, Selection};

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
        let mut last: Option<Snapshot> = None;
        let mut asked = Instant::now();
        loop {
            tokio::select! {
                () = tokio::time::sleep(pace) => {}
                () = at_once.notified() => before.clear(),
                () = tell.closed() => return,
            }
            let taken = Timestamp::now();
            let (found, now) = match listed(&kube, &place, &selection).await {
                Ok(listed) => listed,
                Err(error) => {
                    if tell.send(Err(error)).await.is_err() {
                        return;
                    }
                    continue;
                }
            };
            let holds = now == before && asked.elapsed() < DATABASES;
            let known = last.take().filter(|_| holds);
            let answered = |it: &Snapshot| it.instances.iter().all(|it| it.facts().is_some());
            if known.as_ref().is_some_and(answered) {
                last = known;
                continue;
            }
            // A pod that does not answer yet is asked again at each look; the others only when any of them may be
            // the primary by now.
            let seen = match known.filter(|it| it.primary().is_some()) {
                Some(known) => observe_silent(&kube, &found, taken, depth, &known).await,
                None => {
                    asked = Instant::now();
                    observe_found(&kube, &found, taken, depth).await
                }
            };
            let seen = seen.map(|it| it.snapshot);
            before = now;
            last = seen.as_ref().ok().cloned();
            if tell.send(seen).await.is_err() {
                return;
            }
        }
    });
    told
}

/// What changes when a pod comes, goes, starts again, or is to be another.
type State = Vec<(String, u64)>;

/// The objects, and the state that they are in.
async fn listed(
    kube: &Kube,
    place: &NamespaceScope,
    selection: &Selection,
) -> Result<(Found, State), KubeError> {
    let found = kube.discover_one(place, selection).await?;
    let topology = kube.topology(&found).await?;
    let pods = found.pod_facts(&BTreeMap::new()).into_iter().map(|pod| {
        let ready = u64::from(pod.ready);
        (pod.uid, u64::from(pod.restarts) * 2 + ready)
    });
    let state = pods.chain([(topology.primary, topology.term)]).collect();
    Ok((found, state))
}

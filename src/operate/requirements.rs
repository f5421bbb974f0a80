//! What an operation needs to know besides the snapshot.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;

use crate::change::paused_since;
use crate::cluster::{ArgoApplication, HandPause, PoolerPod, Poolers, Snapshot};
use crate::failure::Failure;
use crate::kubernetes::{Call, Kube, calls_of};
use crate::observe::{Observed, poolers_with_pauses, unlogged_tables};
use crate::plan::{Circumstances, OperationKind, Permission, Permitted, applications, drift};
use crate::world::{RecordOf, changes_of, lock_holder, seen_journal};

/// How long a pooler may take to say whether it is paused.
const POOLER_SAYS: Duration = Duration::from_secs(5);

/// What was found out besides the snapshot: permissions, the lock, the journal, who else changes things.
///
/// # Errors
/// When the API can't be asked, or the journal can't be read.
pub async fn requirements(
    kube: &Kube,
    observed: &Observed,
    kind: OperationKind,
    record: RecordOf,
) -> Result<Circumstances, Failure> {
    let snapshot = &observed.snapshot;
    let namespace = &snapshot.cluster.namespace;
    let calls: Vec<Call> = calls_of(kind)
        .into_iter()
        .map(|it| it.within(namespace))
        .collect();
    let of_failover = async {
        match kind {
            OperationKind::Failover => {
                futures::join!(unlogged_tables(kube, observed), poolers_of(kube, snapshot))
            }
            OperationKind::Rejoin
            | OperationKind::Reinit
            | OperationKind::Scale
            | OperationKind::Autoscale
            | OperationKind::Synchronous
            | OperationKind::Rollout
            | OperationKind::Restore
            | OperationKind::Discard => (None, Poolers::default()),
        }
    };
    let (missing, lock, journal, argo, (unlogged, poolers)) = futures::join!(
        kube.not_allowed(&calls),
        lock_holder(kube, &snapshot.cluster, record),
        seen_journal(kube, &snapshot.cluster, record),
        argo_applications(kube, snapshot),
        of_failover,
    );
    let missing = missing?;
    let permissions = calls
        .iter()
        .map(|call| Permitted {
            permission: Permission::new(call.verb.as_str(), call.group, call.resource),
            allowed: !missing.contains(&call),
        })
        .collect();
    let (journal, journal_version) = journal?;
    Ok(Circumstances {
        journal_version,
        permissions,
        // Without the permission to read it, the check of the permissions says so.
        lock: lock.unwrap_or_default(),
        unfinished: journal.and_then(|journal| journal.unfinished()),
        drift: drift(snapshot, &argo),
        unlogged,
        poolers,
        drained: None,
    })
}

/// The pods of the poolers. Where a primary is there to be switched, also which of them are paused by hand; in an emergency nobody
/// waits for that.
async fn poolers_of(kube: &Kube, snapshot: &Snapshot) -> Poolers {
    let cluster = &snapshot.cluster;
    let found = match snapshot.primaries().next() {
        Some(_) => poolers_with_pauses(kube, cluster, kube.patience(POOLER_SAYS)).await,
        None => kube.poolers(cluster).await,
    };
    let mut pods = match found {
        Ok(pods) => pods,
        Err(error) => return Poolers::Unseen(error.to_string()),
    };
    if pods.iter().any(PoolerPod::is_paused) {
        // Whoever may not read it is told without a time.
        let history = changes_of(kube, cluster).await.unwrap_or_default();
        let all = pods.iter().filter(|it| !it.leaving).count();
        for pod in &mut pods {
            if let HandPause::Paused(since) = &mut pod.pause {
                *since = paused_since(&history, &pod.name, pod.started, all);
            }
        }
    }
    Poolers::Seen(pods)
}

/// The Applications of Argo CD that can be read: of the others nobody knows what they would do.
pub async fn argo_applications(
    kube: &Kube,
    snapshot: &Snapshot,
) -> BTreeMap<String, ArgoApplication> {
    let read = applications(snapshot).into_iter().map(async |name| {
        let found = kube.argo_application(&name).await;
        Some((name, found.ok().flatten()?))
    });
    join_all(read).await.into_iter().flatten().collect()
}

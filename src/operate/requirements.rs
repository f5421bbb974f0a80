//! What an operation needs to know besides the snapshot.

use std::collections::BTreeMap;

use futures::future::join_all;

use crate::cluster::{ArgoApplication, Poolers, Snapshot};
use crate::failure::Failure;
use crate::kubernetes::{Call, Kube, calls_of};
use crate::observe::{Observed, unlogged_tables};
use crate::plan::{Circumstances, OperationKind, Permission, Permitted, applications, drift};
use crate::world::{RecordOf, lock_holder, seen_journal};

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
                let (unlogged, poolers) = futures::join!(
                    unlogged_tables(kube, observed),
                    kube.poolers(&snapshot.cluster)
                );
                let poolers = match poolers {
                    Ok(pods) => Poolers::Seen(pods),
                    Err(error) => Poolers::Unseen(error.to_string()),
                };
                (unlogged, poolers)
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

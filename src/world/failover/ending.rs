//! Bringing pods to their end, and letting go what was kept of them.

use std::time::Duration;

use futures::future::try_join_all;
use tokio::time::Instant;

use crate::cluster::PodFacts;
use crate::cluster::names;
use crate::engine::{Known, WorldError};
use crate::kubernetes::KubeError;
use crate::plan::{OperationFinding, Plan, PodRef, Shutdown};
use crate::world::cluster::RealCluster;
use crate::world::connections::Connections;
use crate::world::failover::end::{End, end_of};
use crate::world::failover::outage::Outage;
use crate::world::failover::still_running::still_running;
use crate::world::failover::stopping::await_deletion;
use crate::world::failover::topology::present;

/// Deletes a pod. A conflict means that it is another by now: nothing is known of that one, so
/// it is never taken for the end of the one that was meant.
pub(in crate::world) async fn delete(
    cluster: &Connections,
    plan: &Plan,
    pod: &PodRef,
    known: &Known,
) -> Result<Vec<OperationFinding>, WorldError> {
    if plan.operation.primary_change().is_some() {
        // All who may have read what the topology said before the fence; their ends are waited
        // for one by one.
        for it in known.to_be_proven(&pod.name, Some(pod)) {
            delete_this(cluster, &it).await?;
        }
        return Ok(Vec::new());
    }
    // The successor of one that is only to be made anew is what was wanted.
    if delete_this(cluster, pod).await? || plan.operation.restart().is_some() {
        return Ok(Vec::new());
    }
    // Its successor may have been made before what it is to see.
    let now = present(cluster, std::slice::from_ref(&pod.name)).await?;
    let Some(now) = now.into_iter().find(|it| !known.deleted.contains(it)) else {
        return Ok(Vec::new());
    };
    if !delete_this(cluster, &now).await? {
        let words = format!("{} was replaced once more", pod.name);
        return Err(WorldError::transient(words));
    }
    Ok(vec![OperationFinding::Deleted { pod: now }])
}

/// Evicts a standby. One that is another pod by now is what was wanted. A budget may let it go minutes later, so what is
/// needed for it is looked at each time.
pub(in crate::world) async fn evict(
    cluster: &Connections,
    plan: &Plan,
    pod: &PodRef,
) -> Result<(), WorldError> {
    let (namespace, name) = (cluster.namespace(), &pod.name);
    let now = cluster.kube.pod(namespace, name).await?;
    if now.is_none_or(|it| it.uid != pod.uid || it.deleting_since.is_some()) {
        return Ok(());
    }
    let restart = plan.operation.restart();
    if let Some(node) = restart.and_then(|it| it.rollout.node.as_ref())
        && !cluster.kube.is_cordoned(node).await?
    {
        let words = format!("{node} takes new pods: {name} could come back to it");
        return Err(WorldError::permanent(words));
    }
    // One that does not answer may go: the topology names another, so it can't have become a primary by pgctl.
    if let Ok(session) = cluster.session(name).await
        && session.writable().await.unwrap_or(false)
    {
        return Err(WorldError::permanent(format!("{name} is a primary by now")));
    }
    match cluster.kube.evict_pod(namespace, name, &pod.uid).await {
        Ok(()) | Err(KubeError::Conflict { .. }) => Ok(()),
        // As often as it is asked.
        Err(error @ KubeError::Api { code: 500, .. })
            if error
                .to_string()
                .contains("more than one PodDisruptionBudget") =>
        {
            Err(WorldError::permanent(error.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether the pod of that name was this one, or there was none.
async fn delete_this(cluster: &Connections, pod: &PodRef) -> Result<bool, WorldError> {
    let deleting = cluster
        .kube
        .delete_pod(cluster.namespace(), &pod.name, &pod.uid)
        .await;
    match deleting {
        Ok(()) => Ok(true),
        Err(KubeError::Conflict { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Stops pods of earlier operations.
pub(in crate::world) async fn stop_unproven(
    cluster: &Connections,
    stateful_sets: &[String],
    pods: &[PodRef],
    known: &Known,
) -> Result<(), WorldError> {
    let namespace = cluster.namespace();
    let all: Vec<PodRef> = pods
        .iter()
        .flat_map(|pod| known.to_be_proven(&pod.name, Some(pod)))
        .collect();
    for pod in &all {
        let now = cluster.kube.pod(namespace, &pod.name).await?;
        let stays = now.is_some_and(|it| it.uid == pod.uid && it.deleting_since.is_none());
        // An object that is being deleted takes no finalizer any more (`validation.go` of the API
        // machinery): its end is seen by watching, or not at all.
        if stays {
            cluster
                .kube
                .hold_pod(namespace, &pod.name, &pod.uid, names::SHUTDOWN_RECORD, None)
                .await?;
        }
    }
    for set in stateful_sets {
        cluster.kube.scale(namespace, set, 0).await?;
    }
    for pod in &all {
        delete_this(cluster, pod).await?;
    }
    Ok(())
}

/// Keeps the object of a pod until the record of its shutdown was read. The mark names the container that its
/// server runs in, so that a primary which has only just been started waits to be stopped; a container that
/// takes that one's place does not know the name.
pub(in crate::world) async fn hold(cluster: &Connections, pod: &PodRef) -> Result<(), WorldError> {
    const LIMIT: Duration = Duration::from_secs(1);
    let asking = async {
        cluster
            .session(&pod.name)
            .await?
            .container_name()
            .await
            .map_err(WorldError::from)
    };
    let container = tokio::time::timeout(LIMIT, asking).await;
    // Who does not answer is stopped all the same.
    let container = container.ok().and_then(Result::ok).flatten();
    cluster
        .kube
        .hold_pod(
            cluster.namespace(),
            &pod.name,
            &pod.uid,
            names::SHUTDOWN_RECORD,
            container.as_deref(),
        )
        .await?;
    Ok(())
}

/// Lets the objects go of pods that have ended; one that is being deleted is waited for. Whatever still runs keeps its
/// finalizer, unless somebody vouches for its end.
pub(in crate::world) async fn release_ended(
    cluster: &Connections,
    plan: &Plan,
    pods: &[PodRef],
    limit: Duration,
) -> Result<(), WorldError> {
    let vouched = plan.accepts_split_brain();
    let namespace = cluster.namespace();
    let releasing = pods.iter().map(async |pod| {
        if !vouched {
            await_deletion(cluster, plan, pod, limit).await?;
        }
        let now = cluster.kube.pod(namespace, &pod.name).await?;
        if !vouched && now.is_some_and(|it| it.uid == pod.uid && !it.has_ended()) {
            let words = format!("{} has not ended: its object stays", pod.name);
            return Err(WorldError::permanent(words));
        }
        cluster
            .kube
            .release_pod(namespace, &pod.name, &pod.uid, names::SHUTDOWN_RECORD)
            .await?;
        Ok(())
    });
    try_join_all(releasing).await.map(drop)
}

/// Whether pgctl's finalizer is on the pod.
pub(in crate::world) async fn held(
    cluster: &Connections,
    pod: &PodRef,
) -> Result<bool, WorldError> {
    let now = cluster.kube.pod(cluster.namespace(), &pod.name).await?;
    Ok(now.is_some_and(|it| it.uid == pod.uid && it.held))
}

/// Whether everybody of this name has ended who could write.
pub(in crate::world) async fn all_ended(
    cluster: &Connections,
    name: &str,
    planned: Option<&PodRef>,
    known: &Known,
) -> Result<bool, WorldError> {
    let now = cluster.kube.pod(cluster.namespace(), name).await?;
    let over = |pod: &PodRef| {
        known.has_ended(pod)
            || (now.as_ref()).is_some_and(|now| now.uid == pod.uid && now.has_ended())
    };
    let pods = everybody(name, planned, now.as_ref(), known);
    Ok(pods.iter().all(over))
}

/// Waits until everybody of these names has ended who could write; also tells where the WAL of the
/// last one ended.
pub(in crate::world) async fn await_ends(
    cluster: &Connections,
    outage: &Outage,
    plan: &Plan,
    names: &[(&str, Option<&PodRef>)],
    known: &Known,
    limit: Duration,
) -> Result<Vec<OperationFinding>, WorldError> {
    let begun = Instant::now();
    let mut findings = Vec::new();
    let mut last = None;
    for (name, planned) in names {
        let now = match known.fenced {
            Some(_) => None,
            None => cluster.kube.pod(cluster.namespace(), name).await?,
        };
        for pod in everybody(name, *planned, now.as_ref(), known) {
            if known.has_ended(&pod) {
                continue;
            }
            let left = limit.saturating_sub(begun.elapsed());
            last = await_end(cluster, plan, &pod, left).await?.ok();
            findings.push(OperationFinding::Ended { pod });
        }
    }
    outage.stopped();
    // The last one of a name has written the end of the WAL on its volume.
    findings.extend(last.map(OperationFinding::Shutdown));
    Ok(findings)
}

/// Waits until the old primary has ended in order.
pub(in crate::world) async fn await_clean_end(
    real: &RealCluster,
    plan: &Plan,
    pod: &PodRef,
    known: &Known,
    limit: Duration,
) -> Result<Vec<OperationFinding>, WorldError> {
    // Its record was read when it was being deleted and its container had terminated, or its start script had said that no
    // server starts any more: nothing starts in that pod again, and its name's next pod meets the fence.
    if known.shutdown.is_some() {
        return Ok(Vec::new());
    }
    if known.to_be_proven(&pod.name, Some(pod)).len() > 1 {
        return Err(WorldError::permanent(format!(
            "{} was replaced by another pod of its name: whether the candidate has all of that one's WAL can't be proven",
            pod.name
        )));
    }
    let cluster = &real.connections;
    let ended = tokio::select! {
        biased;
        Some(shutdown) = real.lingering.stopped_for_good(cluster, plan, pod, limit) => {
            cluster.forget(&pod.name).await;
            Ok(shutdown)
        }
        ended = await_end(cluster, plan, pod, limit) => ended?,
    };
    real.outage.stopped();
    match ended {
        Ok(shutdown) => Ok(vec![
            OperationFinding::Ended { pod: pod.clone() },
            OperationFinding::Shutdown(shutdown),
        ]),
        Err(how) => Err(WorldError::permanent(format!(
            "{} has stopped, but {how}: whether the candidate has all of its WAL can't be proven",
            pod.name
        ))),
    }
}

/// Waits until one pod has ended; gives where its WAL ended, or how else it did.
async fn await_end(
    cluster: &Connections,
    plan: &Plan,
    pod: &PodRef,
    limit: Duration,
) -> Result<Result<Shutdown, String>, WorldError> {
    let doing = format!("waiting until {} has stopped", pod.name);
    let end = cluster
        .kube
        .wait_for_pod(cluster.namespace(), &pod.name, &doing, limit, |now| {
            end_of(plan, now, pod)
        })
        .await;
    let end = match end {
        Ok(end) => end,
        Err(error) => {
            let running = still_running(cluster, &pod.name).await;
            let more = running.map(|it| format!("; still at work there: {it}"));
            let words = error.to_string() + &more.unwrap_or_default();
            return Err(WorldError::permanent(words));
        }
    };
    cluster.forget(&pod.name).await;
    match end {
        End::Clean(shutdown) => Ok(Ok(shutdown)),
        End::Stopped(how) => Ok(Err(how)),
        End::Vanished => Err(WorldError::permanent(format!(
            "the object of {} (UID {}) is gone, and nobody has seen its container end: deleted by force, or with its node, it may still run there",
            pod.name, pod.uid
        ))),
    }
}

/// Whose end is needed. Where nobody knows who existed when the fence was written (journals of
/// before, clusters without a topology), that is whoever there is.
fn everybody(
    name: &str,
    planned: Option<&PodRef>,
    now: Option<&PodFacts>,
    known: &Known,
) -> Vec<PodRef> {
    let mut pods = known.to_be_proven(name, planned);
    if let (None, Some(now)) = (&known.fenced, now)
        && !pods.iter().any(|pod| pod.uid == now.uid)
    {
        pods.push(PodRef {
            name: name.to_owned(),
            uid: now.uid.clone(),
        });
    }
    pods
}

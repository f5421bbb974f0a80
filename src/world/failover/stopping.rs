//! Seeing to the end of a pod that is being stopped.

use std::time::Duration;

use crate::engine::WorldError;
use crate::kubernetes::KubeError;
use crate::plan::{Plan, PodRef};
use crate::world::connections::Connections;
use crate::world::failover::end::end_of;

/// Waits a while for a pod's end, and shortens its grace period when it does not come.
pub(in crate::world) async fn hasten_end(
    cluster: &Connections,
    plan: &Plan,
    pod: &PodRef,
    after: Duration,
    grace_seconds: u32,
) -> Result<(), WorldError> {
    let (namespace, doing) = (
        cluster.namespace(),
        format!("waiting for {} to end", pod.name),
    );
    let ended = cluster
        .kube
        .wait_for_pod(namespace, &pod.name, &doing, after, |now| {
            end_of(plan, now, pod).map(drop)
        })
        .await;
    match ended {
        Ok(()) => return Ok(()),
        Err(KubeError::TimedOut { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let shortened = cluster
        .kube
        .delete_pod_within(namespace, &pod.name, &pod.uid, grace_seconds)
        .await;
    match shortened {
        // It is another pod by now, which proves nothing: what is waited for next decides.
        Ok(()) | Err(KubeError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Waits until a pod has ended that is being deleted: that can't be called back.
pub(in crate::world) async fn await_deletion(
    cluster: &Connections,
    plan: &Plan,
    pod: &PodRef,
    limit: Duration,
) -> Result<(), WorldError> {
    let doing = format!(
        "{} is being deleted, and has not ended yet: waiting for that",
        pod.name
    );
    cluster
        .kube
        .wait_for_pod(cluster.namespace(), &pod.name, &doing, limit, |now| {
            let stays = now.is_some_and(|it| it.uid == pod.uid && it.deleting_since.is_none());
            (stays || end_of(plan, now, pod).is_some()).then_some(())
        })
        .await
        .map_err(|error| WorldError::permanent(error.to_string()))
}

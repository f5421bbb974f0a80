//! Bringing pods to their end, and letting go what was kept of them.

use std::time::Duration;

use futures::future::try_join_all;
use tokio::time::Instant;

use crate::cluster::PodFacts;
use crate::engine::{Known, WorldError};
use crate::kubernetes::{KubeError, labels};
use crate::plan::{Finding, Operation, Plan, PodRef, Shutdown};
use crate::world::cluster::Live;
use crate::world::failover::end::{End, end_of};

impl Live {
    /// Deletes a pod. A conflict means that it is another by now: nothing is known of that one, so
    /// it is never taken for the end of the one that was meant.
    pub(in crate::world) async fn delete(
        &self,
        plan: &Plan,
        pod: &PodRef,
        known: &Known,
    ) -> Result<Vec<Finding>, WorldError> {
        if let Operation::Failover { .. } = plan.operation {
            // All who may have read what the topology said before the fence; their ends are waited
            // for one by one.
            for it in known.to_be_proven(&pod.name, Some(pod)) {
                self.delete_this(&it).await?;
            }
            return Ok(Vec::new());
        }
        if self.delete_this(pod).await? {
            return Ok(Vec::new());
        }
        // Its successor may have been made before what it is to see.
        let now = self.present(std::slice::from_ref(&pod.name)).await?;
        let Some(now) = now.into_iter().find(|it| !known.deleted.contains(it)) else {
            return Ok(Vec::new());
        };
        if !self.delete_this(&now).await? {
            let words = format!("{} was replaced once more", pod.name);
            return Err(WorldError::transient(words));
        }
        Ok(vec![Finding::Deleted { pod: now }])
    }

    /// Whether the pod of that name was this one, or there was none.
    async fn delete_this(&self, pod: &PodRef) -> Result<bool, WorldError> {
        let deleting = self
            .kube
            .delete_pod(self.namespace(), &pod.name, &pod.uid)
            .await;
        match deleting {
            Ok(()) => Ok(true),
            Err(KubeError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Stops pods of earlier operations.
    pub(in crate::world) async fn stop_unproven(
        &self,
        stateful_sets: &[String],
        pods: &[PodRef],
        known: &Known,
    ) -> Result<(), WorldError> {
        let namespace = self.namespace();
        let all: Vec<PodRef> = pods
            .iter()
            .flat_map(|pod| known.to_be_proven(&pod.name, Some(pod)))
            .collect();
        for pod in &all {
            let now = self.kube.pod(namespace, &pod.name).await?;
            let stays = now.is_some_and(|it| it.uid == pod.uid && it.deleting_since.is_none());
            // An object that is being deleted takes no finalizer any more (`validation.go` of the API
            // machinery): its end is seen by watching, or not at all.
            if stays {
                self.kube
                    .hold_pod(namespace, &pod.name, &pod.uid, labels::SHUTDOWN_RECORD)
                    .await?;
            }
        }
        for set in stateful_sets {
            self.kube.scale(namespace, set, 0).await?;
        }
        for pod in &all {
            self.delete_this(pod).await?;
        }
        Ok(())
    }

    /// Lets the objects go of pods that have ended. Whatever still runs keeps its finalizer, unless
    /// somebody vouches for its end.
    pub(in crate::world) async fn release_ended(
        &self,
        plan: &Plan,
        pods: &[PodRef],
    ) -> Result<(), WorldError> {
        let vouched = plan.accepts_split_brain();
        let namespace = self.namespace();
        let releasing = pods.iter().map(async |pod| {
            let now = self.kube.pod(namespace, &pod.name).await?;
            if !vouched && now.is_some_and(|it| it.uid == pod.uid && !it.has_ended()) {
                let words = format!("{} has not ended: its object stays", pod.name);
                return Err(WorldError::permanent(words));
            }
            self.kube
                .release_pod(namespace, &pod.name, &pod.uid, labels::SHUTDOWN_RECORD)
                .await?;
            Ok(())
        });
        try_join_all(releasing).await.map(drop)
    }

    /// Whether pgctl's finalizer is on the pod.
    pub(in crate::world) async fn held(&self, pod: &PodRef) -> Result<bool, WorldError> {
        let now = self.kube.pod(self.namespace(), &pod.name).await?;
        Ok(now.is_some_and(|it| it.uid == pod.uid && it.held))
    }

    /// Whether everybody of this name has ended who could write.
    pub(in crate::world) async fn all_ended(
        &self,
        name: &str,
        planned: Option<&PodRef>,
        known: &Known,
    ) -> Result<bool, WorldError> {
        let now = self.kube.pod(self.namespace(), name).await?;
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
        &self,
        plan: &Plan,
        names: &[(&str, Option<&PodRef>)],
        known: &Known,
        limit: Duration,
    ) -> Result<Vec<Finding>, WorldError> {
        let begun = Instant::now();
        let mut findings = Vec::new();
        let mut last = None;
        for (name, planned) in names {
            let now = match known.fenced {
                Some(_) => None,
                None => self.kube.pod(self.namespace(), name).await?,
            };
            for pod in everybody(name, *planned, now.as_ref(), known) {
                if known.has_ended(&pod) {
                    continue;
                }
                let left = limit.saturating_sub(begun.elapsed());
                last = self.await_end(plan, &pod, left).await?.ok();
                findings.push(Finding::Ended { pod });
            }
        }
        self.outage.stopped();
        // The last one of a name has written the end of the WAL on its volume.
        findings.extend(last.map(Finding::Shutdown));
        Ok(findings)
    }

    /// Waits until the old primary has ended in order.
    pub(in crate::world) async fn await_clean_end(
        &self,
        plan: &Plan,
        pod: &PodRef,
        known: &Known,
        limit: Duration,
    ) -> Result<Vec<Finding>, WorldError> {
        // Its record was read when it was being deleted and its container had terminated: nothing
        // starts in that pod again, and its name's next pod meets the fence.
        if known.shutdown.is_some() {
            return Ok(Vec::new());
        }
        if known.to_be_proven(&pod.name, Some(pod)).len() > 1 {
            return Err(WorldError::permanent(format!(
                "{} was replaced by another pod of its name: whether the candidate has all of that one's WAL can't be proven",
                pod.name
            )));
        }
        let end = self.await_end(plan, pod, limit).await?;
        self.outage.stopped();
        match end {
            Ok(shutdown) => Ok(vec![
                Finding::Ended { pod: pod.clone() },
                Finding::Shutdown(shutdown),
            ]),
            Err(how) => Err(WorldError::permanent(format!(
                "{} has stopped, but {how}: whether the candidate has all of its WAL can't be proven",
                pod.name
            ))),
        }
    }

    /// Waits until one pod has ended; gives where its WAL ended, or how else it did.
    async fn await_end(
        &self,
        plan: &Plan,
        pod: &PodRef,
        limit: Duration,
    ) -> Result<Result<Shutdown, String>, WorldError> {
        let doing = format!("waiting until {} has stopped", pod.name);
        let end = self
            .kube
            .wait_for_pod(self.namespace(), &pod.name, &doing, limit, |now| {
                end_of(plan, now, pod)
            })
            .await;
        let end = match end {
            Ok(end) => end,
            Err(error) => {
                let running = self.still_running(&pod.name).await;
                let more = running.map(|it| format!("; still at work there: {it}"));
                let words = error.to_string() + &more.unwrap_or_default();
                return Err(WorldError::permanent(words));
            }
        };
        self.forget(&pod.name).await;
        match end {
            End::Clean(shutdown) => Ok(Ok(shutdown)),
            End::Stopped(how) => Ok(Err(how)),
            End::Vanished => Err(WorldError::permanent(format!(
                "the object of {} (UID {}) is gone, and nobody has seen its container end: deleted by force, or with its node, it may still run there",
                pod.name, pod.uid
            ))),
        }
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

//! Carrying actions out.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

use crate::engine::{Known, WorldError};
use crate::kubernetes::{Annotations, labels};
use crate::plan::{
    Action, ClaimRef, Finding, Follower, ORIGINAL_MINIMUM, ORIGINAL_SELECTOR, OutageMethod, Plan,
};
use crate::world::cluster::Live;
use crate::world::scaling::serving::Goal;

impl Live {
    pub(super) async fn carry_out(
        &self,
        plan: &Plan,
        action: &Action,
        known: &Known,
        limit: Duration,
    ) -> Result<Vec<Finding>, WorldError> {
        let namespace = self.namespace();
        match action {
            Action::Observe => {}
            Action::SetAutoscalerMinimum {
                autoscaler,
                minimum,
                remember,
            } => {
                let value = remember.map(|minimum| minimum.to_string());
                let annotations = Annotations::from([(ORIGINAL_MINIMUM.to_owned(), value)]);
                self.kube
                    .set_autoscaler_minimum(namespace, autoscaler, *minimum, &annotations)
                    .await?;
            }
            Action::CreateSlots { pod, slots } => {
                let session = self.session(pod).await?;
                session
                    .create_slots(slots.iter().map(String::as_str))
                    .await?;
            }
            Action::DropSlots { pod, slots } => {
                let session = self.session(pod).await?;
                session
                    .drop_idle_slots(slots.iter().map(String::as_str))
                    .await?;
            }
            Action::Checkpoint { pod } => self.session(pod).await?.checkpoint(limit).await?,
            Action::HoldRecord { pod } => {
                self.kube
                    .hold_pod(namespace, &pod.name, &pod.uid, labels::SHUTDOWN_RECORD)
                    .await?;
            }
            Action::ReleaseRecord { pod } => {
                self.kube
                    .release_pod(namespace, &pod.name, &pod.uid, labels::SHUTDOWN_RECORD)
                    .await?;
            }
            Action::WriteTopology {
                config_map,
                primary,
                term,
                system_identifier,
                unproven,
            } => {
                self.write_topology(config_map, primary, *term, system_identifier, unproven)
                    .await?;
            }
            Action::SettleProofs { config_map, pods } => {
                self.settle_proofs(config_map, pods).await?;
            }
            Action::StopUnproven {
                stateful_sets,
                pods,
            } => self.stop_unproven(stateful_sets, pods, known).await?,
            Action::ReleaseRecords { pods } => self.release_ended(plan, pods).await?,
            Action::Scale {
                stateful_set,
                replicas,
            } => {
                let version = self.numbers.lock().await.remove(stateful_set);
                self.kube
                    .scale_from(namespace, stateful_set, *replicas, version.as_deref())
                    .await?;
            }
            Action::DeletePod { pod } => return self.delete(plan, pod, known).await,
            Action::HastenEnd {
                pod,
                after_seconds,
                grace_seconds,
            } => {
                let after = Duration::from_secs((*after_seconds).into()).min(limit);
                self.hasten_end(plan, pod, after, *grace_seconds).await?;
            }
            Action::AwaitEnd { pod } => self.await_deletion(plan, pod, limit).await?,
            Action::DeleteClaim { claim, created } => self.delete_claim(claim, *created).await?,
            Action::RequestClone {
                config_map,
                pod,
                request,
            } => self.request_clone(config_map, pod, request).await?,
            Action::Promote { pod } => return self.promote(pod, known, limit).await,
            Action::PointService {
                service,
                selector,
                remember,
                ..
            }
            | Action::SpreadReads {
                service,
                selector,
                remember,
            } => {
                self.select(service, selector, remember.as_ref()).await?;
            }
            Action::CloseService {
                service,
                selector,
                remember,
            } => self.select(service, selector, Some(remember)).await?,
            Action::Repoint {
                upstream,
                service,
                followers,
            } => self.repoint(upstream, service, followers).await,
            Action::Write { pod } => return self.prove_write(pod).await,
            Action::PatchAutoscaler { patch } => {
                self.kube
                    .patch_autoscaler(namespace, &patch.autoscaler, &patch.to_json())
                    .await?;
            }
            Action::MendVolumes {
                config_map,
                upstream,
                pods,
                request,
            } => {
                let goal = Goal {
                    upstream,
                    service: None,
                    pods,
                    max_lag_bytes: u64::MAX,
                };
                self.mend_volumes(plan, &goal, config_map, request, limit)
                    .await?;
            }
            Action::ForgetStandbys { servers, slots } => {
                self.forget_standbys(servers, slots, limit).await?;
            }
            Action::DeleteClaims { claims } => self.delete_unused(claims).await?,
            Action::SetSynchronous { pod, names } => {
                let session = self.session(pod).await?;
                session.set_synchronous_standbys(Some(names)).await?;
            }
            Action::RecordSynchronous {
                config_map,
                standbys,
            } => self.record_synchronous(config_map, *standbys).await?,
            Action::Restore(action) => return self.restore(plan, action, known, limit).await,
        }
        Ok(Vec::new())
    }

    /// Gives a Service a selector, and an annotation that remembers another.
    async fn select(
        &self,
        service: &str,
        selector: &BTreeMap<String, String>,
        remember: Option<&BTreeMap<String, String>>,
    ) -> Result<(), WorldError> {
        let value = remember
            .map(serde_json::to_string)
            .transpose()
            .map_err(|error| WorldError::permanent(error.to_string()))?;
        let annotations = Annotations::from([(ORIGINAL_SELECTOR.to_owned(), value)]);
        self.kube
            .set_service_selector(self.namespace(), service, selector, &annotations)
            .await?;
        Ok(())
    }

    async fn delete_claim(
        &self,
        claim: &str,
        created: Option<jiff::Timestamp>,
    ) -> Result<(), WorldError> {
        use k8s_openapi::api::core::v1::PersistentVolumeClaim;
        let now: Option<PersistentVolumeClaim> = self.kube.get(self.namespace(), claim).await?;
        let Some(now) = now else { return Ok(()) };
        if now.metadata.creation_timestamp.as_ref().map(|time| time.0) != created {
            return Ok(());
        }
        let uid = now.metadata.uid.as_deref();
        self.kube.delete_claim(self.namespace(), claim, uid).await?;
        Ok(())
    }

    pub(super) async fn delete_unused(&self, claims: &[ClaimRef]) -> Result<(), WorldError> {
        for it in claims {
            if !self.claims_unused(std::slice::from_ref(it)).await? {
                let words = format!("{} is still there, and has {}", it.pod, it.claim);
                return Err(WorldError::permanent(words));
            }
            self.delete_claim(&it.claim, it.created).await?;
        }
        Ok(())
    }

    /// Over the connection that was opened before this was journaled, and over no other.
    async fn promote(
        &self,
        pod: &str,
        known: &Known,
        limit: Duration,
    ) -> Result<Vec<Finding>, WorldError> {
        let session = self.open_session(pod).await.ok_or_else(|| {
            WorldError::transient(format!(
                "the connection to {pod} was lost before its promotion"
            ))
        })?;
        let sent = Instant::now();
        session.promote_now(limit).await?;
        let promoted = Instant::now();
        if known.outage_measured {
            return Ok(Vec::new());
        }
        // The first write that it takes ends the outage. Standbys that follow later don't count:
        // a commit that waits for one is proven in a step of its own.
        session.commit_locally().await?;
        session.heartbeat().await?;
        let parts = self.outage.parts(sent, promoted);
        let measured = self
            .outage
            .since_last()
            .map(|seconds| (seconds, OutageMethod::OwnWrites));
        self.outage.end();
        let (seconds, method) = match measured {
            Some(measured) => measured,
            None => match session.seconds_since_last_replayed().await? {
                Some(seconds) => (seconds.max(0.0), OutageMethod::CommitTimes),
                None => return Ok(Vec::new()),
            },
        };
        let mut findings = vec![Finding::Outage { seconds, method }];
        findings.extend(parts.map(Finding::OutageParts));
        Ok(findings)
    }

    /// Every standby at the same time. Who can't be told is named when they are waited for.
    async fn repoint(&self, upstream: &str, service: &str, followers: &[Follower]) {
        let host = format!("{upstream}.{service}");
        let told = join_all(followers.iter().map(async |follower| {
            let telling = async {
                let session = self.session(&follower.pod).await?;
                session.set_upstream(&host, &follower.slot).await?;
                Ok::<_, WorldError>(())
            };
            (follower.pod.clone(), telling.await)
        }))
        .await;
        let mut astray = self.astray.lock().await;
        for (pod, result) in told {
            match result {
                Ok(()) => astray.remove(&pod),
                Err(error) => {
                    let mend = format!("kubectl logs {pod}; pgctl status");
                    astray.insert(pod, format!("{} ({mend})", error.reason))
                }
            };
        }
    }

    async fn prove_write(&self, pod: &str) -> Result<Vec<Finding>, WorldError> {
        // A session of its own: with all that a client's commit waits for.
        let session = self.connect(pod).await?;
        session.heartbeat().await?;
        let mut findings = Vec::new();
        let facts = session.facts().await?;
        if let Some(position) = facts_position(&session).await {
            findings.push(Finding::Promoted {
                position,
                timeline: facts.timeline,
            });
        }
        Ok(findings)
    }
}

/// Where the old timeline ended here, as the server's own history of the new one says.
async fn facts_position(session: &crate::postgres::Session) -> Option<crate::cluster::Lsn> {
    session.fork_position().await.ok().flatten()
}

//! Looking at conditions, and waiting for them.

use std::time::Duration;

use futures::future::try_join_all;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Service;
use tokio::time::Instant;

use crate::engine::{Known, Notice, Stage, WorldError};
use crate::plan::{CLOSED_BY, Condition, Finding, Operation, Plan, RestoreCondition};
use crate::world::cluster::Live;
use crate::world::failover::end::{End, end_of};
use crate::world::failover::followers::{COPY_REFUSED, HELD_FOR_GOOD};
use crate::world::scaling::serving::Goal;

/// How often a condition that nobody announces is looked at.
const POLL: Duration = Duration::from_millis(25);
/// For so long nobody asks what is waited for.
const QUIET: Duration = Duration::from_secs(2);

impl Live {
    pub(super) async fn look(
        &self,
        plan: &Plan,
        condition: &Condition,
        known: &Known,
    ) -> Result<bool, WorldError> {
        let namespace = self.namespace();
        Ok(match condition {
            Condition::Answered => true,
            Condition::AutoscalerMinimum {
                autoscaler,
                minimum,
            } => {
                let now: Option<HorizontalPodAutoscaler> =
                    self.kube.get(namespace, autoscaler).await?;
                let spec = now.and_then(|it| it.spec);
                spec.map(|spec| spec.min_replicas.unwrap_or(1)) == i32::try_from(*minimum).ok()
            }
            Condition::Slots { pod, slots } => {
                let there = self.session(pod).await?.slot_names().await?;
                slots.iter().all(|slot| there.contains(slot))
            }
            Condition::NoSlots { pod, slots } => {
                let there = self.session(pod).await?.slot_names().await?;
                !slots.iter().any(|slot| there.contains(slot))
            }
            Condition::RecordHeld { pod } => self.held(pod).await?,
            Condition::RecordReleased { pod } => !self.held(pod).await?,
            Condition::Topology {
                config_map,
                primary,
                term,
            }
            | Condition::Fenced {
                config_map,
                primary,
                term,
                ..
            } => self.topology_is(config_map, primary, *term).await?,
            Condition::Scaled {
                stateful_set,
                replicas,
            } => {
                let now: Option<StatefulSet> = self.kube.get(namespace, stateful_set).await?;
                let spec = now.and_then(|it| it.spec);
                spec.map(|spec| spec.replicas.unwrap_or(1)) == i32::try_from(*replicas).ok()
            }
            Condition::Stopped { pod } => self.all_ended(&pod.name, Some(pod), known).await?,
            Condition::StoppedCleanly { .. } if known.shutdown.is_some() => true,
            Condition::StoppedCleanly { pod } => {
                let now = self.kube.pod(namespace, &pod.name).await?;
                // Its object may be gone, and its record with it.
                matches!(end_of(plan, now.as_ref(), pod), Some(End::Clean(_)))
            }
            Condition::PodAbsent { pod } => self.all_ended(pod, None, known).await?,
            Condition::AllStopped { pods } => {
                let looking = pods
                    .iter()
                    .map(|pod| self.all_ended(&pod.name, Some(pod), known));
                try_join_all(looking).await?.into_iter().all(|it| it)
            }
            Condition::RecordsReleased { pods } => {
                let held = try_join_all(pods.iter().map(|pod| self.held(pod)));
                !held.await?.into_iter().any(|it| it)
            }
            Condition::ProofsSettled { config_map, pods } => {
                self.proofs_are_settled(config_map, pods).await?
            }
            Condition::PodReplaced { pod } => self
                .kube
                .pod(namespace, &pod.name)
                .await?
                .is_some_and(|now| {
                    now.uid != pod.uid && !known.deleted.iter().any(|it| it.uid == now.uid)
                }),
            Condition::ClaimGone {
                claim,
                created,
                uid,
            } => self.claim_is_gone(claim, *created, uid.as_deref()).await?,
            Condition::ClaimEnding { claim, uid } => self.claim_ends(claim, uid.as_deref()).await?,
            Condition::ClaimReplaced { claim, uid } => {
                self.claim_is_replaced(claim, uid.as_deref()).await?
            }
            Condition::CloneRequested {
                config_map,
                pod,
                request,
            } => self.clone_is_requested(config_map, pod, request).await?,
            Condition::LacksNothingKnown { .. } if known.shutdown.is_none() => true,
            Condition::CaughtUp { pod } | Condition::LacksNothingKnown { pod } => {
                let Some(end) = known.shutdown else {
                    return Ok(false);
                };
                let progress = self.session(pod).await?.progress().await?;
                progress.is_some_and(|it| it.received > end.lsn && it.replayed > end.lsn)
            }
            Condition::FitToTakeOver {
                pod,
                stateful_set,
                upstream,
                max_lag_bytes,
            } => {
                self.fit_to_take_over(pod, stateful_set, upstream.as_deref(), *max_lag_bytes)
                    .await?
            }
            Condition::InRecovery { pod } => self.session(pod).await?.in_recovery().await?,
            Condition::Writable { pod } => self.session(pod).await?.writable().await?,
            Condition::NotWritable { pod } => {
                self.is_silent(pod).await?;
                true
            }
            Condition::Unanswering { pod } => {
                self.is_unanswering(pod).await?;
                true
            }
            Condition::PodReady { pod } => self.ready(pod).await?,
            Condition::ServiceLeadsTo { service, pod } => self.leads_to(service, pod).await?,
            Condition::ClientsLedTo { service, pod } => {
                self.behind(service, pod).await? == Some(Duration::ZERO)
            }
            Condition::ServiceSelects { service, selector } => {
                let now: Option<Service> = self.kube.get(namespace, service).await?;
                now.and_then(|it| it.spec?.selector).as_ref() == Some(selector)
            }
            Condition::ServiceClosed { service } => self.is_closed(service).await?,
            Condition::Streaming { upstream, pods } => {
                self.not_streaming(upstream, pods).await?.is_empty()
            }
            Condition::Back { upstream, pod } => {
                let streams = self.not_streaming(upstream, std::slice::from_ref(pod));
                streams.await?.is_empty() && self.ready(pod).await?
            }
            Condition::AutoscalerIs { patch } => self.autoscaler_is(patch).await?,
            Condition::Serving {
                upstream,
                service,
                pods,
                max_lag_bytes,
            } => {
                let goal = Goal {
                    upstream,
                    service: service.as_deref(),
                    pods,
                    max_lag_bytes: *max_lag_bytes,
                };
                let stages = self.stages(&goal).await?;
                stages.values().all(|stage| *stage == Stage::Serving)
            }
            Condition::PodsGone { pods } => self.pods_gone(pods).await?,
            Condition::Forgotten { servers, slots } => self.forgotten(servers, slots).await?,
            Condition::ClaimsUnused { claims } => self.claims_unused(claims).await?,
            Condition::ClaimsGone { claims } => self.claims_gone(claims).await?,
            Condition::Synchronous {
                pod,
                names,
                standbys,
                count,
            } => {
                self.is_synchronous(pod, names, standbys, *count, None)
                    .await?
            }
            Condition::SynchronousRecorded {
                config_map,
                standbys,
            } => self.synchronous_recorded(config_map, *standbys).await?,
            Condition::Restore(condition) => self.restore_holds(plan, condition, known).await?,
        })
    }

    pub(super) async fn wait_until(
        &self,
        plan: &Plan,
        condition: &Condition,
        known: &Known,
        limit: Duration,
    ) -> Result<Vec<Finding>, WorldError> {
        match condition {
            Condition::StoppedCleanly { pod } => {
                self.await_clean_end(plan, pod, known, limit).await
            }
            Condition::Stopped { pod } => {
                self.await_ends(plan, &[(&pod.name, Some(pod))], known, limit)
                    .await
            }
            Condition::PodAbsent { pod } => {
                self.await_ends(plan, &[(pod, None)], known, limit).await
            }
            Condition::AllStopped { pods } => {
                let each: Vec<_> = pods.iter().map(|it| (it.name.as_str(), Some(it))).collect();
                let findings = self.await_ends(plan, &each, known, limit).await?;
                // Theirs is not the WAL that was written last.
                let ends = findings.into_iter();
                Ok(ends
                    .filter(|it| !matches!(it, Finding::Shutdown(_)))
                    .collect())
            }
            Condition::Topology {
                config_map,
                primary,
                term,
            } => {
                self.not_gone_on(config_map, primary, *term).await?;
                self.poll(plan, condition, known, limit).await?;
                Ok(Vec::new())
            }
            Condition::Fenced {
                config_map,
                primary,
                term,
                pods,
            } => {
                self.not_gone_on(config_map, primary, *term).await?;
                self.poll(plan, condition, known, limit).await?;
                let pods = self.present(pods).await?;
                Ok(vec![Finding::Fenced { pods }])
            }
            Condition::LacksNothingKnown { .. } if known.shutdown.is_none() => Ok(Vec::new()),
            Condition::CaughtUp { pod } | Condition::LacksNothingKnown { pod } => {
                let Some(end) = known.shutdown else {
                    return Err(WorldError::permanent(
                        "where the old primary's WAL ended is not known",
                    ));
                };
                self.session(pod).await?.wait_past(end.lsn, limit).await?;
                self.outage.caught_up();
                Ok(Vec::new())
            }
            Condition::ClientsLedTo { service, pod } => {
                // Nothing announces it, but when it can hold at the earliest is known.
                if let Ok(Some(behind)) = self.behind(service, pod).await {
                    tokio::time::sleep(behind.min(limit)).await;
                }
                self.poll(plan, condition, known, limit).await?;
                Ok(Vec::new())
            }
            Condition::Streaming { upstream, pods } => {
                self.await_streaming(upstream, pods, &[], limit).await
            }
            Condition::Back { upstream, pod } => {
                let begun = Instant::now();
                let pods = std::slice::from_ref(pod);
                let last = match plan.operation {
                    // Of which the start script hears in its time.
                    Operation::Rejoin { clone: true, .. } => COPY_REFUSED,
                    _ => HELD_FOR_GOOD,
                };
                let findings = self.await_streaming(upstream, pods, last, limit).await?;
                let left = limit.saturating_sub(begun.elapsed());
                self.poll(plan, condition, known, left).await?;
                Ok(findings)
            }
            Condition::Serving {
                upstream,
                service,
                pods,
                max_lag_bytes,
            } => {
                let goal = Goal {
                    upstream,
                    service: service.as_deref(),
                    pods,
                    max_lag_bytes: *max_lag_bytes,
                };
                self.await_serving(plan, &goal, limit).await?;
                Ok(Vec::new())
            }
            Condition::Synchronous {
                pod,
                names,
                standbys,
                count,
            } => {
                self.await_synchronous(pod, names, standbys, *count, limit)
                    .await?;
                Ok(Vec::new())
            }
            Condition::Restore(RestoreCondition::SwappedIn { volume }) => {
                self.poll(plan, condition, known, limit).await?;
                self.kept_on(plan, volume).await
            }
            Condition::Restore(RestoreCondition::Followed { pod, standbys }) => {
                self.await_followed(pod, standbys, limit).await?;
                Ok(Vec::new())
            }
            _ => {
                self.poll(plan, condition, known, limit).await?;
                Ok(match condition {
                    Condition::ServiceLeadsTo { .. } => self
                        .outage
                        .since_last()
                        .map(|seconds| Finding::ServiceSwitched { seconds })
                        .into_iter()
                        .collect(),
                    _ => Vec::new(),
                })
            }
        }
    }

    async fn is_closed(&self, service: &str) -> Result<bool, WorldError> {
        let now: Option<Service> = self.kube.get(self.namespace(), service).await?;
        let Some(now) = now else { return Ok(true) };
        let selector = now.spec.and_then(|it| it.selector).unwrap_or_default();
        // The slices follow the selector a little later.
        Ok(selector.contains_key(CLOSED_BY)
            && !self.kube.has_endpoints(self.namespace(), service).await?)
    }

    async fn ready(&self, pod: &str) -> Result<bool, WorldError> {
        let pod = self.kube.pod(self.namespace(), pod).await?;
        Ok(pod.is_some_and(|pod| pod.ready && pod.deleting_since.is_none()))
    }

    async fn poll(
        &self,
        plan: &Plan,
        condition: &Condition,
        known: &Known,
        limit: Duration,
    ) -> Result<(), WorldError> {
        let deadline = Instant::now() + limit;
        let begun = Instant::now();
        let mut told = String::new();
        let mut pause = POLL;
        loop {
            let seen = self.look(plan, condition, known).await;
            let reason = match seen {
                Ok(true) => return Ok(()),
                Ok(false) => format!(
                    "after {} s it is still not so that {condition}",
                    limit.as_secs()
                ),
                Err(error) if error.kind != crate::engine::ErrorKind::Transient => {
                    return Err(error);
                }
                Err(error) => error.reason,
            };
            if Instant::now() >= deadline {
                // Where a pod is waited for, status knows more than that it is not there.
                let mut reason = reason;
                if let Condition::Back { pod, .. } = condition {
                    reason += &self.because(pod).await;
                }
                return Err(WorldError::permanent(reason));
            }
            if holds_a_claim(condition) && begun.elapsed() > QUIET && told != reason {
                told.clone_from(&reason);
                let step = plan.steps.iter().find(|it| it.proves == *condition);
                if let Some(step) = step.map(|it| it.name) {
                    self.say(plan, &Notice::Waiting { step, reason });
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(250));
        }
    }
}

/// Whether it waits for claims, which others may hold for as long as they like.
fn holds_a_claim(condition: &Condition) -> bool {
    matches!(
        condition,
        Condition::ClaimGone { .. }
            | Condition::ClaimReplaced { .. }
            | Condition::ClaimsGone { .. }
            | Condition::Restore(RestoreCondition::ClaimsGone { .. })
    )
}

//! Looking at conditions.

use std::time::Duration;

use futures::future::try_join_all;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Service;

use crate::engine::{Known, WorldError};
use crate::events::StandbyStage;
use crate::plan::{Condition, Operation, Plan, RestoreCondition};
use crate::world::cluster::RealCluster;
use crate::world::connections::Connections;
use crate::world::failover::candidate::fit_to_take_over;
use crate::world::failover::end::{End, end_of};
use crate::world::failover::ending::{all_ended, held};
use crate::world::failover::followers::not_streaming;
use crate::world::failover::hanging::may_hang_for;
use crate::world::failover::laggards::laggards;
use crate::world::failover::services::is_closed;
use crate::world::failover::silence::{is_silent, is_unanswering};
use crate::world::failover::topology::{clone_is_requested, proofs_are_settled, topology_is};
use crate::world::rollout::returning::is_restarted;
use crate::world::scaling::claims::{
    claim_ends, claim_is_gone, claim_is_replaced, claims_gone, claims_unused,
};
use crate::world::scaling::serving::stages;
use crate::world::scaling::standbys::{
    autoscaler_is, forgotten, is_synchronous, pods_gone, synchronous_recorded,
};

/// Whether a condition holds now.
pub(super) async fn holds(
    real: &RealCluster,
    plan: &Plan,
    condition: &Condition,
    known: &Known,
) -> Result<bool, WorldError> {
    let cluster = &real.connections;
    let namespace = cluster.namespace();
    Ok(match condition {
        Condition::Answered => true,
        Condition::AutoscalerMinimum {
            autoscaler,
            minimum,
        } => {
            let now: Option<HorizontalPodAutoscaler> =
                cluster.kube.get(namespace, autoscaler).await?;
            let spec = now.and_then(|it| it.spec);
            spec.map(|spec| spec.min_replicas.unwrap_or(1)) == i32::try_from(*minimum).ok()
        }
        Condition::Slots { pod, slots } => {
            let there = cluster.session(pod).await?.slot_names().await?;
            slots.iter().all(|slot| there.contains(slot))
        }
        Condition::NoSlots { pod, slots } => {
            let there = cluster.session(pod).await?.slot_names().await?;
            !slots.iter().any(|slot| there.contains(slot))
        }
        Condition::RecordHeld { pod } => held(cluster, pod).await?,
        Condition::RecordReleased { pod } => !held(cluster, pod).await?,
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
        } => topology_is(cluster, config_map, primary, *term).await?,
        Condition::Scaled {
            stateful_set,
            replicas,
        } => {
            let now: Option<StatefulSet> = cluster.kube.get(namespace, stateful_set).await?;
            let spec = now.and_then(|it| it.spec);
            spec.map(|spec| spec.replicas.unwrap_or(1)) == i32::try_from(*replicas).ok()
        }
        Condition::Stopped { pod } => all_ended(cluster, &pod.name, Some(pod), known).await?,
        Condition::StoppedCleanly { .. } if known.shutdown.is_some() => true,
        Condition::StoppedCleanly { pod } => {
            let now = cluster.kube.pod(namespace, &pod.name).await?;
            // Its object may be gone, and its record with it.
            matches!(end_of(plan, now.as_ref(), pod), Some(End::Clean(_)))
        }
        Condition::PodAbsent { pod } => all_ended(cluster, pod, None, known).await?,
        Condition::AllStopped { pods } => {
            let looking = pods
                .iter()
                .map(|pod| all_ended(cluster, &pod.name, Some(pod), known));
            try_join_all(looking).await?.into_iter().all(|it| it)
        }
        Condition::RecordsReleased { pods } => {
            let held = try_join_all(pods.iter().map(|pod| held(cluster, pod)));
            !held.await?.into_iter().any(|it| it)
        }
        Condition::ProofsSettled { config_map, pods } => {
            proofs_are_settled(cluster, config_map, pods).await?
        }
        Condition::PodReplaced { pod } => cluster
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
        } => claim_is_gone(cluster, claim, *created, uid.as_deref()).await?,
        Condition::ClaimEnding { claim, uid } => claim_ends(cluster, claim, uid.as_deref()).await?,
        Condition::ClaimReplaced { claim, uid } => {
            claim_is_replaced(cluster, claim, uid.as_deref()).await?
        }
        Condition::CloneRequested {
            config_map,
            pod,
            request,
        } => clone_is_requested(cluster, config_map, pod, request).await?,
        Condition::LacksNothingKnown { .. } if known.shutdown.is_none() => true,
        Condition::CaughtUp { pod } | Condition::LacksNothingKnown { pod } => {
            let Some(end) = known.shutdown else {
                return Ok(false);
            };
            let progress = cluster.session(pod).await?.progress().await?;
            progress.is_some_and(|it| it.received > end.lsn && it.replayed > end.lsn)
        }
        Condition::FitToTakeOver {
            pod,
            stateful_set,
            upstream,
            max_lag_bytes,
            stopping,
        } => {
            let asked = upstream.as_deref();
            let going = match asked {
                Some(upstream) if *stopping => is_being_stopped(cluster, plan, upstream).await?,
                Some(_) | None => false,
            };
            fit_to_take_over(
                cluster,
                pod,
                stateful_set,
                asked.filter(|_| !going),
                *max_lag_bytes,
            )
            .await?
        }
        Condition::InRecovery { pod } => cluster.session(pod).await?.in_recovery().await?,
        Condition::Writable { pod } => cluster.session(pod).await?.writable().await?,
        Condition::NotWritable { pod } => {
            is_silent(cluster, pod).await?;
            true
        }
        Condition::Unanswering { pod } => {
            is_unanswering(cluster, pod).await?;
            true
        }
        Condition::PodReady { pod } => ready(cluster, pod).await?,
        Condition::ServiceLeadsTo { service, pod } => {
            real.seen_to_lead.leads_to(cluster, service, pod).await?
        }
        Condition::ClientsLedTo { service, pod } => {
            may_hang_for(real, service, pod).await? == Some(Duration::ZERO)
        }
        Condition::ServiceSelects { service, selector } => {
            let now: Option<Service> = cluster.kube.get(namespace, service).await?;
            now.and_then(|it| it.spec?.selector).as_ref() == Some(selector)
        }
        Condition::ServiceClosed { service } => is_closed(cluster, service).await?,
        Condition::Streaming { upstream, pods } => {
            not_streaming(cluster, upstream, pods).await?.is_empty()
        }
        Condition::Back { upstream, pod } => {
            let streams = not_streaming(cluster, upstream, std::slice::from_ref(pod));
            streams.await?.is_empty() && ready(cluster, pod).await?
        }
        Condition::PodDeleted { pod } => {
            let now = cluster.kube.pod(namespace, &pod.name).await?;
            now.is_none_or(|it| it.uid != pod.uid)
        }
        Condition::Restarted {
            pod,
            revision,
            upstream,
            max_lag_bytes,
        } => is_restarted(cluster, pod, revision, upstream, *max_lag_bytes).await?,
        Condition::AutoscalerIs { patch } => autoscaler_is(cluster, patch).await?,
        Condition::Serving(goal) => {
            let now = stages(cluster, goal).await?;
            now.values().all(|stage| *stage == StandbyStage::Serving)
        }
        Condition::PodsGone { pods } => pods_gone(cluster, pods).await?,
        Condition::Forgotten { servers, slots } => forgotten(cluster, servers, slots).await?,
        Condition::ClaimsUnused { claims } => claims_unused(cluster, claims).await?,
        Condition::ClaimsGone { claims } => claims_gone(cluster, claims).await?,
        Condition::NobodyLags { pod, standbys } => {
            laggards(cluster, pod, standbys).await?.is_empty()
        }
        Condition::StandbyDelay { pod, milliseconds } => {
            let session = cluster.session(pod).await?;
            session.standby_delay_ms().await? == *milliseconds
        }
        Condition::Synchronous {
            pod,
            names,
            standbys,
            count,
        } => is_synchronous(cluster, pod, names, standbys, *count, None).await?,
        Condition::SynchronousRecorded {
            config_map,
            standbys,
        } => synchronous_recorded(cluster, config_map, *standbys).await?,
        Condition::Restore(RestoreCondition::Databases(condition)) => {
            real.restoring()
                .databases_hold(plan, condition, known)
                .await?
        }
        Condition::Restore(RestoreCondition::Volume(condition)) => {
            real.restoring().volume_holds(plan, condition).await?
        }
    })
}

/// Whether the very pod that the plan stops is being deleted.
async fn is_being_stopped(
    cluster: &Connections,
    plan: &Plan,
    pod: &str,
) -> Result<bool, WorldError> {
    let Operation::Failover {
        from_pod: Some(meant),
        ..
    } = &plan.operation
    else {
        return Ok(false);
    };
    let now = cluster.kube.pod(cluster.namespace(), pod).await?;
    Ok(now.is_some_and(|it| it.uid == meant.uid && it.deleting_since.is_some()))
}

/// Whether a pod takes part.
async fn ready(cluster: &Connections, pod: &str) -> Result<bool, WorldError> {
    let pod = cluster.kube.pod(cluster.namespace(), pod).await?;
    Ok(pod.is_some_and(|pod| pod.ready && pod.deleting_since.is_none()))
}

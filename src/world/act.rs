//! Carrying actions out.

use std::time::Duration;

use crate::cluster::names;
use crate::engine::{Known, WorldError};
use crate::kubernetes::Annotations;
use crate::plan::{Action, ORIGINAL_MINIMUM, OperationFinding, Plan, RestoreAction, ServingGoal};
use crate::world::cluster::RealCluster;
use crate::world::failover::ending::{delete, evict, hold, release_ended, stop_unproven};
use crate::world::failover::held_clients::WantedHold;
use crate::world::failover::laggards::detach_laggards;
use crate::world::failover::promotion::{promote, prove_write};
use crate::world::failover::services::select;
use crate::world::failover::stopping::{await_deletion, hasten_end};
use crate::world::failover::stranded::send_away;
use crate::world::failover::topology::{request_clone, settle_proofs, write_topology};
use crate::world::scaling::claims::{delete_claim, delete_unused};
use crate::world::scaling::serving::mend_volumes;
use crate::world::scaling::standbys::{forget_standbys, record_synchronous};

/// Carries an action out. It sets a state: doing it again changes nothing.
pub(super) async fn act(
    real: &RealCluster,
    plan: &Plan,
    action: &Action,
    known: &Known,
    limit: Duration,
) -> Result<Vec<OperationFinding>, WorldError> {
    let cluster = &real.connections;
    let namespace = cluster.namespace();
    match action {
        Action::Observe => {}
        Action::SetAutoscalerMinimum {
            autoscaler,
            minimum,
            remember,
        } => {
            let value = remember.map(|minimum| minimum.to_string());
            let annotations = Annotations::from([(ORIGINAL_MINIMUM.to_owned(), value)]);
            cluster
                .kube
                .set_autoscaler_minimum(namespace, autoscaler, *minimum, &annotations)
                .await?;
        }
        Action::CreateSlots { pod, slots } => {
            let session = cluster.session(pod).await?;
            session
                .create_slots(slots.iter().map(String::as_str))
                .await?;
        }
        Action::DropSlots { pod, slots } => {
            let session = cluster.session(pod).await?;
            session
                .drop_idle_slots(slots.iter().map(String::as_str))
                .await?;
        }
        Action::Checkpoint { pod } => cluster.session(pod).await?.checkpoint(limit).await?,
        Action::HoldRecord { pod } => hold(cluster, pod).await?,
        Action::ReleaseRecord { pod } => {
            cluster
                .kube
                .release_pod(namespace, &pod.name, &pod.uid, names::SHUTDOWN_RECORD)
                .await?;
        }
        Action::WriteTopology {
            config_map,
            primary,
            term,
            system_identifier,
            unproven,
        } => {
            write_topology(
                cluster,
                config_map,
                primary,
                *term,
                system_identifier,
                unproven,
            )
            .await?;
        }
        Action::SettleProofs { config_map, pods } => {
            settle_proofs(cluster, config_map, pods).await?;
        }
        Action::StopUnproven {
            stateful_sets,
            pods,
        } => stop_unproven(cluster, stateful_sets, pods, known).await?,
        Action::ReleaseRecords { pods } => release_ended(cluster, plan, pods, limit).await?,
        Action::Scale {
            stateful_set,
            replicas,
        } => {
            real.numbers.set(cluster, stateful_set, *replicas).await?;
        }
        Action::DeletePod { pod } => return delete(cluster, plan, pod, known).await,
        Action::EvictPod { pod } => evict(cluster, plan, pod).await?,
        Action::HastenEnd {
            pod,
            after_seconds,
            grace_seconds,
        } => {
            let after = Duration::from_secs((*after_seconds).into()).min(limit);
            hasten_end(cluster, plan, pod, after, *grace_seconds).await?;
        }
        Action::AskToLinger { pod, term } => real.lingering.ask(cluster, pod, *term).await?,
        Action::ForgetLingering { pod } => real.lingering.forget(cluster, pod).await,
        Action::AwaitEnd { pod } => await_deletion(cluster, plan, pod, limit).await?,
        Action::DeleteClaim { claim, created } => delete_claim(cluster, claim, *created).await?,
        Action::RequestClone {
            config_map,
            pod,
            request,
        } => request_clone(cluster, config_map, pod, request).await?,
        Action::HoldClients {
            poolers,
            primary,
            limit_seconds,
            paused,
            paused_databases,
        } => {
            let wanted = WantedHold {
                poolers,
                primary,
                limit: Duration::from_secs((*limit_seconds).into()),
                paused,
                databases: paused_databases,
            };
            real.held_clients.hold(cluster, wanted).await?;
        }
        Action::ReleaseClients { primary, .. } => {
            let held = &real.held_clients;
            return held.release(cluster, primary.as_deref(), limit).await;
        }
        Action::Promote { pod } => return promote(cluster, &real.outage, pod, known, limit).await,
        Action::PointService {
            service,
            selector,
            remember,
            strands_on,
            ..
        } => {
            select(cluster, service, selector, remember.as_ref()).await?;
            if let Some(standby) = strands_on {
                send_away(cluster, plan, standby).await;
            }
        }
        Action::SpreadReads {
            service,
            selector,
            remember,
        } => {
            select(cluster, service, selector, remember.as_ref()).await?;
        }
        Action::CloseService {
            service,
            selector,
            remember,
        } => select(cluster, service, selector, Some(remember)).await?,
        Action::Repoint {
            upstream,
            service,
            followers,
        } => {
            real.followers
                .repoint(cluster, upstream, service, followers)
                .await
        }
        Action::DetachLaggards { pod, followers } => {
            detach_laggards(cluster, &real.reporting, plan, pod, followers).await?;
        }
        Action::Write { pod } => return prove_write(cluster, pod).await,
        Action::PatchAutoscaler { patch } => {
            cluster
                .kube
                .patch_autoscaler(namespace, &patch.autoscaler, &patch.to_json())
                .await?;
        }
        Action::MendVolumes {
            config_map,
            upstream,
            pods,
            request,
        } => {
            let goal = ServingGoal {
                upstream: upstream.clone(),
                service: None,
                pods: pods.clone(),
                max_lag_bytes: u64::MAX,
            };
            mend_volumes(
                cluster,
                &real.reporting,
                plan,
                &goal,
                config_map,
                request,
                limit,
            )
            .await?;
        }
        Action::ForgetStandbys { servers, slots } => {
            forget_standbys(cluster, servers, slots, limit).await?;
        }
        Action::DeleteClaims { claims } => delete_unused(cluster, claims).await?,
        Action::SetStandbyDelay { pod, value } => {
            let session = cluster.session(pod).await?;
            session.set_standby_delay(value.as_deref()).await?;
        }
        Action::SetSynchronous { pod, names } => {
            let session = cluster.session(pod).await?;
            session.set_synchronous_standbys(Some(names)).await?;
        }
        Action::RecordSynchronous {
            config_map,
            standbys,
        } => record_synchronous(cluster, config_map, *standbys).await?,
        Action::Restore(RestoreAction::Databases(action)) => {
            let restoring = real.restoring();
            return restoring.on_databases(plan, action, known, limit).await;
        }
        Action::Restore(RestoreAction::Volume(action)) => {
            return real.restoring().on_volume(plan, action, limit).await;
        }
    }
    Ok(Vec::new())
}

//! Waiting for conditions.

use std::time::Duration;

use tokio::time::Instant;

use crate::cluster::StartReason;
use crate::engine::{ErrorKind, Known, WorldError};
use crate::events::RunEvent;
use crate::plan::{
    Condition, DatabaseCondition, OperationFinding, Plan, RestoreCondition, VolumeCondition,
};
use crate::world::cluster::RealCluster;
use crate::world::failover::ending::{await_clean_end, await_ends};
use crate::world::failover::followers::Hopeless;
use crate::world::failover::hanging::may_hang_for;
use crate::world::failover::topology::{not_gone_on, present};
use crate::world::look::holds;
use crate::world::reasons::because;
use crate::world::rollout::returning::{Wanted, await_restarted, goal_of};
use crate::world::scaling::serving::await_serving;
use crate::world::scaling::standbys::await_synchronous;

/// How often a condition that nobody announces is looked at.
const POLL: Duration = Duration::from_millis(25);
/// For so long nobody asks what is waited for.
const QUIET: Duration = Duration::from_secs(2);

/// Waits until a condition holds.
pub(super) async fn wait(
    real: &RealCluster,
    plan: &Plan,
    condition: &Condition,
    known: &Known,
    limit: Duration,
) -> Result<Vec<OperationFinding>, WorldError> {
    let cluster = &real.connections;
    match condition {
        Condition::StoppedCleanly { pod } => await_clean_end(real, plan, pod, known, limit).await,
        Condition::Stopped { pod } => {
            await_ends(
                cluster,
                &real.outage,
                plan,
                &[(&pod.name, Some(pod))],
                known,
                limit,
            )
            .await
        }
        Condition::PodAbsent { pod } => {
            await_ends(cluster, &real.outage, plan, &[(pod, None)], known, limit).await
        }
        Condition::AllStopped { pods } => {
            let each: Vec<_> = pods.iter().map(|it| (it.name.as_str(), Some(it))).collect();
            let findings = await_ends(cluster, &real.outage, plan, &each, known, limit).await?;
            // Theirs is not the WAL that was written last.
            let ends = findings.into_iter();
            Ok(ends
                .filter(|it| !matches!(it, OperationFinding::Shutdown(_)))
                .collect())
        }
        Condition::Topology {
            config_map,
            primary,
            term,
        } => {
            not_gone_on(cluster, config_map, primary, *term).await?;
            poll(real, plan, condition, known, limit).await?;
            Ok(Vec::new())
        }
        Condition::Fenced {
            config_map,
            primary,
            term,
            pods,
        } => {
            not_gone_on(cluster, config_map, primary, *term).await?;
            poll(real, plan, condition, known, limit).await?;
            let pods = present(cluster, pods).await?;
            Ok(vec![OperationFinding::Fenced { pods }])
        }
        Condition::LacksNothingKnown { .. } if known.shutdown.is_none() => Ok(Vec::new()),
        Condition::CaughtUp { pod } | Condition::LacksNothingKnown { pod } => {
            let Some(end) = known.shutdown else {
                return Err(WorldError::permanent(
                    "where the old primary's WAL ended is not known",
                ));
            };
            cluster
                .session(pod)
                .await?
                .wait_past(end.lsn, limit)
                .await?;
            real.outage.caught_up();
            Ok(Vec::new())
        }
        Condition::ClientsLedTo { service, pod } => {
            // Nothing announces it, but when it can hold at the earliest is known.
            if let Ok(Some(left)) = may_hang_for(real, service, pod).await {
                tokio::time::sleep(left.min(limit)).await;
            }
            poll(real, plan, condition, known, limit).await?;
            Ok(Vec::new())
        }
        Condition::Streaming { upstream, pods } => {
            real.followers
                .await_streaming(cluster, upstream, pods, None, limit)
                .await
        }
        Condition::Back { upstream, pod } => {
            let begun = Instant::now();
            let pods = std::slice::from_ref(pod);
            // Of which the start script hears in its time.
            let hopeless: Hopeless = if plan.operation.copies_anew() {
                StartReason::refuses_copy
            } else {
                StartReason::stays
            };
            let findings = real
                .followers
                .await_streaming(cluster, upstream, pods, Some(hopeless), limit)
                .await?;
            let left = limit.saturating_sub(begun.elapsed());
            poll(real, plan, condition, known, left).await?;
            Ok(findings)
        }
        Condition::Serving(goal) => {
            await_serving(cluster, &real.reporting, plan, goal, limit).await?;
            Ok(Vec::new())
        }
        Condition::Synchronous {
            pod,
            names,
            standbys,
            count,
        } => {
            await_synchronous(cluster, pod, names, standbys, *count, limit).await?;
            Ok(Vec::new())
        }
        Condition::Restore(RestoreCondition::Volume(VolumeCondition::SwappedIn { volume })) => {
            poll(real, plan, condition, known, limit).await?;
            real.restoring().kept_on(plan, volume).await
        }
        Condition::Restore(RestoreCondition::Databases(DatabaseCondition::Followed {
            pod,
            standbys,
        })) => {
            real.restoring()
                .await_followed(pod, standbys, limit)
                .await?;
            Ok(Vec::new())
        }
        Condition::ServiceLeadsTo { .. } => {
            poll(real, plan, condition, known, limit).await?;
            let switched = real.outage.since_last();
            let switched = switched.map(|seconds| OperationFinding::ServiceSwitched { seconds });
            Ok(switched.into_iter().collect())
        }
        Condition::Restarted {
            pod,
            revision,
            upstream,
            max_lag_bytes,
        } => {
            let wanted = Wanted {
                pod,
                revision,
                goal: goal_of(pod, upstream, *max_lag_bytes),
            };
            await_restarted(cluster, &real.reporting, plan, &wanted, limit).await?;
            Ok(Vec::new())
        }
        // The answer of those that let clients go on.
        Condition::Answered => real.held_clients.told().await.map(|()| Vec::new()),
        Condition::AutoscalerMinimum { .. }
        | Condition::Slots { .. }
        | Condition::NoSlots { .. }
        | Condition::RecordHeld { .. }
        | Condition::RecordReleased { .. }
        | Condition::ProofsSettled { .. }
        | Condition::Scaled { .. }
        | Condition::RecordsReleased { .. }
        | Condition::PodReplaced { .. }
        | Condition::PodDeleted { .. }
        | Condition::ClaimGone { .. }
        | Condition::ClaimEnding { .. }
        | Condition::ClaimReplaced { .. }
        | Condition::CloneRequested { .. }
        | Condition::FitToTakeOver { .. }
        | Condition::InRecovery { .. }
        | Condition::Writable { .. }
        | Condition::NotWritable { .. }
        | Condition::Unanswering { .. }
        | Condition::PodReady { .. }
        | Condition::ServiceClosed { .. }
        | Condition::ServiceSelects { .. }
        | Condition::AutoscalerIs { .. }
        | Condition::PodsGone { .. }
        | Condition::Forgotten { .. }
        | Condition::ClaimsUnused { .. }
        | Condition::ClaimsGone { .. }
        | Condition::NobodyLags { .. }
        | Condition::StandbyDelay { .. }
        | Condition::SynchronousRecorded { .. }
        | Condition::Restore(RestoreCondition::Databases(
            DatabaseCondition::Roles { .. }
            | DatabaseCondition::NoRoles { .. }
            | DatabaseCondition::Loaded { .. }
            | DatabaseCondition::NoDatabases { .. }
            | DatabaseCondition::Swapped { .. }
            | DatabaseCondition::SwappedBack { .. }
            | DatabaseCondition::StillEmpty { .. }
            | DatabaseCondition::BackedUp { .. },
        ))
        | Condition::Restore(RestoreCondition::Volume(
            VolumeCondition::PodsGone { .. }
            | VolumeCondition::ClaimThere { .. }
            | VolumeCondition::ClaimsGone { .. }
            | VolumeCondition::VolumeOpen { .. }
            | VolumeCondition::VolumeClosed { .. }
            | VolumeCondition::VolumesOpen { .. }
            | VolumeCondition::VolumesClosed { .. }
            | VolumeCondition::Unpacked { .. }
            | VolumeCondition::NothingUnpacked { .. }
            | VolumeCondition::WalThere { .. }
            | VolumeCondition::Recovered { .. }
            | VolumeCondition::SwappedOut { .. }
            | VolumeCondition::ServerClaim { .. }
            | VolumeCondition::ServerGone { .. }
            | VolumeCondition::Restored { .. },
        )) => {
            poll(real, plan, condition, known, limit).await?;
            Ok(Vec::new())
        }
    }
}

async fn poll(
    real: &RealCluster,
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
        let seen = holds(real, plan, condition, known).await;
        let mut waits = None;
        let reason = match seen {
            Ok(true) => return Ok(()),
            Ok(false) => {
                waits = why_it_waits(real, condition).await;
                let why = waits.as_ref();
                let why = why.map_or_else(String::new, |why| format!(": {why}"));
                format!(
                    "after {} s it is still not so that {condition}{why}",
                    limit.as_secs()
                )
            }
            Err(error) if error.kind != ErrorKind::Transient => {
                return Err(error);
            }
            Err(error) => error.reason,
        };
        if Instant::now() >= deadline {
            // Where a pod is waited for, status knows more than that it is not there.
            let mut reason = reason;
            if let Condition::Back { pod, .. } = condition {
                reason += &because(&real.connections, pod).await;
            }
            return Err(WorldError::permanent(reason));
        }
        let waits = waits.or_else(|| holds_a_claim(condition).then_some(reason));
        if let Some(reason) = waits.filter(|it| begun.elapsed() > QUIET && told != *it) {
            told.clone_from(&reason);
            let step = plan.steps.iter().find(|it| it.proves == *condition);
            if let Some(step) = step.map(|it| it.name) {
                real.reporting
                    .say(plan, &RunEvent::StepWaiting { step, reason });
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(250));
    }
}

/// Why a pod does not run that works on a volume, as far as its object tells: no node takes it, say, or its image can't
/// be pulled. None where no such pod is waited for.
async fn why_it_waits(real: &RealCluster, condition: &Condition) -> Option<String> {
    let Condition::Restore(RestoreCondition::Volume(condition)) = condition else {
        return None;
    };
    let volumes = if let VolumeCondition::VolumeOpen { volume } = condition {
        std::slice::from_ref(volume)
    } else if let VolumeCondition::VolumesOpen { volumes } = condition {
        volumes.as_slice()
    } else {
        return None;
    };
    let (kube, namespace) = (&real.connections.kube, real.connections.namespace());
    for volume in volumes {
        if let Ok(Some(why)) = kube.why_not_running(namespace, &volume.pod).await {
            return Some(why);
        }
    }
    None
}

/// Whether it waits for claims, which others may hold for as long as they like.
fn holds_a_claim(condition: &Condition) -> bool {
    matches!(
        condition,
        Condition::ClaimGone { .. }
            | Condition::ClaimReplaced { .. }
            | Condition::ClaimsGone { .. }
            | Condition::Restore(RestoreCondition::Volume(VolumeCondition::ClaimsGone { .. }))
    )
}

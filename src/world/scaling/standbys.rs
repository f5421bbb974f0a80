//! Carrying out and looking at what scaling, the autoscaler and synchronous replication need.

use std::time::Duration;

use futures::future::{join_all, try_join_all};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use tokio::time::Instant;

use crate::cluster::names;
use crate::cluster::{Lsn, SyncState};
use crate::engine::WorldError;
use crate::plan::{AutoscalerPatch, PodRef};
use crate::world::connections::Connections;
use crate::world::failover::topology::change_topology;

/// How often a server is asked whether a slot is free.
const POLL: Duration = Duration::from_millis(250);

pub(in crate::world) async fn autoscaler_is(
    cluster: &Connections,
    patch: &AutoscalerPatch,
) -> Result<bool, WorldError> {
    let now: Option<HorizontalPodAutoscaler> = cluster
        .kube
        .get(cluster.namespace(), &patch.autoscaler)
        .await?;
    let Some(now) = now else { return Ok(false) };
    let annotations = now.metadata.annotations.unwrap_or_default();
    let annotated = patch
        .annotations()
        .into_iter()
        .all(|(key, value)| annotations.get(key).cloned() == value);
    let Some(spec) = now.spec else {
        return Ok(false);
    };
    let is = |there: i32, wanted: u32| u32::try_from(there) == Ok(wanted);
    let metrics: Vec<_> = spec
        .metrics
        .iter()
        .flatten()
        .filter_map(|metric| serde_json::to_value(metric).ok())
        .collect();
    Ok(annotated
        && is(spec.min_replicas.unwrap_or(1), patch.bounds.min)
        && is(spec.max_replicas, patch.bounds.max)
        && patch.metrics.as_ref().is_none_or(|it| *it == metrics))
}

pub(in crate::world) async fn pods_gone(
    cluster: &Connections,
    pods: &[PodRef],
) -> Result<bool, WorldError> {
    let now = try_join_all(
        pods.iter()
            .map(|pod| cluster.kube.pod(cluster.namespace(), &pod.name)),
    );
    Ok(now.await?.iter().all(Option::is_none))
}

/// As soon as nobody streams through it: a walsender whose standby vanished holds its slot for
/// a while.
pub(in crate::world) async fn forget_standbys(
    cluster: &Connections,
    servers: &[String],
    slots: &[String],
    limit: Duration,
) -> Result<(), WorldError> {
    let deadline = Instant::now() + limit;
    loop {
        let dropping = join_all(servers.iter().map(async |pod| {
            let session = cluster.session(pod).await?;
            let slots = slots.iter().map(String::as_str);
            Ok::<_, WorldError>(session.drop_idle_slots(slots).await?)
        }));
        let first = dropping.await.into_iter().next().unwrap_or(Ok(()));
        if first.is_ok() && forgotten(cluster, servers, slots).await? {
            return Ok(());
        }
        if Instant::now() >= deadline {
            first?;
            return Err(WorldError::permanent(format!(
                "somebody still streams through one of {}",
                slots.join(", ")
            )));
        }
        tokio::time::sleep(POLL).await;
    }
}

pub(in crate::world) async fn forgotten(
    cluster: &Connections,
    servers: &[String],
    slots: &[String],
) -> Result<bool, WorldError> {
    let looking = join_all(servers.iter().map(async |pod| {
        let there = cluster.session(pod).await?.slot_names().await?;
        Ok::<_, WorldError>(!slots.iter().any(|slot| there.contains(slot)))
    }));
    let mut seen = looking.await.into_iter();
    let on_primary = seen.next().unwrap_or(Ok(true))?;
    // A standby that does not answer is no reason to wait: its slots hold nothing for long.
    Ok(on_primary && seen.all(|it| it.unwrap_or(true)))
}

/// Whether a server goes by these names. With a position, also whether enough of the standbys
/// are past it; without one, whether they are where the server is now.
pub(in crate::world) async fn is_synchronous(
    cluster: &Connections,
    pod: &str,
    names: &str,
    standbys: &[String],
    count: u32,
    past: Option<Lsn>,
) -> Result<bool, WorldError> {
    let facts = cluster.session(pod).await?.facts().await?;
    if facts.settings.synchronous_standby_names != names {
        return Ok(false);
    }
    if count == 0 {
        return Ok(true);
    }
    let strangers = facts.senders.iter().any(|sender| {
        sender.sync_state != SyncState::Async && !standbys.contains(&sender.application_name)
    });
    let position = past.unwrap_or(facts.flush_lsn);
    let confirmed = facts
        .senders
        .iter()
        .filter(|sender| standbys.contains(&sender.application_name))
        .filter(|sender| sender.is_streaming())
        .filter(|sender| sender.flush_lsn.is_some_and(|at| at >= position))
        .count();
    Ok(!strangers && confirmed >= count as usize)
}

/// Waits until a server goes by these names, and enough of the standbys have confirmed what
/// was written until it did.
pub(in crate::world) async fn await_synchronous(
    cluster: &Connections,
    pod: &str,
    names: &str,
    standbys: &[String],
    count: u32,
    limit: Duration,
) -> Result<(), WorldError> {
    let deadline = Instant::now() + limit;
    let mut past = None;
    loop {
        // The position counts from the first look at which nobody else confirms any more.
        if past.is_none() && nobody_else(cluster, pod, names, standbys, count).await? {
            past = Some(cluster.session(pod).await?.facts().await?.flush_lsn);
        }
        if past.is_some() && is_synchronous(cluster, pod, names, standbys, count, past).await? {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(WorldError::permanent(format!(
                "fewer than {count} of {} have confirmed what {pod} has written",
                standbys.join(", ")
            )));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn nobody_else(
    cluster: &Connections,
    pod: &str,
    names: &str,
    standbys: &[String],
    count: u32,
) -> Result<bool, WorldError> {
    let facts = cluster.session(pod).await?.facts().await?;
    Ok(facts.settings.synchronous_standby_names == names
        && (count == 0
            || facts.senders.iter().all(|sender| {
                sender.sync_state == SyncState::Async || standbys.contains(&sender.application_name)
            })))
}

pub(in crate::world) async fn record_synchronous(
    cluster: &Connections,
    config_map: &str,
    standbys: Option<u32>,
) -> Result<(), WorldError> {
    change_topology(cluster, config_map, |data| {
        match standbys {
            Some(count) => data.insert(names::TOPOLOGY_SYNCHRONOUS.to_owned(), count.to_string()),
            None => data.remove(names::TOPOLOGY_SYNCHRONOUS),
        };
        Ok(())
    })
    .await
}

pub(in crate::world) async fn synchronous_recorded(
    cluster: &Connections,
    config_map: &str,
    standbys: Option<u32>,
) -> Result<bool, WorldError> {
    let stored = cluster
        .kube
        .stored_map(cluster.namespace(), config_map)
        .await?;
    let recorded = stored
        .and_then(|it| it.data.get(names::TOPOLOGY_SYNCHRONOUS).cloned())
        .and_then(|text| text.trim().parse().ok());
    Ok(recorded == standbys)
}

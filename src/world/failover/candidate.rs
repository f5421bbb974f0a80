//! Whether the candidate can still take over, right before the primary is stopped: what was checked
//! when the plan was made may be minutes ago, or days when it is resumed.

use k8s_openapi::api::apps::v1::StatefulSet;

use crate::engine::WorldError;
use crate::world::connections::Connections;

/// Whether it can.
///
/// # Errors
/// Why not, as what may pass: it is waited for.
pub(in crate::world) async fn fit_to_take_over(
    cluster: &Connections,
    pod: &str,
    stateful_set: &str,
    upstream: Option<&str>,
    max_lag_bytes: u64,
) -> Result<bool, WorldError> {
    let namespace = cluster.namespace();
    let not = |why: String| Err(WorldError::transient(why));
    let Some(now) = cluster.kube.pod(namespace, pod).await? else {
        return not(format!("{pod} does not exist"));
    };
    if now.deleting_since.is_some() {
        return not(format!("{pod} is being deleted"));
    }
    let set: Option<StatefulSet> = cluster.kube.get(namespace, stateful_set).await?;
    let spec = set.and_then(|it| it.spec);
    let wanted = spec.map_or(0, |spec| spec.replicas.unwrap_or(1));
    if u32::try_from(wanted).unwrap_or(0) <= now.ordinal {
        return not(format!(
            "{stateful_set} is scaled to {wanted}, which takes {pod} away"
        ));
    }
    let Some(upstream) = upstream else {
        return Ok(true);
    };
    let facts = cluster.session(upstream).await?.facts().await?;
    let sender = facts
        .senders
        .iter()
        .find(|it| it.application_name == pod && it.is_streaming());
    let Some(replayed) = sender.map(|it| it.replay_lsn) else {
        return not(format!("{pod} does not stream from {upstream}"));
    };
    let Some(replayed) = replayed else {
        return not(format!("{upstream} does not know how far {pod} is"));
    };
    let behind = facts.flush_lsn.bytes_since(replayed);
    if behind > max_lag_bytes {
        return not(format!(
            "{pod} is {behind} bytes behind {upstream}, and {max_lag_bytes} are allowed"
        ));
    }
    Ok(true)
}

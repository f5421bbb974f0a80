//! Whether a new connection may still hang, because of where a Service led before.

use std::time::Duration;

use crate::engine::WorldError;
use crate::world::cluster::RealCluster;

/// How much longer a new connection through a Service may be led to where nobody answers: none at all, where the pod that it
/// led to before has promised to stay. None when it does not lead to this pod.
pub(in crate::world) async fn may_hang_for(
    real: &RealCluster,
    service: &str,
    pod: &str,
) -> Result<Option<Duration>, WorldError> {
    let seen = &real.seen_to_lead;
    let behind = seen.proxies_behind(&real.connections, service, pod).await?;
    Ok(match behind {
        Some(_) if real.lingering.is_promised().await => Some(Duration::ZERO),
        behind => behind,
    })
}

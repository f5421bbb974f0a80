//! Clients that came to a standby through the write Service, and stay there though it is not promoted.

use std::time::Duration;

use jiff::Timestamp;

use super::clients::PROXIES;
use crate::engine::WorldError;
use crate::plan::Plan;
use crate::world::connections::Connections;

/// A standby that does not answer within this time keeps them: the way back does not wait for it.
const LIMIT: Duration = Duration::from_secs(3);

/// Ends the sessions on a standby that have begun since the plan was made, once nobody is led there any more.
/// Some of them may be readers that came another way: they connect again as well.
pub(in crate::world) async fn send_away(cluster: &Connections, plan: &Plan, pod: &str) {
    // Whoever is sent away earlier comes back the same way.
    tokio::time::sleep(PROXIES).await;
    // A length of time, because the server's clock may be another.
    let age = Timestamp::now().duration_since(plan.made);
    let age = Duration::try_from(age).unwrap_or_default();
    let ending = async {
        let session = cluster.session(pod).await?;
        session.end_stranded(age).await?;
        Ok::<_, WorldError>(())
    };
    tokio::time::timeout(LIMIT, ending).await.ok();
}

//! Standbys that would hold up a shutdown: the server waits until each that is connected has confirmed
//! all that it has.

use std::time::Duration;

use futures::future::join_all;

use super::followers::point_at;
use crate::engine::WorldError;
use crate::events::RunEvent;
use crate::plan::{Follower, Plan, StepName};
use crate::world::connections::Connections;
use crate::world::reporting::Reporting;

/// Whoever has not confirmed for so long what was committed a moment ago does not keep up.
const CONFIRM: Duration = Duration::from_secs(2);
/// A standby is told within this time to stay away, or it is one that hangs: that is only disconnected.
const TELL: Duration = Duration::from_secs(2);
/// A host that nobody has: a folder of sockets, so that no name is looked up again and again. All else in
/// `primary_conninfo` stays for the day on which it is led to a server again.
const NOBODY: &str = "/disconnected-by-pgctl-until-the-switchover-is-over";

/// Which of these standbys are connected and do not keep up.
pub(in crate::world) async fn laggards(
    cluster: &Connections,
    pod: &str,
    standbys: &[String],
) -> Result<Vec<String>, WorldError> {
    let session = cluster.session(pod).await?;
    let mark = session.mark().await?;
    Ok(session.not_confirmed(mark, standbys, CONFIRM).await?)
}

/// Disconnects them. Who answers is told not to come back; who does not can't, before the shutdown.
pub(in crate::world) async fn detach_laggards(
    cluster: &Connections,
    reporting: &Reporting,
    plan: &Plan,
    pod: &str,
    followers: &[Follower],
) -> Result<(), WorldError> {
    let standbys: Vec<String> = followers.iter().map(|it| it.pod.clone()).collect();
    let found = laggards(cluster, pod, &standbys).await?;
    if found.is_empty() {
        return Ok(());
    }
    let step = StepName::DetachLaggards;
    let reason = format!(
        "{} does not keep up: disconnected until the switchover is over",
        found.join(", ")
    );
    reporting.say(plan, &RunEvent::StepWaiting { step, reason });
    let slow = followers.iter().filter(|it| found.contains(&it.pod));
    join_all(slow.map(async |follower| {
        let telling = point_at(cluster, follower, NOBODY);
        // Whoever does not listen can't connect either.
        tokio::time::timeout(TELL, telling).await.ok()
    }))
    .await;
    let session = cluster.session(pod).await?;
    for name in &found {
        session.terminate_senders(name).await?;
    }
    Ok(())
}

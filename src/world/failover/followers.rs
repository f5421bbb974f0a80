//! Standbys that are to stream from a server: waiting for them, and saying why one does not.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::cluster::{ContainerState, StartDecision, StartReason};
use crate::engine::WorldError;
use crate::observe::why_held_back;
use crate::plan::{Follower, OperationFinding};
use crate::postgres::{Complaint, complaint};
use crate::world::connections::Connections;
use crate::world::reasons::reasons;

/// How often they are looked at.
const POLL: Duration = Duration::from_millis(25);
/// How long standbys that have no hope are waited for: their start script may mend that.
const HOPELESS_LIMIT: Duration = Duration::from_secs(10);
/// How often the logs of those that are missing are read, and from when on.
const LOG_PERIOD: Duration = Duration::from_secs(3);

/// Whether a reason to hold PostgreSQL back does not pass by itself.
pub(in crate::world) type Hopeless = fn(StartReason) -> bool;

/// Why each of some standbys does not stream, and what mends it.
type Reasons = BTreeMap<String, String>;

pub(in crate::world) async fn not_streaming(
    cluster: &Connections,
    upstream: &str,
    pods: &[String],
) -> Result<Vec<String>, WorldError> {
    let there = cluster
        .session(upstream)
        .await?
        .streaming_standbys()
        .await?;
    Ok(pods
        .iter()
        .filter(|pod| !there.contains(pod))
        .cloned()
        .collect())
}

/// Tells a standby to stream from `host`, through its slot there.
pub(super) async fn point_at(
    cluster: &Connections,
    follower: &Follower,
    host: &str,
) -> Result<(), WorldError> {
    let session = cluster.session(&follower.pod).await?;
    Ok(session.set_upstream(host, &follower.slot).await?)
}

/// Standbys on their way to a new upstream.
#[derive(Default)]
pub(in crate::world) struct Followers {
    /// Why a standby could not be repointed.
    not_repointed: Mutex<Reasons>,
}

impl Followers {
    /// Every standby at the same time, but for those that stream from there already: to be told again
    /// would only interrupt them. Who can't be told is named when they are waited for.
    pub(in crate::world) async fn repoint(
        &self,
        cluster: &Connections,
        upstream: &str,
        service: &str,
        followers: &[Follower],
    ) {
        let host = format!("{upstream}.{service}");
        let pods: Vec<String> = followers.iter().map(|it| it.pod.clone()).collect();
        // Whoever can't be asked about is told.
        let missing = not_streaming(cluster, upstream, &pods).await;
        let missing = missing.unwrap_or(pods);
        let followers = followers.iter().filter(|it| missing.contains(&it.pod));
        let told = join_all(followers.map(async |follower| {
            let told = point_at(cluster, follower, &host).await;
            (follower.pod.clone(), told)
        }))
        .await;
        let mut not_repointed = self.not_repointed.lock().await;
        for (pod, result) in told {
            match result {
                Ok(()) => not_repointed.remove(&pod),
                Err(error) => {
                    let mend = format!("pgctl logs {pod}; pgctl status");
                    not_repointed.insert(pod, format!("{} ({mend})", error.reason))
                }
            };
        }
    }

    /// Waits for all of them, but not for those that have no hope: `hopeless` are the reasons to hold
    /// PostgreSQL back that don't pass; none: it is not asked for any.
    ///
    /// # Errors
    /// When one of them does not stream when the time is up, or never will.
    pub(in crate::world) async fn await_streaming(
        &self,
        cluster: &Connections,
        upstream: &str,
        pods: &[String],
        hopeless: Option<Hopeless>,
        limit: Duration,
    ) -> Result<Vec<OperationFinding>, WorldError> {
        let begun = Instant::now();
        let mut complaints = Reasons::new();
        let mut read = Instant::now();
        loop {
            let missing = match not_streaming(cluster, upstream, pods).await {
                Ok(missing) if missing.is_empty() => return Ok(Vec::new()),
                Ok(missing) => missing,
                Err(error) if begun.elapsed() >= limit => return Err(error),
                Err(_) => pods.to_vec(),
            };
            if read.elapsed() >= LOG_PERIOD {
                complaints = logged(cluster, &missing, begun.elapsed()).await;
                if let Some(hopeless) = hopeless {
                    complaints.extend(held_back(cluster, &missing, hopeless).await);
                }
                read = Instant::now();
            }
            let mut known = self.not_repointed.lock().await.clone();
            known.extend(complaints.clone());
            let none_left = missing.iter().all(|pod| known.contains_key(pod));
            if begun.elapsed() >= limit || (none_left && begun.elapsed() >= HOPELESS_LIMIT) {
                let untold: Vec<String> = missing
                    .iter()
                    .filter(|pod| !known.contains_key(*pod))
                    .cloned()
                    .collect();
                if !untold.is_empty() {
                    known.extend(reasons(cluster, &untold).await);
                }
                let why = join_all(missing.iter().map(|pod| why_not(cluster, pod, &known))).await;
                return Err(WorldError::permanent(why.join("; ")));
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

/// What the logs of these standbys have complained about within this time.
async fn logged(cluster: &Connections, pods: &[String], within: Duration) -> Reasons {
    let seconds = u32::try_from(within.as_secs() + 1).unwrap_or(u32::MAX);
    let told = join_all(pods.iter().map(async |pod| {
        // Who may not read logs is told less.
        let log = cluster
            .kube
            .recent_log(cluster.namespace(), pod, seconds)
            .await;
        let found = complaint(&log.unwrap_or_default())?;
        let mend = match found {
            // The start script writes down the password anew.
            Complaint::NotLetIn => format!("kubectl -n {} delete pod {pod}", cluster.namespace()),
            Complaint::WalGone | Complaint::Diverged => format!("pgctl rejoin {pod}"),
        };
        Some((pod.clone(), format!("{} ({mend})", found.reason())))
    }))
    .await;
    told.into_iter().flatten().collect()
}

/// Which of these are held back for a hopeless reason, and what the start script says of it.
async fn held_back(cluster: &Connections, pods: &[String], hopeless: Hopeless) -> Reasons {
    let held = join_all(pods.iter().map(async |pod| {
        match why_held_back(&cluster.kube, cluster.namespace(), pod).await {
            Some(StartDecision::Waiting { reason, message })
                if StartReason::of(&reason).is_some_and(hopeless) =>
            {
                Some((pod.clone(), message))
            }
            _ => None,
        }
    }));
    held.await.into_iter().flatten().collect()
}

/// Why a standby does not follow, and what mends it.
async fn why_not(cluster: &Connections, pod: &str, known: &Reasons) -> String {
    if let Some(reason) = known.get(pod) {
        return format!("{pod}: {reason}");
    }
    let why = match cluster.kube.pod(cluster.namespace(), pod).await {
        Ok(None) => "it does not exist",
        Ok(Some(now)) if !matches!(now.container, ContainerState::Running { .. }) => {
            "it does not run"
        }
        _ => "it does not stream from the new primary",
    };
    format!("{pod}: {why} (pgctl logs {pod}; pgctl status)")
}

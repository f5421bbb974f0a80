//! A pod whose PostgreSQL has stopped stays for a moment: its address refuses connections as long as it is there, and lets
//! them hang afterwards, wherever a kube-proxy still leads there.

use std::time::Duration;

use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::clients::PROXIES;
use super::end::is_expected;
use crate::cluster::{StartDecision, names};
use crate::engine::WorldError;
use crate::kubernetes::KubeError;
use crate::plan::{Plan, PodRef, Shutdown};
use crate::world::connections::Connections;

/// How long the pod stays, in seconds: longer than a proxy is behind ([`PROXIES`]), since the Service leads elsewhere before
/// it is stopped.
const STAYS: u32 = 2;
const _: () = assert!(STAYS as u128 * 1000 > PROXIES.as_millis());
/// For a stop within so many seconds. What was asked and never used must not count on another day.
const VALID: u32 = 90;
/// From then on another stop is not begun in the trust in it: the server needs some time, too.
const TRUSTED: Duration = Duration::from_secs(60);
/// The longest that asking may take: clients can be waited for in another way.
const LIMIT: Duration = Duration::from_secs(3);

/// The pod that was asked to stay.
#[derive(Default)]
pub(in crate::world) struct Lingering(Mutex<Option<Asked>>);

#[derive(Clone)]
struct Asked {
    pod: PodRef,
    /// The life of the pod in which its start script will do so.
    container: String,
    at: Instant,
}

/// What the start script says when PostgreSQL does not start any more in its pod.
#[derive(Deserialize)]
struct StoppedForGood {
    container: String,
    #[serde(flatten)]
    decision: StartDecision,
}

impl Lingering {
    /// Asks the start script of a pod to stay for a moment after its PostgreSQL has stopped.
    pub(in crate::world) async fn ask(
        &self,
        cluster: &Connections,
        pod: &PodRef,
        term: u64,
    ) -> Result<(), WorldError> {
        *self.0.lock().await = None;
        let at = Instant::now();
        let asking = timeout(LIMIT, ask(cluster, pod, term)).await;
        // Not asked again: clients can be waited for instead.
        let container = asking
            .map_err(|_| "it does not answer".to_owned())
            .and_then(|asked| asked.map_err(|error| error.reason))
            .map_err(|why| WorldError::permanent(format!("{}: {why}", pod.name)))?;
        *self.0.lock().await = Some(Asked {
            pod: pod.clone(),
            container,
            at,
        });
        Ok(())
    }

    /// Takes it back, also while the pod stays. Who can't be told forgets it in its time, or has ended.
    pub(in crate::world) async fn forget(&self, cluster: &Connections, pod: &PodRef) {
        *self.0.lock().await = None;
        let now = cluster.kube.pod(cluster.namespace(), &pod.name).await;
        if now.is_ok_and(|it| it.is_some_and(|it| it.uid == pod.uid && !it.has_ended())) {
            let argv = ["/bin/sh", names::LINGER_SCRIPT, "forget"];
            run(cluster, pod, &argv, LIMIT).await.ok();
        }
    }

    /// Whether a pod has said that it will stay, for a stop that begins now.
    pub(in crate::world) async fn is_promised(&self) -> bool {
        let asked = self.0.lock().await;
        asked.as_ref().is_some_and(|it| it.at.elapsed() < TRUSTED)
    }

    /// Waits until PostgreSQL has stopped for good in a pod that was asked to stay, and tells where its WAL ends. None
    /// when that can't be learned in this way, or it did not stop in order: then the container's end is waited for.
    ///
    /// It proves as much as the end of the container: the script says it when its PostgreSQL has shut down, starts none
    /// any more in this container, and would start none in another one of this pod (`linger` in
    /// `deploy/base/scripts/start.sh`); and the pod is being deleted, which can't be called back.
    pub(in crate::world) async fn stopped_for_good(
        &self,
        cluster: &Connections,
        plan: &Plan,
        pod: &PodRef,
        limit: Duration,
    ) -> Option<Shutdown> {
        let asked = self.0.lock().await.clone();
        let asked = asked.filter(|it| it.pod == *pod)?;
        let argv = ["/bin/sh", names::LINGER_SCRIPT, "await"];
        let said = run(cluster, pod, &argv, limit).await.ok()?;
        let shutdown = shutdown_of(&said, &asked.container, plan)?;
        let (namespace, name) = (cluster.namespace(), &pod.name);
        let doing = format!("waiting until {name} is being deleted");
        let deleted = cluster
            .kube
            .wait_for_pod(namespace, name, &doing, limit, |now| match now {
                Some(now) if now.uid == pod.uid => now.deleting_since.map(|_| true),
                _ => Some(false),
            });
        deleted.await.ok()?.then_some(shutdown)
    }
}

/// Asks, and tells which life of the pod will stay: the one whose server we talk to, in the very pod that is meant.
async fn ask(cluster: &Connections, pod: &PodRef, term: u64) -> Result<String, WorldError> {
    let (stays, valid, term) = (STAYS.to_string(), VALID.to_string(), term.to_string());
    let argv = [
        "/bin/sh",
        names::LINGER_SCRIPT,
        "ask",
        &stays,
        &valid,
        &term,
    ];
    let said = run(cluster, pod, &argv, LIMIT).await?;
    let container = said.trim().to_owned();
    let session = cluster.session(&pod.name).await?;
    let of_server = session.container_name().await?;
    // A name says nothing of which pod it was.
    let now = cluster.kube.pod(cluster.namespace(), &pod.name).await?;
    let same = now.is_some_and(|it| it.uid == pod.uid);
    if !same || of_server.as_deref() != Some(container.as_str()) {
        let words = "it is another pod, or another container of it, by now";
        return Err(WorldError::permanent(words));
    }
    Ok(container)
}

/// What the start script's word proves: the end of the WAL of a primary that this plan is about, shut down in order in this
/// life of its pod. None when it is anything else.
fn shutdown_of(said: &str, container: &str, plan: &Plan) -> Option<Shutdown> {
    let stopped: StoppedForGood = serde_json::from_str(said.trim()).ok()?;
    let (timeline, lsn) = stopped.decision.clean_shutdown(&plan.system_identifier)?;
    let meant = stopped.container == container && is_expected(plan, timeline);
    meant.then_some(Shutdown { timeline, lsn })
}

async fn run(
    cluster: &Connections,
    pod: &PodRef,
    argv: &[&str],
    limit: Duration,
) -> Result<String, WorldError> {
    let namespace = cluster.namespace();
    let running = cluster
        .kube
        .run_command(namespace, &pod.name, argv, None, limit);
    let output = running.await?;
    if output.code != 0 {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(WorldError::from(KubeError::Unexpected {
            doing: format!("asking the start script of {}", pod.name),
            reason: said,
        }));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Lsn;
    use crate::cluster::fixture::{healthy, now, replica};
    use crate::plan::{Circumstances, FailoverRequest, plan_failover};

    fn switchover() -> Plan {
        let request = FailoverRequest {
            to: Some(replica(0)),
            ..FailoverRequest::default()
        };
        plan_failover(&healthy(2), &request, &Circumstances::default(), now())
            .unwrap_or_else(|refusal| panic!("{refusal}"))
    }

    /// What `linger` in the start script prints.
    fn said(plan: &Plan) -> serde_json::Value {
        let timeline = plan.operation.primary_change().map(|it| it.timeline);
        serde_json::json!({
            "pgctl": "stopped",
            "state": "shut down",
            "checkpoint_lsn": "0/A000028",
            "timeline": timeline,
            "system_identifier": plan.system_identifier,
            "clean": true,
            "container": "0c4c",
        })
    }

    #[test]
    fn the_word_of_the_container_that_was_asked_is_a_proof() {
        let plan = switchover();
        let shutdown = shutdown_of(&format!("{}\n", said(&plan)), "0c4c", &plan);
        assert_eq!(shutdown.map(|it| it.lsn), Some(Lsn::new(0x0A00_0028)));
    }

    #[test]
    fn any_other_word_proves_nothing() {
        let plan = switchover();
        let whole = said(&plan);
        for (key, value) in [
            ("container", "another".into()),
            ("clean", false.into()),
            ("state", "in production".into()),
            ("state", "shut down in recovery".into()),
            ("system_identifier", "1".into()),
            ("timeline", 7.into()),
            ("pgctl", "waiting".into()),
        ] {
            let mut other = whole.clone();
            other[key] = value;
            let shutdown = shutdown_of(&other.to_string(), "0c4c", &plan);
            assert!(shutdown.is_none(), "{key}: {other}");
        }
        let cut = &whole.to_string()[..40];
        for text in ["", "{}", cut] {
            assert!(shutdown_of(text, "0c4c", &plan).is_none(), "{text}");
        }
    }
}

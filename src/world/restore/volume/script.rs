//! The pod on a volume, and the script that runs in it.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

use crate::backup::restore::VOLUME_SCRIPT;
use crate::cluster::Timeline;
use crate::engine::{ErrorKind, WorldError};
use crate::plan::{KeptData, OperationFinding, Plan, VolumeHandle};
use crate::postgres::tool_options;
use crate::world::restore::restoring::Restoring;

/// How often somebody looks whether a pod runs.
const POLL: Duration = Duration::from_millis(200);
/// How long looking at a volume may take.
pub(super) const LOOKING: Duration = Duration::from_secs(60);
/// Exit status of the script when something else still works on the volume.
const BUSY: i32 = 75;

impl Restoring<'_> {
    /// Makes the pod; one of before that has ended goes first.
    pub(super) async fn open_volume(&self, volume: &VolumeHandle) -> Result<(), WorldError> {
        let namespace = self.cluster.namespace();
        self.cluster
            .kube
            .nothing_foreign(&self.cluster.id, volume)
            .await?;
        if self
            .cluster
            .kube
            .volume_pod_ended(namespace, &volume.pod)
            .await?
        {
            self.cluster
                .kube
                .delete_volume_pod(namespace, &volume.pod)
                .await?;
            return Err(WorldError::transient(format!(
                "{} has ended, and is made anew",
                volume.pod
            )));
        }
        self.cluster
            .kube
            .make_volume_pod(&self.cluster.id, volume)
            .await?;
        Ok(())
    }

    /// Runs a verb of the script in the pod on the volume, and gives what it said.
    pub(super) async fn script(
        &self,
        plan: &Plan,
        volume: &VolumeHandle,
        verb: &[&str],
        limit: Duration,
    ) -> Result<String, WorldError> {
        // Its node may have been lost since.
        let deadline = Instant::now() + limit;
        self.until_open(volume, deadline).await?;
        let command = command(plan, verb);
        let argv: Vec<&str> = command.iter().map(String::as_str).collect();
        let output = self
            .cluster
            .kube
            .run_command(self.cluster.namespace(), &volume.pod, &argv, None, limit)
            .await?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        match output.code {
            0 => Ok(text(&output.stdout)),
            BUSY => Err(WorldError::transient(format!(
                "{}: {}, in the pod {}",
                volume.claim,
                text(&output.stderr),
                volume.pod
            ))),
            _ => Err(WorldError::permanent(format!(
                "{}: {}",
                volume.claim,
                text(&output.stderr)
            ))),
        }
    }

    pub(super) async fn status(
        &self,
        plan: &Plan,
        volume: &VolumeHandle,
    ) -> Result<Vec<String>, WorldError> {
        let said = self.script(plan, volume, &["status"], LOOKING).await?;
        Ok(said.lines().map(str::to_owned).collect())
    }

    /// The same verb on several volumes. What can be done is done, whatever the others say. A claim
    /// that somebody has deleted holds nothing any more.
    pub(super) async fn on_each(
        &self,
        plan: &Plan,
        volumes: &[VolumeHandle],
        verb: &str,
        aside: &str,
        deadline: Instant,
    ) -> Result<Vec<OperationFinding>, WorldError> {
        let each = join_all(volumes.iter().map(async |volume| {
            if !self
                .cluster
                .kube
                .claim_stays(self.cluster.namespace(), &volume.claim)
                .await?
            {
                return Ok(Vec::new());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let said = self.script(plan, volume, &[verb, aside], left).await?;
            let kept = kept(volume, &said).into_iter();
            Ok(kept.chain(taken_away(volume, &said)).collect())
        }));
        Ok(all_of(each.await)?.into_iter().flatten().collect())
    }

    /// Makes the pod if there is none, and waits until it runs. A claim that is gone needs none.
    pub(super) async fn until_open(
        &self,
        volume: &VolumeHandle,
        deadline: Instant,
    ) -> Result<(), WorldError> {
        let (namespace, kube) = (self.cluster.namespace(), &self.cluster.kube);
        loop {
            match kube.volume_pod_runs(namespace, &volume.pod).await? {
                Some(true) => {
                    // What runs now may be another of the same name.
                    kube.nothing_foreign(&self.cluster.id, volume).await?;
                    return Ok(());
                }
                _ if !kube.claim_stays(namespace, &volume.claim).await? => return Ok(()),
                // It does not run yet, or has ended; or one of before is on its way out.
                _ => match self.open_volume(volume).await {
                    Err(error) if error.kind != ErrorKind::Transient => return Err(error),
                    _ => {}
                },
            }
            if Instant::now() >= deadline {
                let why = kube.why_not_running(namespace, &volume.pod).await;
                let why = why.ok().flatten();
                let why = why.unwrap_or_else(|| format!("{} does not run", volume.pod));
                return Err(WorldError::permanent(format!(
                    "{why}: kubectl describe pod {} -n {namespace}; if the volume of {} is lost for good, kubectl delete pvc {} -n {namespace} gives it up",
                    volume.pod, volume.claim, volume.claim
                )));
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Everything, or all that went wrong: permanently, if anything did.
pub(super) fn all_of<T>(results: Vec<Result<T, WorldError>>) -> Result<Vec<T>, WorldError> {
    let mut done = Vec::new();
    let mut failed: Vec<WorldError> = Vec::new();
    for result in results {
        match result {
            Ok(it) => done.push(it),
            Err(error) => failed.push(error),
        }
    }
    let reasons: Vec<String> = failed.iter().map(|it| it.reason.clone()).collect();
    let worst = failed
        .into_iter()
        .max_by_key(|it| it.kind != ErrorKind::Transient);
    match worst {
        None => Ok(done),
        Some(error) => Err(WorldError {
            reason: reasons.join("; "),
            ..error
        }),
    }
}

pub(super) fn command(plan: &Plan, verb: &[&str]) -> Vec<String> {
    // What the backup's roles and databases carry is not for the sessions that look into it. Of its
    // version nothing is known here: what is the same in all will do for sessions this short.
    let options = format!("PGOPTIONS={}", tool_options(0));
    let script = ["sh", "-c", VOLUME_SCRIPT, "pgctl", &plan.id.0];
    let mut argv: Vec<String> = ["env", &options]
        .into_iter()
        .chain(script)
        .map(str::to_owned)
        .collect();
    argv.extend(verb.iter().map(|word| (*word).to_owned()));
    argv
}

/// What the script says it has kept.
pub(super) fn kept(volume: &VolumeHandle, said: &str) -> Vec<OperationFinding> {
    said.lines()
        .filter_map(|line| line.strip_prefix("kept "))
        .map(|directory| {
            OperationFinding::Kept(KeptData {
                claim: volume.claim.clone(),
                directory: directory.to_owned(),
            })
        })
        .collect()
}

/// What the script says it has taken away again, and not removed.
pub(super) fn taken_away<'a>(
    volume: &'a VolumeHandle,
    said: &'a str,
) -> impl Iterator<Item = OperationFinding> + 'a {
    said.lines()
        .filter_map(|line| line.strip_prefix("taken "))
        .map(|directory| {
            OperationFinding::TakenAway(KeptData {
                claim: volume.claim.clone(),
                directory: directory.to_owned(),
            })
        })
}

pub(super) fn new_timeline(said: &str) -> Option<OperationFinding> {
    let number = said
        .lines()
        .find_map(|line| line.strip_prefix("timeline "))?;
    Some(OperationFinding::RestoredTimeline {
        timeline: Timeline(number.parse().ok()?),
    })
}

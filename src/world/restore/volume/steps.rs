//! A physical restore: what is done on a volume, by a pod of its own.

use std::time::Duration;

use futures::future::{join_all, try_join_all};
use tokio::time::Instant;

use crate::backup::origin::Origin;
use crate::backup::restore::VOLUME_SCRIPT;
use crate::cluster::Timeline;
use crate::engine::{ErrorKind, WorldError};
use crate::kubernetes::TOPOLOGY_SYSTEM;
use crate::plan::{Finding, KeptData, Plan, RestoreAction, RestoreCondition, VolumeHandle};
use crate::postgres::tool_options;
use crate::world::cluster::Live;
use crate::world::restore::backups::scope;

/// How often somebody looks whether a pod runs.
const POLL: Duration = Duration::from_millis(200);
/// How long looking at a volume may take.
const LOOKING: Duration = Duration::from_secs(60);
/// Exit status of the script when something else still works on the volume.
const BUSY: i32 = 75;
/// What the script needs.
const NEEDED: [&str; 6] = ["sha256sum", "mkfifo", "mktemp", "tee", "head", "tar"];

/// Deletes a directory that a restore has kept, and no other.
const DISCARD: &str = r#"volume=$(dirname "${PGDATA:-/var/lib/postgresql/data/pgdata}")
case $1 in
  */* | '' | .*) exit 1 ;;
  pgdata.before-restore-*) chmod -R u+rwX "$volume/$1" 2>/dev/null; rm -rf "${volume:?}/$1" && rm -f "$volume/pgctl/"*".$1" ;;
  *) exit 1 ;;
esac"#;

impl Live {
    pub(in crate::world) async fn on_volume(
        &self,
        plan: &Plan,
        action: &RestoreAction,
        limit: Duration,
    ) -> Result<Vec<Finding>, WorldError> {
        let namespace = self.namespace();
        let deadline = Instant::now() + limit;
        match action {
            RestoreAction::MakeClaim {
                claim,
                stateful_set,
            } => self.kube.make_claim(namespace, claim, stateful_set).await?,
            RestoreAction::OpenVolume { volume } => self.open_volume(volume).await?,
            RestoreAction::CloseVolume { volume } => {
                self.kube.delete_volume_pod(namespace, &volume.pod).await?;
            }
            RestoreAction::OpenVolumes { volumes } => {
                let opening = volumes.iter().map(|it| self.until_open(it, deadline));
                all_of(join_all(opening).await)?;
            }
            RestoreAction::CloseVolumes { volumes } => {
                let closing = volumes
                    .iter()
                    .map(|it| self.kube.delete_volume_pod(namespace, &it.pod));
                try_join_all(closing).await?;
            }
            RestoreAction::Unpack {
                volume,
                file,
                major,
                architecture,
            } => {
                self.unpack(plan, volume, file, *major, architecture, deadline)
                    .await?;
            }
            RestoreAction::RemoveUnpacked { volume } => {
                let removed = self.script(plan, volume, &["remove"], limit).await;
                if removed
                    .as_ref()
                    .is_err_and(|it| it.kind == ErrorKind::Transient)
                {
                    // Whatever still works there works on what is to be removed: it ends with its
                    // pod, and the next attempt makes another.
                    self.kube.delete_volume_pod(namespace, &volume.pod).await?;
                }
                removed?;
            }
            RestoreAction::Recover { volume, above } => {
                let timeline = self.manifest(plan).await?.wal.timeline.0.to_string();
                let said = self
                    .script(
                        plan,
                        volume,
                        &["recover", &above.to_string(), &timeline],
                        limit,
                    )
                    .await?;
                return Ok(new_timeline(&said).into_iter().collect());
            }
            RestoreAction::SwapIn { volume, aside } => {
                self.script(plan, volume, &["swap-in", aside], limit)
                    .await?;
            }
            RestoreAction::SwapOut { volume, aside } => {
                let said = self
                    .script(plan, volume, &["swap-out", aside], limit)
                    .await?;
                return Ok(taken_away(volume, &said).collect());
            }
            RestoreAction::KeepAside { volumes, aside } => {
                return self.on_each(plan, volumes, "keep", aside, deadline).await;
            }
            RestoreAction::PutBack { volumes, aside } => {
                return self
                    .on_each(plan, volumes, "put-back", aside, deadline)
                    .await;
            }
            RestoreAction::ForgetSystem { config_map } => self.forget_system(config_map).await?,
            RestoreAction::DeleteClaims { claims } => self.delete_unused(claims).await?,
            RestoreAction::Discard { directories } => {
                for (pod, directory) in directories {
                    self.discard(pod, directory, deadline).await?;
                }
            }
            other => {
                return Err(WorldError::permanent(format!(
                    "{other}: not something that is done on a volume"
                )));
            }
        }
        Ok(Vec::new())
    }

    pub(in crate::world) async fn volume_holds(
        &self,
        plan: &Plan,
        condition: &RestoreCondition,
    ) -> Result<bool, WorldError> {
        let namespace = self.namespace();
        Ok(match condition {
            RestoreCondition::PodsGone { pods } => {
                let there =
                    try_join_all(pods.iter().map(|pod| self.kube.pod_exists(namespace, pod)));
                !there.await?.into_iter().any(|it| it)
            }
            RestoreCondition::ClaimThere { claim } => {
                self.kube.claim_stays(namespace, claim).await?
            }
            RestoreCondition::ClaimsGone { claims } => self.claims_gone(claims).await?,
            RestoreCondition::VolumeOpen { volume } => {
                self.kube.volume_pod_runs(namespace, &volume.pod).await? == Some(true)
            }
            RestoreCondition::VolumesOpen { volumes } => {
                let looking = volumes.iter().map(async |it| {
                    let runs = self.kube.volume_pod_runs(namespace, &it.pod).await?;
                    // Without a claim there is nothing to open.
                    Ok::<_, WorldError>(
                        runs == Some(true) || !self.kube.claim_stays(namespace, &it.claim).await?,
                    )
                });
                try_join_all(looking).await?.into_iter().all(|it| it)
            }
            RestoreCondition::VolumesClosed { volumes } => {
                let there = volumes
                    .iter()
                    .map(|it| self.kube.pod_exists(namespace, &it.pod));
                !try_join_all(there).await?.into_iter().any(|it| it)
            }
            RestoreCondition::VolumeClosed { volume } => {
                !self.kube.pod_exists(namespace, &volume.pod).await?
            }
            RestoreCondition::Unpacked { volume } => {
                let facts = self.status(plan, volume).await?;
                ["unpacked", "recovered", "swapped"]
                    .iter()
                    .any(|it| facts.contains(&(*it).to_owned()))
            }
            RestoreCondition::Recovered { volume } => {
                let facts = self.status(plan, volume).await?;
                ["recovered", "swapped"]
                    .iter()
                    .any(|it| facts.contains(&(*it).to_owned()))
            }
            RestoreCondition::SwappedIn { volume } => self
                .status(plan, volume)
                .await?
                .contains(&"swapped".to_owned()),
            RestoreCondition::SwappedOut { volume } => !self
                .status(plan, volume)
                .await?
                .contains(&"swapped".to_owned()),
            RestoreCondition::NothingUnpacked { volume } => {
                let facts = self.status(plan, volume).await?;
                !facts.contains(&"leftover".to_owned())
            }
            RestoreCondition::Restored {
                pod,
                system_identifier,
            } => {
                let session = self.session(pod).await?;
                let facts = session.facts().await?;
                let is_it =
                    facts.recovery.is_none() && facts.system_identifier == *system_identifier;
                if is_it {
                    self.read_rows(pod).await?;
                }
                is_it
            }
            other => {
                return Err(WorldError::permanent(format!(
                    "{other}: not something that is seen on a volume"
                )));
            }
        })
    }

    /// Rows of every database can be read.
    async fn read_rows(&self, pod: &str) -> Result<(), WorldError> {
        let names = self.session(pod).await?.open_database_names().await?;
        for name in names {
            let session = self.connect_to(pod, &name).await?;
            let read = session.read_some_rows(LOOKING).await;
            read.map_err(|error| {
                let mut error = WorldError::from(error);
                error.reason = format!("the database {name}: {}", error.reason);
                error
            })?;
        }
        Ok(())
    }

    /// What was kept on a volume in this operation.
    pub(in crate::world) async fn kept_on(
        &self,
        plan: &Plan,
        volume: &VolumeHandle,
    ) -> Result<Vec<Finding>, WorldError> {
        let expected = &scope(plan)?.keeps;
        let said = self.script(plan, volume, &["status"], LOOKING).await?;
        let mut found = kept(volume, &said);
        found.retain(|finding| match finding {
            Finding::Kept(data) => expected.iter().any(|it| it.directory == data.directory),
            _ => false,
        });
        Ok(found)
    }

    /// Makes the pod; one of before that has ended goes first.
    async fn open_volume(&self, volume: &VolumeHandle) -> Result<(), WorldError> {
        let namespace = self.namespace();
        if self.kube.volume_pod_ended(namespace, &volume.pod).await? {
            self.kube.delete_volume_pod(namespace, &volume.pod).await?;
            return Err(WorldError::transient(format!(
                "{} has ended, and is made anew",
                volume.pod
            )));
        }
        self.kube
            .make_volume_pod(
                namespace,
                &volume.pod,
                &volume.claim,
                &volume.stateful_set,
                &self.cluster.name,
            )
            .await?;
        Ok(())
    }

    async fn unpack(
        &self,
        plan: &Plan,
        volume: &VolumeHandle,
        file: &str,
        major: u32,
        architecture: &str,
        deadline: Instant,
    ) -> Result<(), WorldError> {
        if self
            .volume_holds(
                plan,
                &RestoreCondition::Unpacked {
                    volume: volume.clone(),
                },
            )
            .await?
        {
            return Ok(());
        }
        // One of before may still be at it, without anybody who sends: it ends by itself.
        self.script(plan, volume, &["idle"], LOOKING).await?;
        let manifest = self.manifest(plan).await?;
        let origin = Origin::Pod {
            kube: self.kube.clone(),
            namespace: self.namespace().to_owned(),
            pod: volume.pod.clone(),
        };
        let (major, bytes) = (major.to_string(), manifest.raw_bytes().to_string());
        let command = command(plan, &["unpack", &major, architecture, &bytes]);
        self.stream(
            &origin,
            &volume.pod,
            &manifest,
            file,
            &command,
            "",
            &NEEDED,
            deadline,
        )
        .await
    }

    /// Runs a verb of the script in the pod on the volume, and gives what it said.
    async fn script(
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
            .kube
            .run_command(self.namespace(), &volume.pod, &argv, None, limit)
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

    async fn status(&self, plan: &Plan, volume: &VolumeHandle) -> Result<Vec<String>, WorldError> {
        let said = self.script(plan, volume, &["status"], LOOKING).await?;
        Ok(said.lines().map(str::to_owned).collect())
    }

    /// The same verb on several volumes. What can be done is done, whatever the others say. A claim
    /// that somebody has deleted holds nothing any more.
    async fn on_each(
        &self,
        plan: &Plan,
        volumes: &[VolumeHandle],
        verb: &str,
        aside: &str,
        deadline: Instant,
    ) -> Result<Vec<Finding>, WorldError> {
        let each = join_all(volumes.iter().map(async |volume| {
            if !self
                .kube
                .claim_stays(self.namespace(), &volume.claim)
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
    async fn until_open(&self, volume: &VolumeHandle, deadline: Instant) -> Result<(), WorldError> {
        let namespace = self.namespace();
        loop {
            match self.kube.volume_pod_runs(namespace, &volume.pod).await? {
                Some(true) => return Ok(()),
                _ if !self.kube.claim_stays(namespace, &volume.claim).await? => return Ok(()),
                // It does not run yet, or has ended; or one of before is on its way out.
                _ => match self.open_volume(volume).await {
                    Err(error) if error.kind != ErrorKind::Transient => return Err(error),
                    _ => {}
                },
            }
            if Instant::now() >= deadline {
                return Err(WorldError::permanent(format!(
                    "{} does not run: kubectl describe pod {} -n {namespace}; if the volume of {} is lost for good, kubectl delete pvc {} -n {namespace} gives it up",
                    volume.pod, volume.pod, volume.claim, volume.claim
                )));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn forget_system(&self, config_map: &str) -> Result<(), WorldError> {
        self.change_topology(config_map, |data| {
            data.remove(TOPOLOGY_SYSTEM);
            Ok(())
        })
        .await
    }

    async fn discard(
        &self,
        pod: &str,
        directory: &str,
        deadline: Instant,
    ) -> Result<(), WorldError> {
        let left = deadline.saturating_duration_since(Instant::now());
        let argv = ["sh", "-c", DISCARD, "pgctl", directory];
        let output = self
            .kube
            .run_command(self.namespace(), pod, &argv, None, left)
            .await?;
        if output.code == 0 {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(WorldError::permanent(format!(
            "{directory} on {pod} could not be deleted: {said}"
        )))
    }
}

/// Everything, or all that went wrong: permanently, if anything did.
fn all_of<T>(results: Vec<Result<T, WorldError>>) -> Result<Vec<T>, WorldError> {
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

fn command(plan: &Plan, verb: &[&str]) -> Vec<String> {
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
fn kept(volume: &VolumeHandle, said: &str) -> Vec<Finding> {
    said.lines()
        .filter_map(|line| line.strip_prefix("kept "))
        .map(|directory| {
            Finding::Kept(KeptData {
                claim: volume.claim.clone(),
                directory: directory.to_owned(),
            })
        })
        .collect()
}

/// What the script says it has taken away again, and not removed.
fn taken_away<'a>(volume: &'a VolumeHandle, said: &'a str) -> impl Iterator<Item = Finding> + 'a {
    said.lines()
        .filter_map(|line| line.strip_prefix("taken "))
        .map(|directory| {
            Finding::TakenAway(KeptData {
                claim: volume.claim.clone(),
                directory: directory.to_owned(),
            })
        })
}

fn new_timeline(said: &str) -> Option<Finding> {
    let number = said
        .lines()
        .find_map(|line| line.strip_prefix("timeline "))?;
    Some(Finding::RestoredTimeline {
        timeline: Timeline(number.parse().ok()?),
    })
}

//! A physical restore: what is done on a volume, by a pod of its own.

use std::time::Duration;

use futures::future::{join_all, try_join_all};
use tokio::time::Instant;

use crate::backup::tools::ToolLocation;
use crate::cluster::names;
use crate::engine::{ErrorKind, WorldError};
use crate::plan::{KeptData, OperationFinding, Plan, VolumeAction, VolumeCondition, VolumeHandle};
use crate::recovery::RecoveryWay;
use crate::world::failover::topology::change_topology;
use crate::world::restore::restoring::{Restoring, scope};
use crate::world::restore::volume::script::{
    LOOKING, all_of, command, kept, new_timeline, taken_away,
};
use crate::world::restore::volume::wal::{recovered_to, recovery_arguments};
use crate::world::scaling::claims::{claims_gone, delete_unused};

/// What the script needs.
const NEEDED: [&str; 6] = ["sha256sum", "mkfifo", "mktemp", "tee", "head", "tar"];

/// Deletes a directory that a restore has kept, and no other. Arguments: its name, the data directory
/// when the container names none, and what the names begin with.
const DISCARD: &str = r#"volume=$(dirname "${PGDATA:-$2}")
case $1 in
  */* | '' | .*) exit 1 ;;
  "$3"*) chmod -R u+rwX "$volume/$1" 2>/dev/null; rm -rf "${volume:?}/$1" && rm -f "$volume/pgctl/"*".$1" ;;
  *) exit 1 ;;
esac"#;

impl Restoring<'_> {
    pub(in crate::world) async fn on_volume(
        &self,
        plan: &Plan,
        action: &VolumeAction,
        limit: Duration,
    ) -> Result<Vec<OperationFinding>, WorldError> {
        let namespace = self.cluster.namespace();
        let deadline = Instant::now() + limit;
        match action {
            VolumeAction::MakeClaim {
                claim,
                stateful_set,
            } => {
                self.cluster
                    .kube
                    .make_claim(namespace, claim, stateful_set)
                    .await?
            }
            VolumeAction::OpenVolume { volume } => self.open_volume(volume).await?,
            VolumeAction::MakeServerClaim { volume } => {
                let id = &self.cluster.id;
                self.cluster.kube.make_server_claim(id, volume).await?;
            }
            VolumeAction::Serve { volume } => {
                self.script(plan, volume, &["serve"], limit).await?;
            }
            VolumeAction::DeleteServer { volume } => {
                let id = &self.cluster.id;
                self.cluster.kube.delete_server(id, volume).await?;
            }
            VolumeAction::CloseVolume { volume } => {
                self.cluster
                    .kube
                    .delete_volume_pod(namespace, &volume.pod)
                    .await?;
            }
            VolumeAction::OpenVolumes { volumes } => {
                let opening = volumes.iter().map(|it| self.until_open(it, deadline));
                all_of(join_all(opening).await)?;
            }
            VolumeAction::CloseVolumes { volumes } => {
                let closing = volumes
                    .iter()
                    .map(|it| self.cluster.kube.delete_volume_pod(namespace, &it.pod));
                try_join_all(closing).await?;
            }
            VolumeAction::Unpack {
                volume,
                file,
                major,
                architecture,
            } => {
                self.unpack(plan, volume, file, *major, architecture, deadline)
                    .await?;
            }
            VolumeAction::RemoveUnpacked { volume } => {
                let removed = self.script(plan, volume, &["remove"], limit).await;
                if removed
                    .as_ref()
                    .is_err_and(|it| it.kind == ErrorKind::Transient)
                {
                    // Whatever still works there works on what is to be removed: it ends with its
                    // pod, and the next attempt makes another.
                    self.cluster
                        .kube
                        .delete_volume_pod(namespace, &volume.pod)
                        .await?;
                }
                removed?;
            }
            VolumeAction::FetchWal { volume, .. } => {
                self.fetch_wal(plan, volume, deadline).await?;
            }
            VolumeAction::Recover { volume, above, .. } => {
                let timeline = self.manifest(plan).await?.wal.timeline.0.to_string();
                let mut verb = vec!["recover".to_owned(), above.to_string(), timeline];
                verb.extend(recovery_arguments(scope(plan)?.recovery.as_ref()));
                let verb: Vec<&str> = verb.iter().map(String::as_str).collect();
                let said = self.script(plan, volume, &verb, limit).await?;
                return Ok(new_timeline(&said)
                    .into_iter()
                    .chain(recovered_to(&said))
                    .collect());
            }
            VolumeAction::SwapIn { volume, aside } => {
                self.script(plan, volume, &["swap-in", aside], limit)
                    .await?;
            }
            VolumeAction::SwapOut { volume, aside } => {
                let said = self
                    .script(plan, volume, &["swap-out", aside], limit)
                    .await?;
                return Ok(taken_away(volume, &said).collect());
            }
            VolumeAction::KeepAside { volumes, aside } => {
                return self.on_each(plan, volumes, "keep", aside, deadline).await;
            }
            VolumeAction::PutBack { volumes, aside } => {
                return self
                    .on_each(plan, volumes, "put-back", aside, deadline)
                    .await;
            }
            VolumeAction::ForgetSystem { config_map } => self.forget_system(config_map).await?,
            VolumeAction::DeleteClaims { claims } => delete_unused(self.cluster, claims).await?,
            VolumeAction::Discard { directories } => {
                for (pod, directory) in directories {
                    self.discard(pod, directory, deadline).await?;
                }
            }
        }
        Ok(Vec::new())
    }

    pub(in crate::world) async fn volume_holds(
        &self,
        plan: &Plan,
        condition: &VolumeCondition,
    ) -> Result<bool, WorldError> {
        let namespace = self.cluster.namespace();
        Ok(match condition {
            VolumeCondition::PodsGone { pods } => {
                let there = try_join_all(
                    pods.iter()
                        .map(|pod| self.cluster.kube.pod_exists(namespace, pod)),
                );
                !there.await?.into_iter().any(|it| it)
            }
            VolumeCondition::ClaimThere { claim } => {
                self.cluster.kube.claim_stays(namespace, claim).await?
            }
            VolumeCondition::ClaimsGone { claims } => claims_gone(self.cluster, claims).await?,
            VolumeCondition::VolumeOpen { volume } => {
                self.cluster
                    .kube
                    .volume_pod_runs(namespace, &volume.pod)
                    .await?
                    == Some(true)
            }
            VolumeCondition::VolumesOpen { volumes } => {
                let looking = volumes.iter().map(async |it| {
                    let runs = self
                        .cluster
                        .kube
                        .volume_pod_runs(namespace, &it.pod)
                        .await?;
                    // Without a claim there is nothing to open.
                    Ok::<_, WorldError>(
                        runs == Some(true)
                            || !self.cluster.kube.claim_stays(namespace, &it.claim).await?,
                    )
                });
                try_join_all(looking).await?.into_iter().all(|it| it)
            }
            VolumeCondition::VolumesClosed { volumes } => {
                let there = volumes
                    .iter()
                    .map(|it| self.cluster.kube.pod_exists(namespace, &it.pod));
                !try_join_all(there).await?.into_iter().any(|it| it)
            }
            VolumeCondition::VolumeClosed { volume } => {
                !self.cluster.kube.pod_exists(namespace, &volume.pod).await?
            }
            VolumeCondition::Unpacked { volume } => {
                let facts = self.status(plan, volume).await?;
                ["unpacked", "recovered", "swapped"]
                    .iter()
                    .any(|it| facts.contains(&(*it).to_owned()))
            }
            VolumeCondition::WalThere { volume } => self.wal_is_there(plan, volume).await?,
            VolumeCondition::Recovered { volume } => {
                let facts = self.status(plan, volume).await?;
                ["recovered", "swapped"]
                    .iter()
                    .any(|it| facts.contains(&(*it).to_owned()))
            }
            VolumeCondition::SwappedIn { volume } => self
                .status(plan, volume)
                .await?
                .contains(&"swapped".to_owned()),
            VolumeCondition::SwappedOut { volume } => !self
                .status(plan, volume)
                .await?
                .contains(&"swapped".to_owned()),
            VolumeCondition::NothingUnpacked { volume } => {
                let facts = self.status(plan, volume).await?;
                !facts.contains(&"leftover".to_owned())
            }
            VolumeCondition::ServerClaim { volume } => {
                let id = &self.cluster.id;
                self.cluster.kube.server_claim_stays(id, volume).await?
            }
            VolumeCondition::ServerGone { volume } => {
                let id = &self.cluster.id;
                self.cluster.kube.server_is_gone(id, volume).await?
            }
            VolumeCondition::Restored {
                pod,
                system_identifier,
            } => {
                let session = self.cluster.session(pod).await?;
                let facts = session.facts().await?;
                let is_it =
                    facts.recovery.is_none() && facts.system_identifier == *system_identifier;
                if is_it {
                    self.read_rows(pod).await?;
                }
                is_it
            }
        })
    }

    /// Rows of every database can be read.
    async fn read_rows(&self, pod: &str) -> Result<(), WorldError> {
        let names = self
            .cluster
            .session(pod)
            .await?
            .open_database_names()
            .await?;
        for name in names {
            let session = self.cluster.connect_to(pod, &name).await?;
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
    ) -> Result<Vec<OperationFinding>, WorldError> {
        let expected = &scope(plan)?.keeps;
        let said = self.script(plan, volume, &["status"], LOOKING).await?;
        let mut found = kept(volume, &said);
        let is_expected =
            |data: &KeptData| expected.iter().any(|it| it.directory == data.directory);
        found.retain(|it| matches!(it, OperationFinding::Kept(data) if is_expected(data)));
        Ok(found)
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
                &VolumeCondition::Unpacked {
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
        let tools = ToolLocation::Pod {
            kube: self.cluster.kube.clone(),
            namespace: self.cluster.namespace().to_owned(),
            pod: volume.pod.clone(),
        };
        // Room for the WAL that is fetched after it is looked for now, too.
        let wal = scope(plan)?.recovery.as_ref();
        let bytes = manifest.raw_bytes() + wal.map_or(0, RecoveryWay::raw_bytes);
        let (major, bytes) = (major.to_string(), bytes.to_string());
        let command = command(plan, &["unpack", &major, architecture, &bytes]);
        self.stream(
            &tools,
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

    async fn forget_system(&self, config_map: &str) -> Result<(), WorldError> {
        change_topology(self.cluster, config_map, |data| {
            data.remove(names::TOPOLOGY_SYSTEM);
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
        let argv = [
            "sh",
            "-c",
            DISCARD,
            "pgctl",
            directory,
            names::DEFAULT_PGDATA,
            names::KEPT_DATA,
        ];
        let output = self
            .cluster
            .kube
            .run_command(self.cluster.namespace(), pod, &argv, None, left)
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

//! The backup of what a restore replaces, taken when nobody can write to it any more.

use std::sync::Arc;

use tokio::sync::watch;

use crate::backup::catalogue::entry;
use crate::backup::format::{Kind, Recipient};
use crate::backup::store::blocking;
use crate::backup::take::{
    OriginalNames, SourcePod, TakeRequest, TransferProgress, application_name, take,
};
use crate::backup::tools::ToolLocation;
use crate::engine::{Known, WorldError};
use crate::events::RunEvent;
use crate::plan::{OperationFinding, Plan, Swap};
use crate::world::restore::restoring::Restoring;

impl Restoring<'_> {
    pub(in crate::world) async fn safety_backup(
        &self,
        plan: &Plan,
        pod: &str,
        database: Option<&str>,
        swaps: &[Swap],
        known: &Known,
    ) -> Result<Vec<OperationFinding>, WorldError> {
        // What was replaced has not changed since: nobody can write to it.
        if self.backed_up(pod, swaps, known).await? {
            return Ok(Vec::new());
        }
        let backups = self.backups()?;
        let manifest = self.manifest(plan).await?;
        // What is kept of an encrypted backup is as secret as that.
        let recipients = manifest
            .encrypted_for
            .iter()
            .map(|text| text.parse::<Recipient>())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| WorldError::permanent(error.to_string()))?;
        let place = SourcePod {
            cluster: self.cluster.id.clone(),
            pod: pod.to_owned(),
            role: "primary".to_owned(),
            tool_location: ToolLocation::Pod {
                kube: self.cluster.kube.clone(),
                namespace: self.cluster.namespace().to_owned(),
                pod: pod.to_owned(),
            },
            session: self.cluster.connect(pod).await?,
            user: self.cluster.login.user.clone(),
            password: self.cluster.login.password.clone(),
            reconnect: None,
        };
        let request = TakeRequest {
            kind: match database {
                Some(_) => Kind::Database,
                None => Kind::Logical,
            },
            database: database.map(str::to_owned),
            compression: None,
            jobs: 1,
            rate: None,
            label: Some(format!("before {}", plan.id)),
            recipients,
            original_names: OriginalNames {
                names: swaps
                    .iter()
                    .filter_map(|it| Some((it.aside.clone()?, it.name.clone())))
                    .collect(),
                without: swaps.iter().map(|it| it.name.clone()).collect(),
            },
        };
        let (_keep, stop) = watch::channel(false);
        let tell = |event: RunEvent| {
            if let RunEvent::Warning { .. } = event {
                (backups.tell)(&event);
            }
        };
        let taken = take(
            &place,
            &backups.store,
            &request,
            application_name(),
            Arc::new(TransferProgress::default()),
            stop,
            &tell,
        )
        .await
        .map_err(|error| {
            WorldError::permanent(format!("what was there could not be backed up: {error}"))
        })?;
        (backups.tell)(&RunEvent::SafetyBackupTaken {
            backup: taken.id.clone(),
        });
        Ok(vec![OperationFinding::SafetyBackup { backup: taken.id }])
    }

    /// Whether the safety backup is in the store and has every replaced database that is still
    /// there. What an interrupted drop has left of one can't be asked for any more.
    pub(in crate::world) async fn backed_up(
        &self,
        pod: &str,
        swaps: &[Swap],
        known: &Known,
    ) -> Result<bool, WorldError> {
        let Some(id) = known.safety_backup.clone() else {
            return Ok(false);
        };
        let session = self.cluster.session(pod).await?;
        let there = session.database_names().await?;
        let broken = session.invalid_databases().await?;
        let store = Arc::clone(&self.backups()?.store);
        let Ok(manifest) = blocking(move || entry(store.as_ref(), &id)).await?.manifest else {
            return Ok(false);
        };
        Ok(swaps.iter().all(|swap| {
            let left = swap
                .aside
                .as_ref()
                .is_some_and(|name| there.contains(name) && !broken.contains(name));
            !left || manifest.database(&swap.name).is_some()
        }))
    }
}

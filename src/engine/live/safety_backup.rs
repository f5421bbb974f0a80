//! The backup of what a restore will replace.

use std::sync::Arc;

use tokio::sync::watch;

use super::cluster::Live;
use crate::backup::encryption::Recipient;
use crate::backup::manifest::Kind;
use crate::backup::origin::Origin;
use crate::backup::take::{Event, Place, Request, application_name, take};
use crate::backup::transfer::Progress;
use crate::engine::{Known, WorldError};
use crate::plan::{Finding, Plan};

impl Live {
    pub(super) async fn safety_backup(
        &self,
        plan: &Plan,
        pod: &str,
        database: Option<&str>,
        known: &Known,
    ) -> Result<Vec<Finding>, WorldError> {
        if known.safety_backup_taken {
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
        let place = Place {
            cluster: self.cluster.clone(),
            pod: pod.to_owned(),
            role: "primary".to_owned(),
            origin: Origin::Pod {
                kube: self.kube.clone(),
                namespace: self.namespace().to_owned(),
                pod: pod.to_owned(),
            },
            session: self.connect(pod).await?,
            user: self.login.user.clone(),
            password: self.login.password.clone(),
        };
        let request = Request {
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
        };
        let (_keep, stop) = watch::channel(false);
        let tell = |event: Event| {
            if let Event::Warning(text) = event {
                (backups.tell)(&format!("warning: {text}"));
            }
        };
        let taken = take(
            &place,
            &backups.store,
            &request,
            application_name(),
            Arc::new(Progress::default()),
            stop,
            &tell,
        )
        .await
        .map_err(|error| {
            WorldError::permanent(format!("what is there could not be backed up: {error}"))
        })?;
        (backups.tell)(&format!("what is there is in the backup {}", taken.id));
        Ok(vec![Finding::SafetyBackup { backup: taken.id }])
    }
}

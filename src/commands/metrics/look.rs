//! One look: everything that is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::backup::catalogue::Catalogue;
use crate::backup::store::Store;
use crate::cluster::{Limits, Snapshot, assess};
use crate::commands::context::Context;
use crate::commands::journal::JournalSeen;
use crate::engine::Record;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::observe::connections;
use crate::output::{BackupFigures, Measured, OperationFigures};

/// The longest that the store of backups is waited for.
const STORE_LIMIT: Duration = Duration::from_secs(5);

/// What it takes to look.
pub(super) struct Look {
    pub(super) kube: Kube,
    pub(super) limits: Limits,
    pub(super) store: Option<Arc<dyn Store>>,
}

impl Look {
    /// Looks at everything at once.
    pub(super) async fn measure(&self, context: &Context) -> Result<Measured, Failure> {
        let mut observed = context.observe(&self.kube).await?;
        let snapshot = &observed.snapshot;
        let (connections, journal, backups) = futures::join!(
            connections(&self.kube, &observed),
            JournalSeen::look(&self.kube, &snapshot.cluster),
            self.backups(snapshot),
        );
        journal.note(&mut observed.snapshot);
        let records = journal
            .journal
            .map(|it| it.map_or_else(Vec::new, |it| it.history));
        Ok(Measured {
            health: assess(&observed.snapshot, &self.limits),
            connections,
            backups,
            operations: records.ok().map(|it| it.iter().map(figures).collect()),
            snapshot: observed.snapshot,
        })
    }

    async fn backups(&self, snapshot: &Snapshot) -> Option<BackupFigures> {
        let reading = Catalogue::read(self.store.as_ref()?);
        let catalogue = tokio::time::timeout(STORE_LIMIT, reading)
            .await
            .ok()?
            .ok()?;
        Some(backup_figures(&catalogue, snapshot))
    }
}

fn backup_figures(catalogue: &Catalogue, snapshot: &Snapshot) -> BackupFigures {
    let (cluster, system) = (&snapshot.cluster, snapshot.system_identifier());
    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    for (_, manifest) in catalogue.of(cluster, system) {
        *kinds.entry(word(&manifest.backup)).or_default() += 1;
    }
    let newest = catalogue.newest_of(cluster, system, snapshot.taken);
    let restored = catalogue.last_restore_test_of(cluster, system, snapshot.taken);
    BackupFigures {
        kinds,
        newest: newest.map(|it| it.started),
        restored: restored.map(|(_, test)| (test.at, test.problems.is_empty())),
    }
}

fn figures(record: &Record) -> OperationFigures {
    OperationFigures {
        // An operation's id begins with its command.
        kind: record.id.0.split('-').next().unwrap_or_default().to_owned(),
        outcome: word(&record.outcome),
        ended: record.report.ended,
        outage_seconds: record.report.write_outage_seconds,
    }
}

/// The stable word that documents have for a value.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

//! One look: everything that is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use tokio::sync::Mutex;

use crate::backup::catalogue::Catalogue;
use crate::backup::store::Store;
use crate::cluster::{Limits, Snapshot, assess};
use crate::commands::context::Context;
use crate::commands::fleet::Fleet;
use crate::commands::journal::JournalSeen;
use crate::commands::throw_away::beside;
use crate::engine::Record;
use crate::failure::Failure;
use crate::kubernetes::{Kube, NamespaceScope};
use crate::observe::{Connections, Observed, connections};
use crate::output::{BackupFigures, Looked, Measured, OperationFigures, plain};
use crate::wal::WalProtection;
use crate::wal_archive::last_archive;

/// The longest that the store of backups is waited for, where `--timeout` is as usual.
const STORE_LIMIT: Duration = Duration::from_secs(5);

/// Clusters whose sessions are counted at the same time.
const AT_ONCE: usize = 16;

/// What it takes to look.
pub(super) struct Look {
    pub(super) target: Target,
    pub(super) limits: Limits,
    pub(super) store: Option<Arc<dyn Store>>,
    /// What is wrong with the store, by what of it: told when it changes.
    pub(super) troubles: Mutex<BTreeMap<String, String>>,
}

/// What a store has of a cluster. An error is why that is not known.
struct InStore<'a> {
    catalogue: Result<&'a Catalogue, String>,
    archive: Result<Option<WalProtection>, String>,
}

/// At what.
pub(super) enum Target {
    /// The cluster of a namespace.
    One(Kube),
    /// The clusters of all namespaces, of several contexts, or both.
    Many(Mutex<Fleet>),
}

impl Look {
    /// Looks at everything at once.
    ///
    /// # Errors
    /// When there is nothing to tell of.
    pub(super) async fn measure(&self, context: &Context) -> Result<Looked, Failure> {
        match &self.target {
            Target::One(kube) => {
                let measured = self.one(context, kube).await?;
                Ok(Looked::One(Box::new(measured)))
            }
            Target::Many(fleet) => self.many(context, &mut *fleet.lock().await).await,
        }
    }

    async fn one(&self, context: &Context, kube: &Kube) -> Result<Measured, Failure> {
        let (seen, catalogue) = futures::join!(
            beside(kube, context.observe_and_count(kube)),
            self.catalogue(context),
        );
        let ((mut observed, connections), found) = seen?;
        let (journal, store) = futures::join!(
            JournalSeen::look(kube, &observed.snapshot.cluster, &found),
            self.in_store(context, catalogue.as_ref(), &observed.snapshot),
        );
        journal.note(&mut observed.snapshot);
        Ok(self.measured(observed, journal, connections, store))
    }

    async fn many(&self, context: &Context, fleet: &mut Fleet) -> Result<Looked, Failure> {
        // One store has the backups of all.
        let catalogue = self.catalogue(context).await;
        let measure =
            async |kube: &Kube, place: &NamespaceScope, mut observed: Vec<Observed>, found| {
                let journals = JournalSeen::note_all(kube, place, &found, &mut observed).await;
                futures::stream::iter(observed.into_iter().zip(journals))
                    .map(async |(observed, journal)| {
                        let (connections, store) = futures::join!(
                            connections(kube, &observed),
                            self.in_store(context, catalogue.as_ref(), &observed.snapshot),
                        );
                        self.measured(observed, journal, connections, store)
                    })
                    .buffered(AT_ONCE)
                    .collect()
                    .await
            };
        let found = fleet.look_also_beside(context, measure).await?;
        for (name, failure) in &found.unreached {
            let line = format!("context {name}: {}", failure.what);
            context.telling.say(&format!("{}\n", plain(&line)));
        }
        let reached = found.clusters.iter().filter_map(|(name, _)| name.clone());
        let reached = reached.chain(found.empty).map(|name| (name, true));
        let unreached = found.unreached.into_iter().map(|(name, _)| (name, false));
        Ok(Looked::Many {
            contexts: reached.chain(unreached).collect(),
            clusters: found.clusters,
        })
    }

    fn measured(
        &self,
        observed: Observed,
        journal: JournalSeen,
        connections: Connections,
        store: Option<InStore<'_>>,
    ) -> Measured {
        let snapshot = observed.snapshot;
        let store_up = store.as_ref();
        let store_up = store_up.map(|it| it.catalogue.is_ok() && it.archive.is_ok());
        let (catalogue, archive) = match store {
            Some(InStore { catalogue, archive }) => (catalogue.ok(), archive.ok().flatten()),
            None => (None, None),
        };
        let records = journal
            .journal
            .map(|it| it.map_or_else(Vec::new, |it| it.history));
        Measured {
            health: assess(&snapshot, &self.limits),
            connections,
            store_up,
            backups: catalogue.map(|it| backup_figures(it, &snapshot)),
            archive,
            operations: records.ok().map(|it| it.iter().map(figures).collect()),
            snapshot,
        }
    }

    /// What the store has of a cluster; none when none is named.
    async fn in_store<'a>(
        &self,
        context: &Context,
        catalogue: Option<&'a Result<Catalogue, String>>,
        snapshot: &Snapshot,
    ) -> Option<InStore<'a>> {
        let (store, catalogue) = (self.store.as_ref()?, catalogue?);
        let catalogue = catalogue.as_ref().map_err(String::clone);
        let archive = match &catalogue {
            // It would not answer this either.
            Err(why) => Err(why.clone()),
            Ok(_) => {
                let (cluster, system) = (&snapshot.cluster, snapshot.system_identifier());
                let limit = context.patience(STORE_LIMIT);
                let found = last_archive(store, cluster, system, limit).await.found;
                let what = format!("the WAL archive of {cluster}");
                self.note(context, what, found.as_ref().err()).await;
                found
            }
        };
        Some(InStore { catalogue, archive })
    }

    /// The backups in the store; none when none is named.
    async fn catalogue(&self, context: &Context) -> Option<Result<Catalogue, String>> {
        let store = self.store.as_ref()?;
        let limit = context.patience(STORE_LIMIT);
        let reading = tokio::time::timeout(limit, Catalogue::read(store));
        let read = match reading.await {
            Ok(read) => read.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer within {} s", limit.as_secs_f64())),
        };
        let what = format!("store {}", store.location());
        self.note(context, what, read.as_ref().err()).await;
        Some(read)
    }

    /// Says what is wrong once, and once that it is not any more.
    async fn note(&self, context: &Context, what: String, trouble: Option<&String>) {
        let mut troubles = self.troubles.lock().await;
        let before = troubles.remove(&what);
        let told = match (before.as_ref(), trouble) {
            (None, None) => None,
            (Some(before), Some(now)) if before == now => None,
            (_, Some(now)) => Some(format!("{what}: {now}")),
            (Some(_), None) => Some(format!("{what} can be read again")),
        };
        if let Some(now) = trouble {
            troubles.insert(what, now.clone());
        }
        if let Some(told) = told {
            context.telling.say(&format!("{}\n", plain(&told)));
        }
    }
}

fn backup_figures(catalogue: &Catalogue, snapshot: &Snapshot) -> BackupFigures {
    let (cluster, system) = (&snapshot.cluster, snapshot.system_identifier());
    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    for (_, manifest) in catalogue.of(cluster, system) {
        *kinds.entry(word(&manifest.backup)).or_default() += 1;
    }
    let newest = catalogue.newest_of(cluster, system, snapshot.taken);
    let tests = catalogue.restore_tests_of(cluster, system, snapshot.taken);
    let restored = tests
        .into_iter()
        .map(|(kind, (_, test))| (kind, (test.at, test.problems.is_empty())));
    BackupFigures {
        kinds,
        newest: newest.map(|it| it.started),
        restored: restored.collect(),
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

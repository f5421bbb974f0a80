//! `pgctl backup list`.

use std::sync::Arc;

use jiff::Timestamp;

use super::super::context::Context;
use super::super::fleet::{Fleet, FleetLook};
use super::super::looking::{self, Looking};
use super::store;
use crate::backup::catalogue::Catalogue;
use crate::backup::store::Store;
use crate::cli::ListArgs;
use crate::cluster::Snapshot;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::{Kube, NamespaceScope};
use crate::observe::Observed;
use crate::output::{
    BackupListDocument, BackupState, ClusterBackupListDocument, ClusterBackups, LastRestoreTest,
    Screen, backups_screen, cluster_backups_screen,
};

pub(super) async fn run(context: &Context, args: &ListArgs) -> Result<ExitCode, Failure> {
    let store = store::open(&args.store)?;
    if args.fleet.several() {
        let fleet = Fleet::new(context, "pgctl backup list -A --contexts all", &args.fleet).await?;
        return looking::once(context, OfClusters { fleet, store }).await;
    }
    looking::once(context, List { store }).await
}

/// All backups of a store.
struct List {
    store: Arc<dyn Store>,
}

impl Looking for List {
    type Seen = Catalogue;

    async fn look(&mut self, _: &Context) -> Result<Catalogue, Failure> {
        Ok(Catalogue::read(&self.store).await?)
    }

    fn document(&self, catalogue: &Catalogue) -> impl serde::Serialize {
        BackupListDocument::new(&self.store.location(), catalogue)
    }

    fn screen(&self, catalogue: &Catalogue, screen: &Screen) -> String {
        backups_screen(catalogue, &self.store.location(), Timestamp::now(), screen)
    }
}

/// The clusters of all namespaces, of several contexts, or both, with what a store has of each.
struct OfClusters {
    fleet: Fleet,
    store: Arc<dyn Store>,
}

impl Looking for OfClusters {
    type Seen = (Timestamp, FleetLook<ClusterBackups>);

    async fn look(&mut self, context: &Context) -> Result<Self::Seen, Failure> {
        let now = Timestamp::now();
        let catalogue = &Catalogue::read(&self.store).await?;
        let kept = async |_: &Kube, _: &NamespaceScope, observed: Vec<Observed>| {
            let clusters = observed.iter();
            clusters
                .map(|it| backups_of(&it.snapshot, catalogue, now))
                .collect()
        };
        Ok((now, self.fleet.look(context, kept).await?))
    }

    fn document(&self, (now, seen): &Self::Seen) -> impl serde::Serialize {
        ClusterBackupListDocument::new(*now, &self.store.location(), &seen.view(|it| it))
    }

    fn screen(&self, (now, seen): &Self::Seen, screen: &Screen) -> String {
        cluster_backups_screen(&seen.view(|it| it), &self.store.location(), *now, screen)
    }

    fn exit(&self, (_, seen): &Self::Seen) -> ExitCode {
        let mut clusters = seen.clusters.iter();
        seen.exit(
            match clusters.all(|(_, it)| it.state() == BackupState::Kept) {
                true => ExitCode::Done,
                false => ExitCode::Unhealthy,
            },
        )
    }
}

fn backups_of(snapshot: &Snapshot, catalogue: &Catalogue, now: Timestamp) -> ClusterBackups {
    let (cluster, system) = (&snapshot.cluster, snapshot.system_identifier());
    let restored = catalogue.last_restore_test_of(cluster, system, now);
    ClusterBackups {
        cluster: cluster.clone(),
        count: catalogue.of(cluster, system).count(),
        newest: catalogue.newest_of(cluster, system, now),
        restored: restored.map(|(id, test)| LastRestoreTest {
            id: id.to_owned(),
            at: test.at,
            problem: test.problems.first().cloned(),
        }),
    }
}

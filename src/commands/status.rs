//! `pgctl status`: look, judge, show.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::Mutex;

use super::backup::store;
use super::context::Context;
use super::fleet::{Fleet, FleetLook};
use super::journal::JournalSeen;
use super::looking::{self, Looking};
use crate::backup::catalogue::{LastBackup, last_backup};
use crate::backup::store::Store;
use crate::cli::{StatusArgs, StoreArgs};
use crate::cluster::{Health, HealthVerdict, Limits, Snapshot, assess};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::output::{
    ClusterListDocument, ClusterStatusDocument, FleetView, Screen, clusters_screen, status_screen,
    verdict_line,
};

/// The longest that the store of backups is waited for.
const STORE_LIMIT: Duration = Duration::from_secs(5);

/// Between two looks at it, with -w.
const STORE_AGAIN: Duration = Duration::from_secs(60);

pub(super) async fn run(context: &Context, args: &StatusArgs) -> Result<ExitCode, Failure> {
    let limits = Limits {
        lag: args.max_lag,
        ..Limits::default()
    };
    if args.fleet.several() {
        let fleet = Fleet::new(context, &args.fleet).await?;
        return looking::run(context, &args.watch, ManyClusters { fleet, limits }).await;
    }
    let kube = context.connect().await?;
    let one = OneCluster {
        kube,
        limits,
        backups: Backups::new(context, args),
    };
    looking::run(context, &args.watch, one).await
}

/// The cluster of a namespace.
struct OneCluster {
    kube: Kube,
    limits: Limits,
    backups: Backups,
}

struct Seen {
    snapshot: Snapshot,
    health: Health,
    backup: Option<LastBackup>,
}

impl Looking for OneCluster {
    type Seen = Seen;

    async fn look(&mut self, context: &Context) -> Result<Seen, Failure> {
        let mut snapshot = context.observe(&self.kube).await?.snapshot;
        let journal = JournalSeen::look(&self.kube, &snapshot.cluster).await;
        journal.note(&mut snapshot);
        Ok(Seen {
            health: assess(&snapshot, &self.limits),
            backup: self.backups.last(&snapshot).await,
            snapshot,
        })
    }

    fn document(&self, seen: &Seen) -> impl serde::Serialize {
        ClusterStatusDocument::new(&seen.snapshot, &seen.health).with_backup(seen.backup.as_ref())
    }

    fn screen(&self, seen: &Seen, screen: &Screen) -> String {
        status_screen(&seen.snapshot, &seen.health, seen.backup.as_ref(), screen)
    }

    fn answer(&self, seen: &Seen, screen: &Screen) -> String {
        verdict_line(&seen.health, screen) + "\n"
    }

    fn exit(&self, seen: &Seen) -> ExitCode {
        exit_code([(&seen.snapshot, &seen.health)])
    }
}

/// Every cluster of all namespaces, of several contexts, or both.
struct ManyClusters {
    fleet: Fleet,
    limits: Limits,
}

struct SeenMany {
    found: FleetLook,
    /// In the order of the clusters that were found.
    judged: Vec<Health>,
}

impl SeenMany {
    fn view(&self) -> FleetView<'_> {
        let contexts = self.found.clusters.iter().map(|(name, _)| name.as_deref());
        FleetView {
            clusters: contexts.zip(&self.judged).collect(),
            unreached: &self.found.unreached,
            empty: &self.found.empty,
        }
    }
}

impl Looking for ManyClusters {
    type Seen = SeenMany;

    async fn look(&mut self, context: &Context) -> Result<SeenMany, Failure> {
        let found = self.fleet.look(context).await?;
        let observed = found.clusters.iter().map(|(_, observed)| observed);
        let judged = observed.map(|it| assess(&it.snapshot, &self.limits));
        Ok(SeenMany {
            judged: judged.collect(),
            found,
        })
    }

    fn document(&self, seen: &SeenMany) -> impl serde::Serialize {
        let clusters = seen.found.clusters.iter();
        let taken = clusters.map(|(_, observed)| observed.snapshot.taken).min();
        ClusterListDocument::new(taken.unwrap_or_else(Timestamp::now), &seen.view())
    }

    fn screen(&self, seen: &SeenMany, screen: &Screen) -> String {
        clusters_screen(&seen.view(), screen)
    }

    fn exit(&self, seen: &SeenMany) -> ExitCode {
        let clusters = seen.found.clusters.iter();
        let snapshots = clusters.map(|(_, observed)| &observed.snapshot);
        match exit_code(snapshots.zip(&seen.judged)) {
            // Nobody knows how the clusters are that were not looked at.
            ExitCode::Done if !seen.found.unreached.is_empty() => ExitCode::Unhealthy,
            exit => exit,
        }
    }
}

/// What a store has of the cluster. A store that does not answer costs a row, and no time.
struct Backups {
    store: Option<Result<Arc<dyn Store>, LastBackup>>,
    limit: Duration,
    seen: Mutex<Option<(Instant, LastBackup)>>,
}

impl Backups {
    fn new(context: &Context, args: &StatusArgs) -> Self {
        // The verdict's one line has no room for it, and a store that nobody named is none.
        let asked = !args.fleet.several() && (context.format.is_document() || !context.quiet);
        let named = args.store.clone().filter(|_| asked);
        Self {
            store: named.map(|name| {
                let store = StoreArgs {
                    store: Some(name.clone()),
                };
                store::open(&store).map_err(|failure| LastBackup {
                    store: name,
                    found: Err(failure.what),
                })
            }),
            limit: context.timeout().min(STORE_LIMIT),
            seen: Mutex::new(None),
        }
    }

    async fn last(&self, snapshot: &Snapshot) -> Option<LastBackup> {
        let store = match self.store.as_ref()? {
            Ok(store) => store,
            Err(problem) => return Some(problem.clone()),
        };
        let mut seen = self.seen.lock().await;
        match seen.as_ref() {
            // Backups come once a night: with -w the store is not asked at every look.
            Some((when, last)) if when.elapsed() < STORE_AGAIN => Some(last.clone()),
            _ => {
                let system = snapshot.system_identifier();
                let last = last_backup(store, &snapshot.cluster, system, self.limit).await;
                *seen = Some((Instant::now(), last.clone()));
                Some(last)
            }
        }
    }
}

fn exit_code<'a>(clusters: impl IntoIterator<Item = (&'a Snapshot, &'a Health)>) -> ExitCode {
    let mut worst = HealthVerdict::Healthy;
    let mut anybody_answers = false;
    for (snapshot, health) in clusters {
        worst = worst.max(health.verdict);
        anybody_answers |= snapshot
            .instances
            .iter()
            .any(|instance| instance.facts().is_some());
    }
    match worst {
        _ if !anybody_answers => ExitCode::Unreachable,
        HealthVerdict::Healthy => ExitCode::Done,
        HealthVerdict::Degraded | HealthVerdict::Critical => ExitCode::Unhealthy,
    }
}

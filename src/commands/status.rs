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
use super::throw_away::beside;
use crate::backup::catalogue::{LastBackup, last_backup};
use crate::backup::store::Store;
use crate::cli::StatusArgs;
use crate::cluster::{Health, HealthVerdict, Limits, Snapshot, assess};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::{Kube, NamespaceScope};
use crate::observe::Observed;
use crate::output::{
    ClusterListDocument, ClusterStatusDocument, Screen, clusters_screen, status_screen,
    verdict_line,
};
use crate::wal_archive::{LastArchive, last_archive};

/// The longest that the store of backups is waited for, where `--timeout` is as usual.
const STORE_LIMIT: Duration = Duration::from_secs(5);

/// Between two looks at it, with -w.
const STORE_AGAIN: Duration = Duration::from_secs(60);

pub(super) async fn run(context: &Context, args: &StatusArgs) -> Result<ExitCode, Failure> {
    let limits = Limits {
        lag: args.judging.max_lag,
        ..Limits::default()
    };
    if args.fleet.several() {
        let fleet = Fleet::new(context, "pgctl status -A --contexts all", &args.fleet).await?;
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
    kept: Option<Kept>,
}

/// What a store has of a cluster.
#[derive(Clone)]
struct Kept {
    backup: LastBackup,
    archive: LastArchive,
}

impl Looking for OneCluster {
    type Seen = Seen;

    async fn look(&mut self, context: &Context) -> Result<Seen, Failure> {
        let (observed, found) = beside(&self.kube, context.observe(&self.kube)).await?;
        let mut snapshot = observed.snapshot;
        let journal = JournalSeen::look(&self.kube, &snapshot.cluster, &found).await;
        journal.note(&mut snapshot);
        Ok(Seen {
            health: assess(&snapshot, &self.limits),
            kept: self.backups.last(&snapshot).await,
            snapshot,
        })
    }

    fn document(&self, seen: &Seen) -> impl serde::Serialize {
        let document = ClusterStatusDocument::new(&seen.snapshot, &seen.health);
        match &seen.kept {
            Some(kept) => document.with_kept(&kept.backup, &kept.archive),
            None => document,
        }
    }

    fn screen(&self, seen: &Seen, screen: &Screen) -> String {
        let kept = seen.kept.as_ref().map(|it| (&it.backup, &it.archive));
        status_screen(&seen.snapshot, &seen.health, kept, screen)
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

impl Looking for ManyClusters {
    type Seen = FleetLook<(Snapshot, Health)>;

    async fn look(&mut self, context: &Context) -> Result<Self::Seen, Failure> {
        let limits = &self.limits;
        let judged =
            async |kube: &Kube, place: &NamespaceScope, mut observed: Vec<Observed>, found| {
                JournalSeen::note_all(kube, place, &found, &mut observed).await;
                let judged = observed.into_iter().map(|it| {
                    let health = assess(&it.snapshot, limits);
                    (it.snapshot, health)
                });
                judged.collect()
            };
        self.fleet.look_also_beside(context, judged).await
    }

    fn document(&self, seen: &Self::Seen) -> impl serde::Serialize {
        let clusters = seen.clusters.iter();
        let taken = clusters.map(|(_, (snapshot, _))| snapshot.taken).min();
        let view = seen.view(|(_, health)| health);
        ClusterListDocument::new(taken.unwrap_or_else(Timestamp::now), &view)
    }

    fn screen(&self, seen: &Self::Seen, screen: &Screen) -> String {
        clusters_screen(&seen.view(|(_, health)| health), screen)
    }

    fn exit(&self, seen: &Self::Seen) -> ExitCode {
        let clusters = seen.clusters.iter();
        seen.exit(exit_code(
            clusters.map(|(_, (snapshot, health))| (snapshot, health)),
        ))
    }
}

/// What a store has of the cluster. A store that does not answer costs a row, and no time.
struct Backups {
    store: Option<Result<Arc<dyn Store>, Box<Kept>>>,
    limit: Duration,
    seen: Mutex<Option<(Instant, Kept)>>,
}

impl Backups {
    fn new(context: &Context, args: &StatusArgs) -> Self {
        // The verdict's one line has no room for it, and a store that nobody named is none.
        let asked = !args.fleet.several() && (context.format.is_document() || !context.quiet);
        let named = args.judging.store().filter(|_| asked);
        Self {
            store: named.map(|it| {
                store::open(&it).map_err(|failure| {
                    let store = it.store.unwrap_or_default();
                    Box::new(Kept {
                        backup: LastBackup {
                            store: store.clone(),
                            found: Err(failure.what.clone()),
                        },
                        archive: LastArchive {
                            store,
                            found: Err(failure.what),
                        },
                    })
                })
            }),
            limit: context.patience(STORE_LIMIT),
            seen: Mutex::new(None),
        }
    }

    async fn last(&self, snapshot: &Snapshot) -> Option<Kept> {
        let store = match self.store.as_ref()? {
            Ok(store) => store,
            Err(problem) => return Some(Kept::clone(problem)),
        };
        let mut seen = self.seen.lock().await;
        match seen.as_ref() {
            // Backups come once a night: with -w the store is not asked at every look.
            Some((when, last)) if when.elapsed() < STORE_AGAIN => Some(last.clone()),
            _ => {
                let system = snapshot.system_identifier();
                let (backup, archive) = futures::join!(
                    last_backup(store, &snapshot.cluster, system, self.limit),
                    last_archive(store, &snapshot.cluster, system, self.limit),
                );
                let last = Kept { backup, archive };
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

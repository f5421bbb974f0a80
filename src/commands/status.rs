//! `pgctl status`: look, judge, show.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::backup::store;
use super::context::Context;
use super::watch::{Look, document, watch};
use crate::backup::catalogue::{LastBackup, last_backup};
use crate::backup::store::Store;
use crate::cli::{StatusArgs, StoreArgs};
use crate::cluster::{ClusterId, Health, Limits, Snapshot, UnfinishedOperation, Verdict, assess};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::output::{
    ClusterListDocument, ClusterStatusDocument, clusters_screen, status_screen, verdict_line,
};
use crate::world::{journal_of, lock_holder};

/// The longest that the store of backups is waited for.
const STORE_LIMIT: Duration = Duration::from_secs(5);

/// Between two looks at it, with -w.
const STORE_AGAIN: Duration = Duration::from_secs(60);

pub(super) async fn run(context: &Context, args: &StatusArgs) -> Result<ExitCode, Failure> {
    let kube = context.connect().await?;
    let backups = Backups::new(context, args);
    let look = async || {
        if args.all_namespaces {
            all(context, args, &kube).await
        } else {
            one(context, args, &kube, &backups).await
        }
    };
    if args.watch {
        return watch(context, args.interval, look).await;
    }
    let look = look().await?;
    context.print(&look.text)?;
    Ok(look.exit)
}

fn limits(args: &StatusArgs) -> Limits {
    Limits {
        lag: args.max_lag,
        ..Limits::default()
    }
}

async fn one(
    context: &Context,
    args: &StatusArgs,
    kube: &Kube,
    backups: &Backups,
) -> Result<Look, Failure> {
    let mut snapshot = context.observe(kube).await?.snapshot;
    snapshot.unfinished = unfinished(kube, &snapshot.cluster).await;
    let health = assess(&snapshot, &limits(args));
    let backup = backups.last(&snapshot).await;
    let text = if context.format.is_document() {
        document(
            context,
            args.watch,
            &ClusterStatusDocument::new(&snapshot, &health).with_backup(backup.as_ref()),
        )
    } else if context.quiet {
        verdict_line(&health, &context.screen) + "\n"
    } else {
        status_screen(&snapshot, &health, backup.as_ref(), &context.screen)
    };
    Ok(Look {
        text,
        exit: exit_code([(&snapshot, &health)]),
    })
}

/// The operation that has not ended. Who may not read the journal is not told.
async fn unfinished(kube: &Kube, cluster: &ClusterId) -> Option<UnfinishedOperation> {
    let (journal, holder) = futures::join!(journal_of(kube, cluster), lock_holder(kube, cluster),);
    let journal = journal.ok().flatten()?;
    let found = journal.unfinished()?;
    let plan = &journal.plan;
    Some(UnfinishedOperation {
        id: found.id.0,
        title: found.title,
        holder: holder.ok().flatten().map(|it| it.holder),
        resume: plan.resume_command(),
        abort: (!found.past_point_of_no_return).then(|| plan.abort_command()),
    })
}

async fn all(context: &Context, args: &StatusArgs, kube: &Kube) -> Result<Look, Failure> {
    let observed = context.observe_all(kube).await?;
    let limits = limits(args);
    let judged: Vec<Health> = observed
        .iter()
        .map(|observed| assess(&observed.snapshot, &limits))
        .collect();
    let exit = exit_code(
        observed
            .iter()
            .map(|observed| &observed.snapshot)
            .zip(&judged),
    );
    let text = if context.format.is_document() {
        let taken = observed
            .iter()
            .map(|observed| observed.snapshot.taken)
            .min();
        let taken = taken.unwrap_or_else(jiff::Timestamp::now);
        document(
            context,
            args.watch,
            &ClusterListDocument::new(taken, &judged),
        )
    } else {
        clusters_screen(&judged, &context.screen)
    };
    Ok(Look { text, exit })
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
        let asked = !args.all_namespaces && (context.format.is_document() || !context.quiet);
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
                let system = system_identifier(snapshot);
                let last = last_backup(store, &snapshot.cluster, system, self.limit).await;
                *seen = Some((Instant::now(), last.clone()));
                Some(last)
            }
        }
    }
}

/// The one that the primary says, or else anybody.
fn system_identifier(snapshot: &Snapshot) -> Option<&str> {
    let primary = snapshot.primary().and_then(|it| it.facts());
    primary
        .or_else(|| snapshot.instances.iter().find_map(|it| it.facts()))
        .map(|facts| facts.system_identifier.as_str())
}

fn exit_code<'a>(clusters: impl IntoIterator<Item = (&'a Snapshot, &'a Health)>) -> ExitCode {
    let mut worst = Verdict::Healthy;
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
        Verdict::Healthy => ExitCode::Done,
        Verdict::Degraded | Verdict::Critical => ExitCode::Unhealthy,
    }
}

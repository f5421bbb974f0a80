//! `pgctl backup prune`.

use std::io::IsTerminal as _;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use jiff::{SignedDuration, Timestamp};

use super::super::confirming::typed_line;
use super::super::context::Context;
use super::{prune_wal, store};
use crate::backup::catalogue::{
    Catalogue, Deletion, Doomed, RetentionCandidate, RetentionPolicy, decide, delete, delete_wal,
    is_given_up,
};
use crate::backup::store::{Store, StoreError, blocking};
use crate::cli::PruneArgs;
use crate::confirmation::{Confirmed, NotConfirmed};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{
    Pruning, PruningDocument, Undeleted, WalPruning, encode, pruning_screen, write_stderr,
};

/// Unfinished backups that are looked at side by side.
const AT_ONCE: usize = 16;

pub(super) async fn run(context: &Context, args: &PruneArgs) -> Result<ExitCode, Failure> {
    let policy = RetentionPolicy {
        last: args.keep_last,
        daily: args.keep_daily,
        weekly: args.keep_weekly,
        window: args
            .keep_window
            .map(|it| SignedDuration::try_from(it).unwrap_or(SignedDuration::MAX)),
    };
    if policy == RetentionPolicy::default() {
        return Err(Failure::new(ExitCode::Usage, "nothing to keep was named")
            .next("pgctl backup prune --keep-daily 7 --keep-weekly 4 --dry-run"));
    }
    let store = store::open(&args.store)?;
    let catalogue = Catalogue::read(&store).await?;
    let candidates: Vec<RetentionCandidate> = catalogue
        .entries
        .iter()
        .filter_map(crate::backup::catalogue::Entry::candidate)
        .collect();
    let mut pruning = Pruning {
        store: store.location(),
        dry_run: args.dry_run,
        verdicts: decide(&candidates, policy, Timestamp::now()),
        unreadable: catalogue
            .entries
            .iter()
            .filter(|entry| entry.manifest.is_err())
            .map(|entry| entry.id.clone())
            .collect(),
        given_up: given_up(&store, catalogue.partial.clone()).await?,
        deleted: Vec::new(),
        failed: Vec::new(),
        wal: Vec::new(),
    };
    pruning.wal = prune_wal::expired(&store, &catalogue, &pruning).await?;
    let doomed = pruning.doomed();
    if !args.dry_run && doomed.count() > 0 {
        let confirmed = match Confirmed::by_flag(&doomed, args.yes) {
            Some(confirmed) => confirmed,
            None => confirm(&pruning, &doomed, context).await?,
        };
        let not_confirmed =
            |error: NotConfirmed| Failure::new(ExitCode::Refused, error.to_string());
        let deletions = delete(&store, &doomed, &confirmed)
            .await
            .map_err(not_confirmed)?;
        for (id, deletion) in deletions {
            match deletion {
                Deletion::Deleted => pruning.deleted.push(id),
                // It was finished, or is written again, while the question waited for its answer.
                Deletion::Finished => pruning.given_up.retain(|it| *it != id),
                // One that can't be deleted must not keep all the others.
                Deletion::Failed(reason) => pruning.failed.push(Undeleted { id, reason }),
            }
        }
        // The WAL last, and only that of which what is left of the backups needs nothing.
        let agreed = std::mem::take(&mut pruning.wal);
        let still = prune_wal::expired(&store, &catalogue, &pruning).await?;
        for mut wal in agreed {
            let now = still.iter().find(|it| it.folder == wal.folder);
            let paths = now.map_or_else(Vec::new, WalPruning::paths);
            let deleted = delete_wal(&store, &doomed, &paths, &confirmed).await;
            (wal.deleted, wal.failed) = deleted.map_err(not_confirmed)?;
            pruning.wal.push(wal);
        }
    }
    let text = if context.format.is_document() {
        encode(&PruningDocument::new(&pruning), context.format)
    } else {
        pruning_screen(&pruning, &context.screen)
    };
    context.print(&text)?;
    Ok(
        match (
            pruning.failed.is_empty() && pruning.wal.iter().all(|it| it.failed.is_none()),
            pruning.deleted.is_empty() && pruning.wal.iter().all(|it| it.deleted == 0),
        ) {
            (true, _) => ExitCode::Done,
            (false, true) => ExitCode::Failed,
            (false, false) => ExitCode::Incomplete,
        },
    )
}

/// Those of the unfinished ones to which nobody writes any more.
async fn given_up(store: &Arc<dyn Store>, partial: Vec<String>) -> Result<Vec<String>, StoreError> {
    let silent = futures::stream::iter(partial)
        .map(|id| {
            let store = Arc::clone(store);
            blocking(move || Ok(is_given_up(store.as_ref(), &id)?.then_some(id)))
        })
        .buffered(AT_ONCE);
    silent
        .try_filter_map(|id| std::future::ready(Ok(id)))
        .try_collect()
        .await
}

/// A person types how many go: it can't be undone.
async fn confirm(
    pruning: &Pruning,
    doomed: &Doomed,
    context: &Context,
) -> Result<Confirmed, Failure> {
    let count = doomed.count();
    let refused = |what: &str| {
        Failure::new(ExitCode::Refused, what)
            .next("pgctl backup prune ... --dry-run")
            .next("pgctl backup prune ... --yes")
    };
    if !std::io::stdin().is_terminal() {
        return Err(refused(
            "nobody is there to confirm it: nothing was deleted",
        ));
    }
    write_stderr(&pruning_screen(pruning, &context.screen));
    let what = match (doomed.wal.len(), count - doomed.wal.len()) {
        (0, 1) => "1 backup".to_owned(),
        (0, backups) => format!("{backups} backups"),
        (wal, 0) => format!("{wal} objects of WAL"),
        (wal, backups) => format!("what that is, {backups} of backups and {wal} of WAL"),
    };
    write_stderr(&format!("Type {count} to delete {what}: "));
    let answer = typed_line().await;
    Confirmed::by_typing(doomed, &answer)
        .ok_or_else(|| refused("not confirmed: nothing was deleted"))
}

//! `pgctl backup prune`.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::super::context::Context;
use super::store;
use crate::backup::catalogue::{Catalogue, blocking};
use crate::backup::id::started;
use crate::backup::retention::{Candidate, Policy, decide};
use crate::backup::store::Store;
use crate::cli::PruneArgs;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{Pruning, PruningDocument, encode, pruning_screen, write_stderr};

/// A backup that was begun so long ago is not being written any more.
const GIVEN_UP: SignedDuration = SignedDuration::from_hours(48);

pub(super) async fn run(context: &Context, args: &PruneArgs) -> Result<ExitCode, Failure> {
    let policy = Policy {
        last: args.keep_last,
        daily: args.keep_daily,
        weekly: args.keep_weekly,
    };
    if policy == Policy::default() {
        return Err(Failure::new(ExitCode::Usage, "nothing to keep was named")
            .next("pgctl backup prune --keep-daily 7 --keep-weekly 4 --dry-run"));
    }
    let store = store::open(&args.store)?;
    let catalogue = Catalogue::read(&store).await?;
    let candidates: Vec<Candidate> = catalogue
        .entries
        .iter()
        .filter_map(crate::backup::catalogue::Entry::candidate)
        .collect();
    let now = Timestamp::now();
    let mut pruning = Pruning {
        store: store.location(),
        dry_run: args.dry_run,
        verdicts: decide(&candidates, policy),
        unreadable: catalogue
            .entries
            .iter()
            .filter(|entry| entry.manifest.is_err())
            .map(|entry| entry.id.clone())
            .collect(),
        given_up: catalogue
            .partial
            .iter()
            .filter(|id| started(id).is_some_and(|time| now.duration_since(time) > GIVEN_UP))
            .cloned()
            .collect(),
        deleted: Vec::new(),
    };
    let doomed = pruning.doomed();
    if !args.dry_run && !doomed.is_empty() {
        if !args.yes {
            confirm(&pruning, context)?;
        }
        for id in doomed {
            delete(&store, &id).await?;
            pruning.deleted.push(id);
        }
    }
    let text = if context.format.is_document() {
        encode(&PruningDocument::new(&pruning), context.format)
    } else {
        pruning_screen(&pruning, &context.screen)
    };
    context.print(&text)?;
    Ok(ExitCode::Done)
}

async fn delete(store: &Arc<dyn Store>, id: &str) -> Result<(), Failure> {
    let (store, id) = (Arc::clone(store), id.to_owned());
    Ok(blocking(move || store.remove(&id)).await?)
}

/// A person types how many go: it can't be undone.
fn confirm(pruning: &Pruning, context: &Context) -> Result<(), Failure> {
    let count = pruning.doomed().len();
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
    write_stderr(&format!(
        "Type {count} to delete {count} backup{}: ",
        if count == 1 { "" } else { "s" }
    ));
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    let _ = std::io::stdin().read_line(&mut answer);
    if answer.trim() == count.to_string() {
        Ok(())
    } else {
        Err(refused("not confirmed: nothing was deleted"))
    }
}

//! `pgctl backup verify`: read again, restore for a trial, write down what was found.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use super::super::context::Context;
use super::super::interruption::interruption;
use super::chosen::named;
use super::noting::note;
use super::progress::Display;
use super::replayed_wal::replayed;
use super::second_store::SecondStore;
use super::store;
use crate::backup::StopSignal;
use crate::backup::catalogue::{Catalogue, Entry, verify};
use crate::backup::copy::{Comparison, CopyState};
use crate::backup::format::{Identities, Kind, Verification};
use crate::backup::restore_test::{RestoreTestError, TestedWal, run_restore_test};
use crate::backup::store::{Store, StoreError, blocking};
use crate::cli::VerifyArgs;
use crate::events::RunEvent;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{VerificationDocument, comparisons_screen, encode, verified_screen};

pub(super) async fn run(context: &Context, args: &VerifyArgs) -> Result<ExitCode, Failure> {
    let (stop, stopped) = watch::channel(false);
    let work = work(context, args, stopped);
    let watching = async {
        interruption().await;
        // A restore test removes its server first; everything else may end at any moment.
        stop.send_replace(true);
        if args.restore_test {
            interruption().await;
        }
    };
    tokio::select! {
        result = work => result,
        () = watching => Ok(ExitCode::Interrupted),
    }
}

async fn work(
    context: &Context,
    args: &VerifyArgs,
    stopped: StopSignal,
) -> Result<ExitCode, Failure> {
    let identities = match &args.identity {
        Some(file) => Identities::read(file)?,
        None => Identities::default(),
    };
    let store = store::open(&args.store)?;
    let display = Display::new(context);
    let mut second = match args.compare.as_deref() {
        Some(text) => Some(SecondStore::open(text, &store, &display).await?),
        None => None,
    };
    let catalogue = Catalogue::read(&store).await?;
    let chosen = chosen(args, &catalogue)?;
    let several = chosen.len() > 1;
    let mut results = Vec::new();
    for entry in chosen {
        if let Some(problem) = &entry.spoiled_record {
            display.warning(&format!(
                "{}: the record of its last verification is written anew: {problem}",
                entry.id
            ));
        }
        let reading = read(&store, entry, &identities, &stopped, &display);
        let result = match reading.await {
            // Others may have been encrypted for somebody else: that hides none of the rest.
            Err(error @ StoreError::WrongKey { .. }) if several => {
                display.warning(&format!("{error}: only its bytes are compared"));
                read(&store, entry, &Identities::default(), &stopped, &display).await?
            }
            // As by a prune beside this.
            Err(error @ StoreError::NotFound { .. }) if several => {
                display.warning(&error.to_string());
                continue;
            }
            result => result?,
        };
        let Some(mut result) = result else {
            return Ok(ExitCode::Interrupted);
        };
        if args.restore_test && result.problems.is_empty() {
            let wal = match args.to_latest {
                true => replayed(&store, &catalogue, entry, &identities).await?,
                false => None,
            };
            test(
                &store,
                entry,
                &identities,
                wal,
                &stopped,
                &display,
                &mut result,
            )
            .await?;
        }
        note(&store, result.clone(), &display).await?;
        results.push(result);
        if let Some(second) = &mut second
            && !second.compares(entry, &stopped, &display).await?
        {
            return Ok(ExitCode::Interrupted);
        }
    }
    drop(display);
    let location = second.as_ref().map(SecondStore::location);
    let compared = second.as_ref().map_or(&[][..], |it| it.compared.as_slice());
    let both = location.as_deref().map(|it| (it, compared));
    let text = if context.format.is_document() {
        encode(
            &VerificationDocument::new(&store.location(), &results, both),
            context.format,
        )
    } else {
        let (screen, quiet) = (&context.screen, context.quiet);
        let broken = results.iter().filter(|it| !it.problems.is_empty());
        let broken: Vec<&str> = broken.map(|it| it.id.as_str()).collect();
        let copies = both
            .map(|(second, all)| comparisons_screen(all, second, &broken, screen, quiet))
            .unwrap_or_default();
        verified_screen(&results, args.restore_test, screen, quiet) + &copies
    };
    context.print(&text)?;
    let fine = |result: &Verification| {
        let tested = result.restore_test.as_ref().filter(|_| args.restore_test);
        result.problems.is_empty() && tested.is_none_or(|test| test.problems.is_empty())
    };
    let is_unknown = |it: &Comparison| matches!(it.state, CopyState::Unknown(_));
    let is_good = |it: &Comparison| it.state == CopyState::Equal || is_unknown(it);
    Ok(
        if !results.iter().all(fine) || !compared.iter().all(is_good) {
            ExitCode::Unhealthy
        } else if compared.iter().any(is_unknown) {
            // What was found is printed; of these it is not known.
            ExitCode::Failed
        } else {
            ExitCode::Done
        },
    )
}

fn chosen<'a>(args: &VerifyArgs, catalogue: &'a Catalogue) -> Result<Vec<&'a Entry>, Failure> {
    if args.all {
        return Ok(catalogue.entries.iter().collect());
    }
    if args.backups.is_empty() {
        let base = |entry: &&Entry| {
            let manifest = entry.manifest.as_ref();
            manifest.is_ok_and(|it| it.backup == Kind::Physical)
        };
        let (what, next) = match args.to_latest {
            true => (
                "there is no base backup in the store",
                "pgctl backup --physical",
            ),
            false => ("there is no backup in the store", "pgctl backup"),
        };
        return catalogue
            .entries
            .iter()
            .rfind(|entry| !args.to_latest || base(entry))
            .map(|newest| vec![newest])
            .ok_or_else(|| Failure::new(ExitCode::Refused, what).next(next));
    }
    named(&args.backups, catalogue)
}

/// Reads a backup from end to end; none when somebody wanted it to stop.
async fn read(
    store: &Arc<dyn Store>,
    entry: &Entry,
    identities: &Identities,
    stopped: &StopSignal,
    display: &Display,
) -> Result<Option<Verification>, StoreError> {
    let mut stopped = stopped.clone();
    let seen = Arc::new(AtomicU64::new(0));
    let total = entry.manifest.as_ref().map_or(0, |it| it.stored_bytes());
    let reading = {
        let (store, entry, seen) = (Arc::clone(store), entry.clone(), Arc::clone(&seen));
        let identities = identities.clone();
        blocking(move || {
            verify(store.as_ref(), &entry, &identities, &|bytes| {
                seen.fetch_add(bytes, Ordering::Relaxed);
            })
        })
    };
    let share = async || RunEvent::ReadProgress {
        backup: entry.id.clone(),
        bytes: seen.load(Ordering::Relaxed),
        of_bytes: total,
    };
    tokio::select! {
        result = reading => result.map(Some),
        Ok(_) = stopped.wait_for(|stop| *stop) => Ok(None),
        () = display.repeat(share) => unreachable!("it shows until it is dropped"),
    }
}

/// Restores it into a throw-away server.
async fn test(
    store: &Arc<dyn Store>,
    entry: &Entry,
    identities: &Identities,
    wal: Option<TestedWal>,
    stopped: &StopSignal,
    display: &Display,
    result: &mut Verification,
) -> Result<(), Failure> {
    let Ok(manifest) = &entry.manifest else {
        return Ok(());
    };
    let tell = |event: RunEvent| display.event(&event);
    let tested = run_restore_test(store, manifest, identities, wal, stopped.clone(), &tell).await;
    result.remember(tested.map_err(|error| not_tested(&entry.id, error))?);
    Ok(())
}

fn not_tested(id: &str, error: RestoreTestError) -> Failure {
    let on = |failure: Failure| failure.on(format!("backup/{id}"));
    match error {
        RestoreTestError::Interrupted => Failure::new(
            ExitCode::Interrupted,
            "interrupted: the throw-away server was removed",
        ),
        RestoreTestError::Store(error) => on(error.into()),
        error if error.is_refusal() => on(Failure::new(
            ExitCode::Refused,
            "it can be read to its end, but not be restored for a trial here",
        )
        .because(error.to_string())),
        error => on(
            Failure::new(ExitCode::Failed, "the restore test could not be made")
                .because(error.to_string()),
        ),
    }
}

//! `pgctl backup verify`: read again, restore for a trial, write down what was found.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use super::super::context::Context;
use super::super::interruption::interruption;
use super::progress::Display;
use super::replayed_wal::replayed;
use super::store;
use crate::backup::StopSignal;
use crate::backup::catalogue::{Catalogue, Entry, record, verify};
use crate::backup::format::{Identities, Kind, Verification, resolve};
use crate::backup::restore_test::{RestoreTestError, TestedWal, run_restore_test};
use crate::backup::store::{Store, StoreError, blocking};
use crate::cli::VerifyArgs;
use crate::events::RunEvent;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{VerificationDocument, encode, verified_screen};

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
    let catalogue = Catalogue::read(&store).await?;
    let display = Display::new(context);
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
    }
    drop(display);
    let text = if context.format.is_document() {
        encode(
            &VerificationDocument::new(&store.location(), &results),
            context.format,
        )
    } else {
        verified_screen(&results, args.restore_test, &context.screen, context.quiet)
    };
    context.print(&text)?;
    let fine = |result: &Verification| {
        let tested = result.restore_test.as_ref().filter(|_| args.restore_test);
        result.problems.is_empty() && tested.is_none_or(|test| test.problems.is_empty())
    };
    Ok(if results.iter().all(fine) {
        ExitCode::Done
    } else {
        ExitCode::Unhealthy
    })
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
    let mut chosen = Vec::new();
    for given in &args.backups {
        let id = resolve(
            given,
            catalogue.entries.iter().map(|entry| entry.id.as_str()),
        )?;
        chosen.extend(catalogue.entries.iter().filter(|entry| entry.id == id));
    }
    Ok(chosen)
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
    result.restore_test = Some(tested.map_err(|error| not_tested(&entry.id, error))?);
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

/// Writes down what was found. It is worth telling even where that does not work.
async fn note(
    store: &Arc<dyn Store>,
    result: Verification,
    display: &Display,
) -> Result<(), StoreError> {
    let store = Arc::clone(store);
    let recorded = blocking(move || Ok(record(store.as_ref(), &result))).await?;
    if let Err(error) = recorded {
        display.warning(&format!("this could not be written down: {error}"));
    }
    Ok(())
}

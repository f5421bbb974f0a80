//! `pgctl wal verify`: every segment read again, from its first byte to its last record.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::super::backup::store;
use super::super::context::Context;
use super::super::interruption::interruptible;
use super::archives::{Archived, failure, look};
use crate::backup::format::Identities;
use crate::cli::WalVerifyArgs;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{VerifiedArchive, WalVerificationDocument, encode, wal_verified_screen};
use crate::wal_archive::{VerifiedWal, verify};

pub(super) async fn run(context: &Context, args: &WalVerifyArgs) -> Result<ExitCode, Failure> {
    interruptible(work(context, args)).await
}

async fn work(context: &Context, args: &WalVerifyArgs) -> Result<ExitCode, Failure> {
    let identities = match &args.identity {
        Some(file) => Identities::read(file)?,
        None => Identities::default(),
    };
    let store = store::open(&args.store)?;
    let archives = look(context, &store).await?;
    if archives.is_empty() {
        return Err(
            Failure::new(ExitCode::Refused, "there is no WAL archive in the store")
                .on(store.location())
                .next("pgctl wal list, or begin one: pgctl wal archive"),
        );
    }
    let mut results = Vec::new();
    for archived in archives {
        results.push(read(context, archived, &identities).await?);
    }
    let text = match context.format.is_document() {
        true => encode(
            &WalVerificationDocument::new(&store.location(), &results),
            context.format,
        ),
        false => wal_verified_screen(&results, &context.screen, context.quiet),
    };
    context.print(&text)?;
    Ok(match results.iter().all(VerifiedArchive::is_whole) {
        true => ExitCode::Done,
        false => ExitCode::Unhealthy,
    })
}

/// Reads one archive.
async fn read(
    context: &Context,
    archived: Archived,
    identities: &Identities,
) -> Result<VerifiedArchive, Failure> {
    let Archived { archive, view } = archived;
    let Some(facts) = view.facts().cloned() else {
        return Ok(VerifiedArchive {
            view,
            found: VerifiedWal::default(),
        });
    };
    let all = facts.segments.len() as u64;
    let seen = Arc::new(AtomicU64::new(0));
    let reading = {
        let (seen, identities) = (Arc::clone(&seen), identities.clone());
        tokio::task::spawn_blocking(move || {
            verify(&archive, &facts, &identities, &|| {
                seen.fetch_add(1, Ordering::Relaxed);
            })
        })
    };
    let found = tokio::select! {
        found = reading => found,
        () = show(context, &seen, all) => unreachable!("it shows until it is dropped"),
    };
    let found = found
        .map_err(|error| {
            Failure::new(ExitCode::Failed, "a thread of pgctl ended").caused_by(&error)
        })?
        .map_err(|error| failure(&error))?;
    Ok(VerifiedArchive { view, found })
}

/// Shows how far it is, until it is dropped.
async fn show(context: &Context, seen: &AtomicU64, all: u64) {
    let watched = !context.quiet && std::io::stderr().is_terminal();
    if !watched {
        return std::future::pending().await;
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_style(ProgressStyle::default_spinner());
    let bar = Cleared(bar);
    loop {
        let read = seen.load(Ordering::Relaxed);
        bar.0.set_message(format!("{read} of {all} segments read"));
        bar.0.tick();
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

struct Cleared(ProgressBar);

impl Drop for Cleared {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

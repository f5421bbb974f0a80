//! `pgctl backup copy`: one backup after the other, each by itself.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use super::super::context::Context;
use super::super::interruption::interruption;
use super::chosen::named;
use super::progress::Display;
use super::second::{self, not_two_places, said};
use super::store;
use crate::backup::StopSignal;
use crate::backup::catalogue::{Catalogue, Entry};
use crate::backup::copy::{
    Copied, CopyError, CopyWork, Proof, Silence, copy, two_places, would_copy,
};
use crate::backup::store::{StoreError, names_of_second};
use crate::cli::CopyArgs;
use crate::cluster::words::shell_word;
use crate::events::RunEvent;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{
    BackupCopies, BackupCopiesDocument, BackupCopy, CopyOutcome, backup_copies_screen, encode,
};

pub(super) async fn run(context: &Context, args: &CopyArgs) -> Result<ExitCode, Failure> {
    let (stop, stopped) = watch::channel(false);
    let (end, ended) = watch::channel(false);
    let work = work(context, args, stopped, ended);
    let watching = async {
        interruption().await;
        // What was begun is removed first.
        stop.send_replace(true);
        interruption().await;
        // That is not waited for any more; what was copied before is told.
        end.send_replace(true);
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        result = work => result,
        never = watching => match never {},
    }
}

async fn work(
    context: &Context,
    args: &CopyArgs,
    stopped: StopSignal,
    ended: StopSignal,
) -> Result<ExitCode, Failure> {
    let from = store::open(&args.store)?;
    let to = second::open("--to", &args.to, &from)?;
    let work = CopyWork {
        from,
        to,
        silence: Silence::default(),
        stop: stopped.clone(),
    };
    let display = Display::new(context);
    let mut asked_to_stop = stopped.clone();
    let catalogue = tokio::select! {
        catalogue = looked_at_both(&work, args, &display) => catalogue?,
        Ok(_) = asked_to_stop.wait_for(|stop| *stop) => return Err(nothing_begun()),
    };
    let chosen = chosen(args, &catalogue)?;
    let backups = match args.dry_run {
        true => tokio::select! {
            backups = all_looked_at(&work, &chosen, &display) => backups,
            Ok(_) = asked_to_stop.wait_for(|stop| *stop) => return Err(nothing_begun()),
        },
        false => copied_until(&work, &chosen, &display, ended.clone()).await,
    };
    drop(display);
    let copies = BackupCopies {
        from: work.from.location(),
        to: work.to.location(),
        dry_run: args.dry_run,
        backups,
    };
    let text = if context.format.is_document() {
        encode(&BackupCopiesDocument::new(&copies), context.format)
    } else {
        backup_copies_screen(&copies, &context.screen, context.quiet)
    };
    context.print(&text)?;
    let is_open = *ended.borrow() || copies.backups.iter().any(is_open);
    Ok(match *stopped.borrow() && !args.dry_run {
        true if is_open => ExitCode::Interrupted,
        _ => exit(&copies),
    })
}

fn nothing_begun() -> Failure {
    Failure::new(ExitCode::Interrupted, "interrupted: nothing was begun")
}

/// What there is to copy, to another place.
async fn looked_at_both(
    work: &CopyWork,
    args: &CopyArgs,
    display: &Display,
) -> Result<Catalogue, Failure> {
    let limit = work.silence.given_up_after;
    let silent = |_| Failure::new(ExitCode::Failed, CopyError::Silent(limit).to_string());
    let read = tokio::time::timeout(limit, Catalogue::read(&work.from)).await;
    let catalogue = read.map_err(silent)??;
    // Where there is nothing to copy nothing is written.
    chosen(args, &catalogue)?;
    let proof = match args.dry_run {
        true => Proof::Looking,
        false => Proof::Writing,
    };
    let tell = |event: RunEvent| display.event(&event);
    let two = two_places(&work.from, &work.to, proof, work.silence, &tell).await;
    two.map_err(|error| not_two_places("--to", error))?;
    Ok(catalogue)
}

fn chosen<'a>(args: &CopyArgs, catalogue: &'a Catalogue) -> Result<Vec<&'a Entry>, Failure> {
    if !args.backups.is_empty() {
        return named(&args.backups, catalogue);
    }
    let Some(newest) = catalogue.entries.last() else {
        // Of an empty store nothing is copied, and that must not look like a success.
        let what = "there is no backup in the store";
        return Err(Failure::new(ExitCode::Refused, what).next("pgctl backup"));
    };
    Ok(match args.all {
        true => catalogue.entries.iter().collect(),
        false => vec![newest],
    })
}

/// What would become of each.
async fn all_looked_at(work: &CopyWork, chosen: &[&Entry], display: &Display) -> Vec<BackupCopy> {
    let tell = |event: RunEvent| display.event(&event);
    let mut backups = Vec::new();
    for entry in chosen {
        let outcome = match would_copy(work, entry, &tell).await {
            Ok(Copied::Now) => (CopyOutcome::ToBeCopied, None),
            Ok(Copied::Before) => (CopyOutcome::AlreadyThere, None),
            Err(error) => not_copied(work, &entry.id, &error),
        };
        backups.push(line(entry, outcome));
    }
    backups
}

/// Copies all, until somebody does not even want to wait for the end of it.
async fn copied_until(
    work: &CopyWork,
    chosen: &[&Entry],
    display: &Display,
    mut ended: StopSignal,
) -> Vec<BackupCopy> {
    let mut backups = Vec::new();
    tokio::select! {
        () = all_copied(work, chosen, display, &mut backups) => {}
        Ok(_) = ended.wait_for(|end| *end) => {}
    }
    let mut left = chosen.iter().skip(backups.len());
    let at_work = left.next().map(|entry| {
        let said = "interrupted twice while it was copied: it may be finished there or not";
        let next = "the same command once more, which says whether it is";
        let outcome = CopyOutcome::Failed(said.to_owned());
        line(entry, (outcome, Some(next.to_owned())))
    });
    let not_tried = left.map(|entry| line(entry, (CopyOutcome::NotTried, None)));
    let left: Vec<BackupCopy> = at_work.into_iter().chain(not_tried).collect();
    backups.extend(left);
    backups
}

/// Copies one after the other, until a store does not answer or somebody wants it to stop.
async fn all_copied(
    work: &CopyWork,
    chosen: &[&Entry],
    display: &Display,
    backups: &mut Vec<BackupCopy>,
) {
    let mut goes_on = true;
    for entry in chosen {
        if !goes_on || *work.stop.borrow() {
            backups.push(line(entry, (CopyOutcome::NotTried, None)));
            continue;
        }
        let outcome = match copied(work, entry, display).await {
            Ok(Copied::Now) => (CopyOutcome::Copied, None),
            Ok(Copied::Before) => (CopyOutcome::AlreadyThere, None),
            // As by a prune beside this.
            Err(CopyError::From(error @ StoreError::NotFound { .. })) => {
                (CopyOutcome::Refused(error.to_string()), None)
            }
            Err(error) => {
                goes_on = error.is_about_one();
                not_copied(work, &entry.id, &error)
            }
        };
        backups.push(line(entry, outcome));
    }
}

/// Copies one, and shows how far it is.
pub(super) async fn copied(
    work: &CopyWork,
    entry: &Entry,
    display: &Display,
) -> Result<Copied, CopyError> {
    let seen = Arc::new(AtomicU64::new(0));
    let total = entry.manifest.as_ref().map_or(0, |it| it.stored_bytes());
    let tell = |event: RunEvent| display.event(&event);
    let share = async || RunEvent::ReadProgress {
        backup: entry.id.clone(),
        bytes: seen.load(Ordering::Relaxed),
        of_bytes: total,
    };
    tokio::select! {
        result = copy(work, entry, &seen, &tell) => result,
        () = display.repeat(share) => unreachable!("it shows until it is dropped"),
    }
}

fn line(entry: &Entry, (outcome, next): (CopyOutcome, Option<String>)) -> BackupCopy {
    BackupCopy {
        id: entry.id.clone(),
        stored_bytes: entry.manifest.as_ref().ok().map(|it| it.stored_bytes()),
        outcome,
        next,
    }
}

/// What came of one that was not copied, and what to type about it.
fn not_copied(work: &CopyWork, id: &str, error: &CopyError) -> (CopyOutcome, Option<String>) {
    let id = shell_word(id);
    let said = said(error);
    match error {
        CopyError::Interrupted => (CopyOutcome::NotTried, None),
        CopyError::Damaged(_) => {
            let next = format!("pgctl backup verify {id}");
            (CopyOutcome::Refused(said), Some(next))
        }
        CopyError::Different(_) => {
            let to = shell_word(&work.to.location());
            let next = format!("pgctl backup verify {id} --compare {to}");
            (CopyOutcome::Refused(said), Some(next))
        }
        CopyError::BeingWritten(_) | CopyError::Removed(_) => {
            let next = "the same command once more, when nobody else copies it";
            (CopyOutcome::Refused(said), Some(next.to_owned()))
        }
        CopyError::TooLarge { .. } => (CopyOutcome::Refused(said), None),
        CopyError::SamePlace | CopyError::NotThere(_) | CopyError::Silent(_) => {
            (CopyOutcome::Failed(said), None)
        }
        CopyError::From(error) => (CopyOutcome::Failed(said), Some(error.advice())),
        CopyError::To(error) => {
            let next = names_of_second(&error.advice().replace("--store", "--to"));
            (CopyOutcome::Failed(said), Some(next))
        }
    }
}

/// Whether it is still to be done.
fn is_open(copy: &BackupCopy) -> bool {
    copy.outcome == CopyOutcome::NotTried
}

fn exit(copies: &BackupCopies) -> ExitCode {
    let all = &copies.backups;
    let fine = |it: &BackupCopy| it.outcome.problem().is_none() && !is_open(it);
    let failed = |it: &BackupCopy| matches!(it.outcome, CopyOutcome::Failed(_));
    if all.iter().all(fine) {
        ExitCode::Done
    } else if all.iter().any(|it| it.outcome == CopyOutcome::Copied) {
        ExitCode::Incomplete
    } else if all.iter().any(failed) {
        ExitCode::Failed
    } else {
        ExitCode::Refused
    }
}

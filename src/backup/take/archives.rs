//! The archives of one backup: received several at a time, and all stopped when one of them fails.

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use secrecy::ExposeSecret as _;
use tokio::sync::watch;

use super::archive_job::ArchiveJob;
use super::error::TakeError;
use super::request::{SourcePod, TakeRequest};
use super::transfer::{Received, Reception, TransferError, TransferProgress, receive};
use crate::backup::StopSignal;
use crate::backup::format::{Archive, Compression};
use crate::backup::store::{UnfinishedBackup, blocking};
use crate::events::RunEvent;
use crate::postgres::tool_options;

/// What a backup in the making needs beside the request.
pub(super) struct Work<'a> {
    pub(super) request: &'a TakeRequest,
    pub(super) source: &'a SourcePod,
    pub(super) compression: Compression,
    pub(super) unfinished: Arc<dyn UnfinishedBackup>,
    pub(super) progress: Arc<TransferProgress>,
    pub(super) stop: StopSignal,
    /// Stops the other archives when one has failed.
    pub(super) fail: watch::Sender<bool>,
    /// Marks the sessions of this backup in `pg_stat_activity`.
    pub(super) application: String,
    /// `server_version_num`.
    pub(super) version: u32,
}

/// Receives every archive, several at a time, in the order given.
pub(super) async fn receive_all(
    work: &Work<'_>,
    jobs: &[ArchiveJob],
    tell: &(dyn Fn(RunEvent) + Sync),
) -> Result<Vec<(Archive, Received)>, TakeError> {
    let each: Vec<BoxFuture<'_, _>> = jobs
        .iter()
        .map(|job| receive_and_tell(work, job, tell))
        .collect();
    let results: Vec<Result<(Archive, Received), TakeError>> = futures::stream::iter(each)
        .buffered(work.request.jobs.max(1))
        .collect()
        .await;
    // The first real failure; those that were stopped because of it say nothing.
    let (mut archives, mut interrupted) = (Vec::new(), false);
    for result in results {
        match result {
            Ok(archive) => archives.push(archive),
            Err(TakeError::Interrupted) => interrupted = true,
            Err(error) => return Err(error),
        }
    }
    if interrupted {
        return Err(TakeError::Interrupted);
    }
    Ok(archives)
}

/// Receives one, tells of it, and stops the others when it fails.
fn receive_and_tell<'a>(
    work: &'a Work<'a>,
    job: &'a ArchiveJob,
    tell: &'a (dyn Fn(RunEvent) + Sync),
) -> BoxFuture<'a, Result<(Archive, Received), TakeError>> {
    async move {
        let result = receive_one(work, job).await;
        match &result {
            Ok((archive, _)) => tell(RunEvent::FileStored {
                file: archive.file.clone(),
                bytes: archive.stored.bytes,
            }),
            Err(_) => {
                work.fail.send_replace(true);
            }
        }
        result
    }
    .boxed()
}

async fn receive_one(work: &Work<'_>, job: &ArchiveJob) -> Result<(Archive, Received), TakeError> {
    let mut failed = work.fail.subscribe();
    if *failed.borrow_and_update() || *work.stop.borrow() {
        return Err(TakeError::Interrupted);
    }
    let word = format!("pgctl-{:016x}", rand::random::<u64>());
    let mut connection = work.source.tool_location.environment();
    connection.push(format!("PGUSER={}", work.source.user));
    connection.push(format!("PGAPPNAME={}", work.application));
    connection.push(format!("PGOPTIONS={}", tool_options(work.version)));
    let argv = job.argv(&word, work.compression, &connection);
    let in_file = |source| TakeError::Transfer {
        file: job.file.clone(),
        source,
    };
    let process = work.source.tool_location.start(&argv).await;
    let process = process.map_err(|error| in_file(TransferError::NotStarted(error)))?;
    let writer = {
        let (unfinished, file) = (Arc::clone(&work.unfinished), job.file.clone());
        blocking(move || unfinished.create(&file)).await?
    };
    let (stop, stop_signal) = watch::channel(false);
    let receiving = receive(
        process,
        writer,
        Reception {
            word,
            password: work.source.password.expose_secret().to_owned(),
            method: work.compression.method,
            expected: job.expected.clone(),
            recipients: work.request.recipients.clone(),
            rate: work.request.rate,
            progress: Arc::clone(&work.progress),
            stop: stop_signal,
        },
    );
    let mut asked = work.stop.clone();
    let watching = async {
        // Either of the two stops it; a sender that is gone never does.
        tokio::select! {
            true = async { asked.wait_for(|stop| *stop).await.is_ok() } => {}
            true = async { failed.wait_for(|stop| *stop).await.is_ok() } => {}
            else => std::future::pending::<()>().await,
        }
        stop.send_replace(true);
        std::future::pending::<()>().await;
    };
    let received = tokio::select! {
        received = receiving => received,
        () = watching => Err(TransferError::Interrupted),
    };
    let received = received.map_err(|source| match source {
        TransferError::Interrupted => TakeError::Interrupted,
        source => in_file(source),
    })?;
    let archive = Archive {
        file: job.file.clone(),
        content: job.content.clone(),
        compression: work.compression.method,
        stored: received.stored.clone(),
        sent: received.sent.clone(),
        raw_bytes: received.content.raw_bytes,
    };
    Ok((archive, received))
}

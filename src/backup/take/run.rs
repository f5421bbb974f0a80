//! Taking a backup: every archive received, compared and looked into, then the manifest.

use std::convert::Infallible;
use std::sync::Arc;

use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use tokio::sync::watch;

use super::archive_job::{ArchiveJob, archive_jobs};
use super::archives::{Work, receive_all};
use super::error::TakeError;
use super::request::{SourcePod, TakeRequest};
use super::server_watch::ServerWatch;
use super::transfer::TransferProgress;
use crate::backup::StopSignal;
use crate::backup::format::{
    BackupSource, Content, Kind, Manifest, WalRange, new_id, write_checksummed,
};
use crate::backup::store::{
    SIGN_OF_LIFE, Store, StoreError, StoredFile, UnfinishedBackup, blocking,
};
use crate::backup::tools::Tools;
use crate::cluster::{Timeline, words};
use crate::events::RunEvent;

/// The name of this backup's sessions in `pg_stat_activity`, for whoever asks how far it is.
pub fn application_name() -> String {
    format!("pgctl_backup_{:08x}", rand::random::<u32>())
}

/// Takes a backup. When this fails, nothing of it is left in the store, unless the store does not
/// answer any more; in no case is it listed as a backup.
///
/// # Errors
/// [`TakeError`].
pub async fn take(
    source: &SourcePod,
    store: &Arc<dyn Store>,
    request: &TakeRequest,
    application: String,
    progress: Arc<TransferProgress>,
    stop: StopSignal,
    tell: &(dyn Fn(RunEvent) + Sync),
) -> Result<Manifest, TakeError> {
    if source.password.expose_secret().contains(['\n', '\r']) {
        return Err(TakeError::Password(source.user.clone()));
    }
    let mut stopped = stop.clone();
    // Counting the sizes of many databases takes its time.
    let (inventory, tools) = tokio::select! {
        both = async { futures::join!(source.session.inventory(), source.tool_location.tools()) } => both,
        Ok(_) = stopped.wait_for(|stop| *stop) => return Err(TakeError::NothingBegun),
    };
    let (mut inventory, tools) = (inventory?, tools?);
    request.original_names.apply_to(&mut inventory)?;
    let compression = tools.suffice(
        request.kind,
        request.compression,
        inventory.version,
        source.tool_location.place(),
    )?;
    let started = Timestamp::now();
    let id = new_id(&source.cluster, started, request.kind);
    let jobs = archive_jobs(
        request.kind,
        request.database.as_deref(),
        &inventory,
        compression,
        !request.recipients.is_empty(),
        &id,
    )?;
    let bytes: u64 = inventory.databases.iter().map(|row| row.size_bytes).sum();
    for (file, most) in too_large(&jobs, bytes, store.largest_file()) {
        tell(RunEvent::warning(format!(
            "{file} may have at most {} in a bucket, compressed, and the databases in it are larger: if it does not become smaller than that, the backup fails; a directory has no such limit",
            words::bytes(most)
        )));
    }
    let left_out = left_out(request, &inventory.closed);
    if !left_out.is_empty() {
        tell(RunEvent::warning(format!(
            "not in this backup, because nobody can connect to it (ALLOW_CONNECTIONS false, or a name that is not UTF-8): {}; a base backup has it",
            left_out.join(", ")
        )));
    }
    let slot = (request.kind == Kind::Physical).then_some(application.as_str());
    let mut server_watch = ServerWatch::begin(source, slot, jobs.len() > 1, tell).await?;
    let (timeline, start) = source.session.wal_position().await?;
    let unfinished = {
        let (store, id) = (Arc::clone(store), id.clone());
        blocking(move || store.begin(&id)).await?
    };
    tell(RunEvent::BackupBegan {
        id: id.clone(),
        archives: jobs.len(),
        database_bytes: bytes,
    });
    let work = Work {
        request,
        source,
        compression,
        unfinished: Arc::clone(&unfinished),
        progress,
        stop: stop.clone(),
        fail: watch::Sender::new(false),
        application,
        version: inventory.version,
    };
    let finished = async {
        let archives = tokio::select! {
            archives = receive_all(&work, &jobs, tell) => archives?,
            given_up = server_watch.keep(&work.application, &work.progress) => {
                match given_up? {}
            }
            never = show_life(&unfinished) => match never {},
        };
        let wal = match archives
            .iter()
            .find_map(|(_, got)| got.content.base_backup.as_ref())
        {
            Some(facts) => WalRange {
                timeline: facts.timeline,
                start: facts.start,
                end: facts.end,
            },
            None => WalRange {
                timeline: Timeline(timeline),
                start,
                end: server_watch.end().await?.max(start),
            },
        };
        let manifest = Manifest {
            api_version: Manifest::API_VERSION.to_owned(),
            kind: Manifest::KIND.to_owned(),
            id: id.clone(),
            backup: request.kind,
            label: request.label.clone(),
            source: manifest_source(source, request.kind, &tools),
            server_version: inventory.version,
            system_identifier: inventory.system_identifier.clone(),
            wal,
            started,
            ended: Timestamp::now(),
            pgctl_version: env!("CARGO_PKG_VERSION").to_owned(),
            encrypted_for: request.recipients.iter().map(ToString::to_string).collect(),
            left_out: left_out.clone(),
            archives: archives.into_iter().map(|(archive, _)| archive).collect(),
        };
        commit(&unfinished, &manifest, &stop).await?;
        Ok(manifest)
    }
    .await;
    if finished.is_err() {
        clean_up(&work, tell).await;
    }
    finished
}

/// The databases that a backup of everything does not have. What a restore has replaced was looked
/// at before.
fn left_out(request: &TakeRequest, closed: &[String]) -> Vec<String> {
    let whole = request.kind == Kind::Logical;
    let closed = closed.iter().filter(|_| whole);
    closed
        .filter(|name| !request.original_names.without.contains(name))
        .cloned()
        .collect()
}

/// Files that could become larger than the store takes, with what it takes.
fn too_large(jobs: &[ArchiveJob], all: u64, most: Option<u64>) -> Vec<(String, u64)> {
    let size = |job: &ArchiveJob| match &job.content {
        Content::Globals => 0,
        Content::Database { definition, .. } => definition.size_bytes,
        Content::BaseBackup => all,
    };
    let files = jobs.iter().filter_map(|job| {
        let most = most.filter(|most| size(job) > *most)?;
        Some((job.file.clone(), most))
    });
    files.collect()
}

fn manifest_source(source: &SourcePod, kind: Kind, tools: &Tools) -> BackupSource {
    BackupSource {
        cluster: source.cluster.clone(),
        pod: source.pod.clone(),
        role: source.role.clone(),
        architecture: tools.architecture.clone(),
        user: source.user.clone(),
        tool: tools.version(Tools::main_tool(kind)).to_owned(),
        via: source.tool_location.via().to_owned(),
    }
}

async fn commit(
    unfinished: &Arc<dyn UnfinishedBackup>,
    manifest: &Manifest,
    stop: &StopSignal,
) -> Result<(), TakeError> {
    if *stop.borrow() {
        return Err(TakeError::Interrupted);
    }
    let text = write_checksummed(manifest)
        .map_err(|error| StoreError::Settings(format!("writing the manifest: {error}")))?;
    let unfinished = Arc::clone(unfinished);
    let files: Vec<StoredFile> = manifest
        .archives
        .iter()
        .map(|archive| StoredFile {
            name: archive.file.clone(),
            bytes: archive.stored.bytes,
        })
        .collect();
    Ok(blocking(move || unfinished.commit(&files, text.as_bytes())).await?)
}

/// Shows now and then that the backup is still being written: `prune` takes one that is silent for
/// days for given up. One sign that fails says nothing; what came of it is seen at the end.
async fn show_life(unfinished: &Arc<dyn UnfinishedBackup>) -> Infallible {
    loop {
        tokio::time::sleep(SIGN_OF_LIFE).await;
        let unfinished = Arc::clone(unfinished);
        let _ = blocking(move || unfinished.still_written()).await;
    }
}

/// Removes what was begun, at the source and in the store. What can't be removed is said.
async fn clean_up(work: &Work<'_>, tell: &(dyn Fn(RunEvent) + Sync)) {
    // A pg_dump whose parent was stopped may wait for a lock without noticing.
    let ended = work
        .source
        .session
        .end_sessions_named(&work.application)
        .await;
    if let (Err(error), false) = (ended, work.source.session.is_closed()) {
        tell(RunEvent::warning(error.to_string()));
    }
    let unfinished = Arc::clone(&work.unfinished);
    if let Err(error) = blocking(move || unfinished.discard()).await {
        tell(RunEvent::warning(format!(
            "the unfinished backup could not be removed ({error}); `pgctl backup prune` removes it later"
        )));
    }
}

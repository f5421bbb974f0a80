//! Taking a backup: every archive received, compared and looked into, then the manifest.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::watch;

use super::catalogue::blocking;
use super::compression::Compression;
use super::encryption::Recipient;
use super::former::Former;
use super::id::new_id;
use super::manifest::{Archive, Content, Kind, Manifest, Source, WalRange};
use super::order::{Order, OrderError, orders};
use super::origin::{Origin, OriginError};
use super::sealed;
use super::store::{Draft, SIGN_OF_LIFE, Store, StoreError, StoredFile};
use super::tools::{Tools, ToolsError};
use super::transfer::{Progress, Received, Reception, StopSignal, TransferError, receive};
pub use super::vigil::Reconnect;
use super::vigil::Vigil;
use crate::cluster::{ClusterId, Timeline, words};
use crate::postgres::{Session, SqlError, tool_options};

/// What to take.
#[derive(Debug, Clone)]
pub struct Request {
    /// What it shall hold.
    pub kind: Kind,
    /// For [`Kind::Database`]: which.
    pub database: Option<String>,
    /// How to compress; none: zstd where it is installed, else gzip.
    pub compression: Option<Compression>,
    /// Databases that are dumped at the same time.
    pub jobs: usize,
    /// The most bytes a second over the wire, for each of them.
    pub rate: Option<u64>,
    /// What a person calls it.
    pub label: Option<String>,
    /// Whom to encrypt it for.
    pub recipients: Vec<Recipient>,
    /// What the server was before some of its databases were replaced.
    pub former: Former,
}

/// Where from.
pub struct Place {
    /// The cluster.
    pub cluster: ClusterId,
    /// The pod.
    pub pod: String,
    /// `primary` or `standby`.
    pub role: String,
    /// Where the tools run.
    pub origin: Origin,
    /// A connection to the pod's database.
    pub session: Session,
    /// The superuser.
    pub user: String,
    /// Its password.
    pub password: SecretString,
    /// Opens another connection like it, where that is possible.
    pub reconnect: Option<Reconnect>,
}

/// Something to tell while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It begins: so many archives.
    Begun {
        /// Name of the backup.
        id: String,
        /// Number of archives.
        archives: usize,
        /// Sum of the sizes of the databases, in bytes.
        database_bytes: u64,
    },
    /// An archive is whole in the store.
    Stored {
        /// Its file.
        file: String,
        /// Bytes in the store.
        bytes: u64,
    },
    /// Something that does not stop it.
    Warning(String),
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// The tools do not suffice; nothing was begun.
    #[error(transparent)]
    Tools(#[from] ToolsError),
    /// It can't be made as asked; nothing was begun.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// A password with a line break can't be handed over; nothing was begun.
    #[error("the password of {0} has a line break in it, which PostgreSQL's tools can't be given")]
    Password(String),
    /// The database did not answer.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// The tools could not be run.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An archive did not arrive, or is not what it should be.
    #[error("{file}: {source}")]
    Transfer {
        /// Its file.
        file: String,
        /// What was wrong.
        source: TransferError,
    },
    /// Nothing has come for too long, and the database does not answer either.
    #[error("for {} s not a byte has come, and the database does not answer either: the connection is dead", .0.as_secs())]
    Silent(Duration),
    /// The server threw away WAL that a base backup needs.
    #[error("the server gave up the slot that kept the WAL for this backup: more than max_slot_wal_keep_size ({}) was written meanwhile; raise that setting, or take the backup when less is written", words::bytes(*.0))]
    SlotGivenUp(u64),
    /// Its archives would be of two servers, or of one before and after a restart.
    #[error(
        "the server was restarted, or another one took its place, while the backup was being taken: its archives would not belong together"
    )]
    AnotherLife,
    /// Somebody wanted it to stop.
    #[error("interrupted")]
    Interrupted,
    /// Somebody wanted it to stop before anything was begun.
    #[error("interrupted")]
    NothingBegun,
}

impl TakeError {
    /// Whether it was refused before anything was begun.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Tools(_) | Self::Order(_) | Self::Password(_))
    }
}

/// What a backup in the making needs beside the request.
struct Work<'a> {
    request: &'a Request,
    place: &'a Place,
    compression: Compression,
    draft: Arc<dyn Draft>,
    progress: Arc<Progress>,
    stop: StopSignal,
    /// Stops the other archives when one has failed.
    fail: watch::Sender<bool>,
    /// Marks the sessions of this backup in `pg_stat_activity`.
    application: String,
    /// `server_version_num`.
    version: u32,
}

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
    place: &Place,
    store: &Arc<dyn Store>,
    request: &Request,
    application: String,
    progress: Arc<Progress>,
    stop: StopSignal,
    tell: &(dyn Fn(Event) + Sync),
) -> Result<Manifest, TakeError> {
    if place.password.expose_secret().contains(['\n', '\r']) {
        return Err(TakeError::Password(place.user.clone()));
    }
    let mut stopped = stop.clone();
    // Counting the sizes of many databases takes its time.
    let (inventory, tools) = tokio::select! {
        both = async { futures::join!(place.session.inventory(), place.origin.tools()) } => both,
        Ok(_) = stopped.wait_for(|stop| *stop) => return Err(TakeError::NothingBegun),
    };
    let (mut inventory, tools) = (inventory?, tools?);
    request.former.look_back(&mut inventory)?;
    let compression = tools.suffice(
        request.kind,
        request.compression,
        inventory.version,
        place.origin.place(),
    )?;
    let started = Timestamp::now();
    let id = new_id(&place.cluster, started, request.kind);
    let orders = orders(
        request.kind,
        request.database.as_deref(),
        &inventory,
        compression,
        !request.recipients.is_empty(),
        &id,
    )?;
    let bytes: u64 = inventory.databases.iter().map(|row| row.size_bytes).sum();
    for (file, most) in too_large(&orders, bytes, store.largest_file()) {
        tell(Event::Warning(format!(
            "{file} may have at most {} in a bucket, compressed, and the databases in it are larger: if it does not become smaller than that, the backup fails; a directory has no such limit",
            words::bytes(most)
        )));
    }
    let left_out = left_out(request, &inventory.closed);
    if !left_out.is_empty() {
        tell(Event::Warning(format!(
            "not in this backup, because nobody can connect to it (ALLOW_CONNECTIONS false, or a name that is not UTF-8): {}; a base backup has it",
            left_out.join(", ")
        )));
    }
    let slot = (request.kind == Kind::Physical).then_some(application.as_str());
    let mut vigil = Vigil::begin(place, slot, orders.len() > 1, tell).await?;
    let (timeline, start) = place.session.wal_position().await?;
    let draft = {
        let (store, id) = (Arc::clone(store), id.clone());
        blocking(move || store.begin(&id)).await?
    };
    tell(Event::Begun {
        id: id.clone(),
        archives: orders.len(),
        database_bytes: bytes,
    });
    let work = Work {
        request,
        place,
        compression,
        draft: Arc::clone(&draft),
        progress,
        stop: stop.clone(),
        fail: watch::Sender::new(false),
        application,
        version: inventory.version,
    };
    let finished = async {
        let archives = tokio::select! {
            archives = receive_all(&work, &orders, tell) => archives?,
            given_up = vigil.keep(&work.application, &work.progress) => {
                match given_up? {}
            }
            never = show_life(&draft) => match never {},
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
                end: vigil.end().await?.max(start),
            },
        };
        let manifest = Manifest {
            api_version: Manifest::API_VERSION.to_owned(),
            kind: Manifest::KIND.to_owned(),
            id: id.clone(),
            backup: request.kind,
            label: request.label.clone(),
            source: source(place, request.kind, &tools),
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
        commit(&draft, &manifest, &stop).await?;
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
fn left_out(request: &Request, closed: &[String]) -> Vec<String> {
    let whole = request.kind == Kind::Logical;
    let closed = closed.iter().filter(|_| whole);
    closed
        .filter(|name| !request.former.without.contains(name))
        .cloned()
        .collect()
}

/// Files that could become larger than the store takes, with what it takes.
fn too_large(orders: &[Order], all: u64, most: Option<u64>) -> Vec<(String, u64)> {
    let size = |order: &Order| match &order.content {
        Content::Globals => 0,
        Content::Database { definition, .. } => definition.size_bytes,
        Content::BaseBackup => all,
    };
    let files = orders.iter().filter_map(|order| {
        let most = most.filter(|most| size(order) > *most)?;
        Some((order.file.clone(), most))
    });
    files.collect()
}

fn source(place: &Place, kind: Kind, tools: &Tools) -> Source {
    Source {
        cluster: place.cluster.clone(),
        pod: place.pod.clone(),
        role: place.role.clone(),
        architecture: tools.architecture.clone(),
        user: place.user.clone(),
        tool: tools.version(Tools::main_tool(kind)).to_owned(),
        via: place.origin.via().to_owned(),
    }
}

async fn commit(
    draft: &Arc<dyn Draft>,
    manifest: &Manifest,
    stop: &StopSignal,
) -> Result<(), TakeError> {
    if *stop.borrow() {
        return Err(TakeError::Interrupted);
    }
    let text = sealed::seal(manifest)
        .map_err(|error| StoreError::Settings(format!("writing the manifest: {error}")))?;
    let draft = Arc::clone(draft);
    let files: Vec<StoredFile> = manifest
        .archives
        .iter()
        .map(|archive| StoredFile {
            name: archive.file.clone(),
            bytes: archive.stored.bytes,
        })
        .collect();
    Ok(blocking(move || draft.commit(&files, text.as_bytes())).await?)
}

/// Shows now and then that the backup is still being written: `prune` takes one that is silent for
/// days for given up. One sign that fails says nothing; what came of it is seen at the end.
async fn show_life(draft: &Arc<dyn Draft>) -> Infallible {
    loop {
        tokio::time::sleep(SIGN_OF_LIFE).await;
        let draft = Arc::clone(draft);
        let _ = blocking(move || draft.still_written()).await;
    }
}

/// Removes what was begun, at the source and in the store. What can't be removed is said.
async fn clean_up(work: &Work<'_>, tell: &(dyn Fn(Event) + Sync)) {
    // A pg_dump whose parent was stopped may wait for a lock without noticing.
    let ended = work
        .place
        .session
        .end_sessions_named(&work.application)
        .await;
    if let (Err(error), false) = (ended, work.place.session.is_closed()) {
        tell(Event::Warning(error.to_string()));
    }
    let draft = Arc::clone(&work.draft);
    if let Err(error) = blocking(move || draft.discard()).await {
        tell(Event::Warning(format!(
            "the unfinished backup could not be removed ({error}); `pgctl backup prune` removes it later"
        )));
    }
}

/// Receives every archive, several at a time, in the order given.
async fn receive_all(
    work: &Work<'_>,
    orders: &[Order],
    tell: &(dyn Fn(Event) + Sync),
) -> Result<Vec<(Archive, Received)>, TakeError> {
    let each: Vec<BoxFuture<'_, _>> = orders
        .iter()
        .map(|order| receive_and_tell(work, order, tell))
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
    order: &'a Order,
    tell: &'a (dyn Fn(Event) + Sync),
) -> BoxFuture<'a, Result<(Archive, Received), TakeError>> {
    async move {
        let result = receive_one(work, order).await;
        match &result {
            Ok((archive, _)) => tell(Event::Stored {
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

async fn receive_one(work: &Work<'_>, order: &Order) -> Result<(Archive, Received), TakeError> {
    let mut failed = work.fail.subscribe();
    if *failed.borrow_and_update() || *work.stop.borrow() {
        return Err(TakeError::Interrupted);
    }
    let word = format!("pgctl-{:016x}", rand::random::<u64>());
    let mut connection = work.place.origin.environment();
    connection.push(format!("PGUSER={}", work.place.user));
    connection.push(format!("PGAPPNAME={}", work.application));
    connection.push(format!("PGOPTIONS={}", tool_options(work.version)));
    let argv = order.argv(&word, work.compression, &connection);
    let in_file = |source| TakeError::Transfer {
        file: order.file.clone(),
        source,
    };
    let process = work.place.origin.start(&argv).await;
    let process = process.map_err(|error| in_file(TransferError::NotStarted(error)))?;
    let writer = {
        let (draft, file) = (Arc::clone(&work.draft), order.file.clone());
        blocking(move || draft.create(&file)).await?
    };
    let (stop, stop_signal) = watch::channel(false);
    let receiving = receive(
        process,
        writer,
        Reception {
            word,
            password: work.place.password.expose_secret().to_owned(),
            method: work.compression.method,
            expected: order.expected.clone(),
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
        file: order.file.clone(),
        content: order.content.clone(),
        compression: work.compression.method,
        stored: received.stored.clone(),
        sent: received.sent.clone(),
        raw_bytes: received.content.raw_bytes,
    };
    Ok((archive, received))
}

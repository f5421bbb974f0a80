//! Taking a backup: every archive received, compared and looked into, then the manifest.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

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
use super::manifest::{Archive, Kind, Manifest, Source, WalRange};
use super::order::{Order, OrderError, orders};
use super::origin::{Origin, OriginError};
use super::sealed;
use super::store::{Draft, SIGN_OF_LIFE, Store, StoreError, StoredFile};
use super::tools::{Tools, ToolsError};
use super::transfer::{Progress, Received, Reception, StopSignal, TransferError, receive};
use crate::cluster::{ClusterId, Lsn, Timeline};
use crate::postgres::{Session, SqlError};

/// Between two questions on the connection beside a transfer.
const TALKING: Duration = Duration::from_secs(20);

/// When neither bytes nor answers have come for so long, the source counts as lost. A dump alone may
/// be silent for longer: it waits for locks, and it sorts.
const SILENCE: Duration = Duration::from_secs(600);

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
    /// Somebody wanted it to stop.
    #[error("interrupted")]
    Interrupted,
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
    let (inventory, tools) = futures::join!(place.session.inventory(), place.origin.tools());
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
    if request.kind == Kind::Physical
        && let Err(error) = place.session.keep_wal(&application).await
    {
        tell(Event::Warning(format!(
            "no slot keeps the WAL for this backup ({error}); on a busy server it may fail because WAL is gone"
        )));
    }
    let (timeline, start) = place.session.wal_position().await?;
    let draft = {
        let (store, id) = (Arc::clone(store), id.clone());
        blocking(move || store.begin(&id)).await?
    };
    tell(Event::Begun {
        id: id.clone(),
        archives: orders.len(),
        database_bytes: inventory.databases.iter().map(|row| row.size_bytes).sum(),
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
    };
    let finished = async {
        let position = AtomicU64::new(start.bytes());
        let archives = tokio::select! {
            archives = receive_all(&work, &orders, tell) => archives?,
            given_up = keep_talking(&place.session, &position, &work.progress) => {
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
                end: match place.session.wal_position().await {
                    Ok((_, end)) => end,
                    // Everything is here and compared: a lost connection must not throw it away.
                    Err(error) => {
                        tell(Event::Warning(format!(
                            "the manifest's last position in the WAL is one before the end: {error}"
                        )));
                        Lsn::new(position.load(Ordering::Relaxed))
                    }
                },
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

/// Asks for the position in the WAL now and then: a connection that says nothing for minutes is cut
/// by what lies between, and with it goes the slot that keeps a base backup's WAL. Ends when neither
/// this connection nor the transfer has given a sign of life for too long: a link that died without
/// a word would hold up the backup, and the next one, for ever.
async fn keep_talking(
    session: &Session,
    position: &AtomicU64,
    progress: &Progress,
) -> Result<Infallible, TakeError> {
    let mut silence = Silence::default();
    loop {
        tokio::time::sleep(TALKING).await;
        let answer = session.wal_position().await;
        if silence.lasts(Instant::now(), progress.received(), answer.is_ok()) {
            return Err(TakeError::Silent(SILENCE));
        }
        if let Ok((_, now)) = answer {
            position.store(now.bytes(), Ordering::Relaxed);
        }
    }
}

/// How long nothing has been heard of the source.
#[derive(Debug, Default)]
struct Silence {
    received: u64,
    since: Option<Instant>,
}

impl Silence {
    /// Whether it has lasted too long.
    fn lasts(&mut self, now: Instant, received: u64, answered: bool) -> bool {
        if answered || received != self.received {
            self.received = received;
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(now);
        now.duration_since(since) >= SILENCE
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
    let argv = order.argv(&word, work.compression, &connection);
    let process = work.place.origin.start(&argv).await?;
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
        source => TakeError::Transfer {
            file: order.file.clone(),
            source,
        },
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_silence_on_both_connections_is_the_end() {
        let began = Instant::now();
        let after = |seconds| began + Duration::from_secs(seconds);
        let mut silence = Silence::default();
        assert!(!silence.lasts(after(0), 10, false));
        // Bytes come, and nobody answers: as when the connection beside it was cut.
        assert!(!silence.lasts(after(900), 20, false));
        // Nothing comes, and the database answers: as when a dump waits for a lock.
        assert!(!silence.lasts(after(1800), 20, true));
        assert!(!silence.lasts(after(1820), 20, false));
        assert!(!silence.lasts(after(2400), 20, false));
        assert!(silence.lasts(after(2420), 20, false));
    }
}

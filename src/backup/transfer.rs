//! One archive on its way from the source to the store: received, compared, looked into and
//! written at the same time, in bounded memory.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::compression::Method;
use super::content::{self, ContentError, ContentFacts, Expected};
use super::digest::{Fingerprint, Meter, MeteredWriter};
use super::encryption::{Recipient, Sealer};
use super::origin::OriginError;
use super::remote::RemoteProcess;
use super::report::{Report, ReportReader};
use super::store::{StoreError, StoreWriter, explained};

/// Size of the pieces that travel between the threads.
const CHUNK: usize = 128 * 1024;

/// Pieces that may wait for a slower thread: 4 MiB for each of the two.
const WAITING: usize = 32;

/// How long the source may take to end after it was told to, or after its output ended.
const ENDING: Duration = Duration::from_secs(20);

/// How long what was said before the connection was lost is waited for. Nothing ends that stream: a
/// half of kube's pipes that is dropped does not tell the other one.
pub(crate) const LOST: Duration = Duration::from_secs(1);

/// How far a transfer has come, for whoever shows it.
#[derive(Debug, Default)]
pub struct Progress {
    received: AtomicU64,
}

impl Progress {
    /// Bytes that arrived, compressed.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }
}

/// Tells every transfer to stop.
pub type StopSignal = watch::Receiver<bool>;

/// How an archive is to be received.
pub struct Reception {
    /// The word that begins the lines of the report.
    pub word: String,
    /// For the first line of stdin.
    pub password: String,
    /// How it is compressed at the source.
    pub method: Method,
    /// What it must be.
    pub expected: Expected,
    /// Whom to encrypt it for; none: nobody.
    pub recipients: Vec<Recipient>,
    /// The most bytes a second that are taken from the wire.
    pub rate: Option<u64>,
    /// Counts what arrives.
    pub progress: Arc<Progress>,
    /// Becomes true when it shall stop.
    pub stop: StopSignal,
}

/// An archive that arrived whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// What was sent, which is what arrived.
    pub sent: Fingerprint,
    /// What was written to the store.
    pub stored: Fingerprint,
    /// What was in it.
    pub content: ContentFacts,
}

/// Why an archive did not arrive, or is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// Somebody wanted it to stop.
    #[error("interrupted")]
    Interrupted,
    /// The tools could not be started.
    #[error(transparent)]
    NotStarted(OriginError),
    /// The connection was lost before the process at the source was known to have ended.
    #[error("the connection to the source was lost after {received} bytes{}", quoted(.said))]
    Lost {
        /// Bytes that had arrived.
        received: u64,
        /// The last that the tools said.
        said: Vec<String>,
    },
    /// A stage of the pipe at the source failed.
    #[error("{stage} failed at the source ({}){}", ending(.status), quoted(.said))]
    Source {
        /// Which.
        stage: String,
        /// Its exit status; none when it did not report.
        status: Option<i32>,
        /// The last that the tools said.
        said: Vec<String>,
    },
    /// Something else arrived than what was sent.
    #[error("the source sent {} bytes with SHA-256 {} and {} bytes with {} arrived: the stream was cut or changed on its way", sent.bytes, sent.sha256, arrived.bytes, arrived.sha256)]
    Different {
        /// What the source sent.
        sent: Fingerprint,
        /// What arrived.
        arrived: Fingerprint,
    },
    /// What arrived is not whole.
    #[error("what arrived is not a whole backup: {0}")]
    Content(#[from] ContentError),
    /// It could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be written.
    #[error("writing to the store: {}", explained(.0))]
    Write(#[source] io::Error),
    /// A thread of this program died.
    #[error("a thread of pgctl ended unexpectedly")]
    Thread(#[from] tokio::task::JoinError),
}

fn quoted(lines: &[String]) -> String {
    match lines {
        [] => String::new(),
        lines => format!(": {}", lines.join("; ")),
    }
}

fn ending(status: &Option<i32>) -> String {
    match status {
        Some(code @ 129..=192) => format!("killed by signal {}", code - 128),
        Some(code) => format!("exit status {code}"),
        None => "no exit status was reported".to_owned(),
    }
}

/// Receives an archive into `writer`, and finishes it there only when everything fits: the exit
/// status of every stage, bytes and SHA-256 at the source, and the content to its end.
///
/// # Errors
/// [`TransferError`]; then nothing was finished in the store, and the source was told to stop.
pub async fn receive(
    process: RemoteProcess,
    writer: Box<dyn StoreWriter>,
    reception: Reception,
) -> Result<Received, TransferError> {
    let Reception {
        word,
        password,
        method,
        expected,
        recipients,
        rate,
        progress,
        stop,
    } = reception;
    let mut source = Source {
        stdin: process.stdin,
        stdout: process.stdout,
        exit: process.exit,
        code: None,
        stop: Some(stop),
        buffer: BytesMut::new(),
    };
    let report = tokio::spawn(read_report(process.stderr, ReportReader::new(&word)));
    let (to_store, for_store) = mpsc::channel(WAITING);
    let (to_check, for_check) = mpsc::channel(WAITING);
    let storing = tokio::task::spawn_blocking(move || store(writer, for_store, &recipients));
    let checking: JoinHandle<Result<ContentFacts, ContentError>> =
        tokio::task::spawn_blocking(move || {
            content::check(&expected, method.decoder(ChannelReader::new(for_check))?)
        });

    source.say(&password).await;
    let mut meter = Meter::default();
    let mut throttle = rate.map(Throttle::new);
    let end = loop {
        let bytes = match source.next().await {
            Step::Data(bytes) => bytes,
            Step::End(end) => break end,
        };
        meter.update(&bytes);
        let length = bytes.len() as u64;
        progress.received.fetch_add(length, Ordering::Relaxed);
        let handing_on = async {
            if let Some(throttle) = &mut throttle {
                throttle.wait(length).await;
            }
            // A thread that takes no more has failed; its result says why.
            if to_check.send(bytes.clone()).await.is_err() {
                return Some(End::NotWhole);
            }
            let stored = to_store.send(Piece::Data(bytes)).await;
            stored.is_err().then_some(End::NotStored)
        };
        // A store that does not take anything for minutes must not hold up who wants to stop.
        let end = tokio::select! {
            end = handing_on => end,
            () = source.stopped() => Some(End::Interrupted),
        };
        if let Some(end) = end {
            break end;
        }
    };
    drop(to_check);
    let exit = source.finish(end).await;
    drop(process.guard);
    let limit = if exit.is_some() { ENDING } else { LOST };
    let report = match timeout(limit, report).await {
        Ok(report) => report?,
        Err(_) => Report::default(),
    };
    let arrived = meter.finish();
    let checked = checking.await?;
    let judged = match end {
        End::Interrupted => Err(TransferError::Interrupted),
        End::NotStored => Ok(()),
        End::NotWhole => checked
            .as_ref()
            .map(drop)
            .map_err(|_| TransferError::Interrupted),
        End::OfStream | End::Lost => judge(exit, report, &arrived),
    };
    let content = match (end, judged, checked) {
        (End::NotWhole, _, Err(error)) | (_, Ok(()), Err(error)) if end != End::NotStored => {
            Err(error.into())
        }
        (_, Err(error), _) => Err(error),
        (_, Ok(()), checked) => Ok(checked),
    };
    let content = match content {
        Ok(content) => content,
        Err(error) => {
            // The writer gives up what it began, an upload say, before anybody goes on or ends.
            drop(to_store);
            let _ = timeout(ENDING, storing).await;
            return Err(error);
        }
    };
    if end != End::NotStored {
        // Without this word the writer is dropped, and nothing is finished.
        let _ = to_store.send(Piece::Complete).await;
    }
    drop(to_store);
    let stored = storing.await??.ok_or(TransferError::Interrupted)?;
    Ok(Received {
        sent: arrived,
        stored,
        content: content?,
    })
}

/// Compares what the source reported with what arrived.
fn judge(exit: Option<i32>, report: Report, arrived: &Fingerprint) -> Result<(), TransferError> {
    let failed = report
        .failed_stage()
        .map(|(stage, status)| (stage.to_owned(), status));
    match (failed, exit, report.sent) {
        (Some((stage, Some(status))), _, _) => Err(TransferError::Source {
            stage,
            status: Some(status),
            said: report.said,
        }),
        (_, None, _) => Err(TransferError::Lost {
            received: arrived.bytes,
            said: report.said,
        }),
        (Some((stage, None)), Some(_), _) => Err(TransferError::Source {
            stage,
            status: None,
            said: report.said,
        }),
        (None, Some(code), sent) => match sent {
            Some(sent) if code == 0 && sent == *arrived => Ok(()),
            Some(sent) if code == 0 => Err(TransferError::Different {
                sent,
                arrived: arrived.clone(),
            }),
            _ => Err(TransferError::Source {
                stage: "the report".to_owned(),
                status: Some(code),
                said: report.said,
            }),
        },
    }
}

/// How the stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// As streams end.
    OfStream,
    /// With the connection.
    Lost,
    /// Somebody wanted it to stop.
    Interrupted,
    /// The content can't be right.
    NotWhole,
    /// The store takes no more.
    NotStored,
}

enum Step {
    Data(Bytes),
    End(End),
}

/// The process at the source.
struct Source {
    stdin: Box<dyn AsyncWrite + Send + Unpin>,
    stdout: Box<dyn AsyncRead + Send + Unpin>,
    exit: BoxFuture<'static, Option<i32>>,
    /// What `exit` gave, once it did.
    code: Option<Option<i32>>,
    stop: Option<StopSignal>,
    buffer: BytesMut,
}

impl Source {
    /// A line for its stdin. A process that reads no more shows in its exit status.
    async fn say(&mut self, line: &str) {
        let _ = self.stdin.write_all(format!("{line}\n").as_bytes()).await;
        let _ = self.stdin.flush().await;
    }

    /// Waits until somebody wants it to stop.
    async fn stopped(&mut self) {
        if let Some(stop) = &mut self.stop
            && stop.wait_for(|stop| *stop).await.is_ok()
        {
            return;
        }
        // Nobody is left who could want it.
        std::future::pending().await
    }

    async fn next(&mut self) -> Step {
        loop {
            let stopped = async {
                match &mut self.stop {
                    Some(stop) => stop.wait_for(|stop| *stop).await.is_ok(),
                    None => std::future::pending().await,
                }
            };
            self.buffer.reserve(CHUNK);
            let limit = Instant::now() + ENDING;
            tokio::select! {
                biased;
                stop = stopped => {
                    if stop {
                        return Step::End(End::Interrupted);
                    }
                    self.stop = None;
                }
                code = &mut self.exit, if self.code.is_none() => {
                    self.code = Some(code);
                    // After a transport error the output may never end.
                    if code.is_none() {
                        return Step::End(End::Lost);
                    }
                }
                read = self.stdout.read_buf(&mut self.buffer) => {
                    return match read {
                        Ok(0) => Step::End(End::OfStream),
                        Ok(_) => Step::Data(self.buffer.split().freeze()),
                        Err(_) => Step::End(End::Lost),
                    };
                }
                // It ended, yet something of it keeps its output open.
                () = sleep_until(limit), if self.code.is_some() => return Step::End(End::Lost),
            }
        }
    }

    /// Waits for its exit code, after telling it to stop when it is not done.
    async fn finish(mut self, end: End) -> Option<i32> {
        if self.code.is_none() {
            if end != End::OfStream {
                self.say("stop").await;
            }
            let mut sink = tokio::io::sink();
            let waiting = async {
                tokio::select! {
                    code = &mut self.exit => code,
                    // Both at once: an output that nobody reads holds up the exit status.
                    code = async {
                        let _ = tokio::io::copy(&mut self.stdout, &mut sink).await;
                        std::future::pending().await
                    } => code,
                }
            };
            self.code = timeout(ENDING, waiting).await.ok();
        }
        self.code.flatten()
    }
}

enum Piece {
    Data(Bytes),
    /// Everything fits: the file may be finished.
    Complete,
}

/// Writes what comes, and finishes it when told so; none when not.
fn store(
    writer: Box<dyn StoreWriter>,
    mut pieces: mpsc::Receiver<Piece>,
    recipients: &[Recipient],
) -> Result<Option<Fingerprint>, TransferError> {
    let mut sealer =
        Sealer::new(MeteredWriter::new(writer), recipients).map_err(TransferError::Write)?;
    while let Some(piece) = pieces.blocking_recv() {
        match piece {
            Piece::Data(bytes) => sealer.write_all(&bytes).map_err(TransferError::Write)?,
            Piece::Complete => {
                let output = sealer.finish().map_err(TransferError::Write)?;
                let (writer, stored) = output.into_parts();
                writer.finish()?;
                return Ok(Some(stored));
            }
        }
    }
    Ok(None)
}

async fn read_report(
    mut stderr: Box<dyn AsyncRead + Send + Unpin>,
    mut reader: ReportReader,
) -> Report {
    let mut buffer = vec![0; 8 * 1024];
    loop {
        match stderr.read(&mut buffer).await {
            Ok(read) if read > 0 => reader.feed(&buffer[..read]),
            _ => return reader.finish(),
        }
    }
}

/// Bytes of a channel, for threads that block.
struct ChannelReader {
    pieces: mpsc::Receiver<Bytes>,
    current: Bytes,
}

impl ChannelReader {
    fn new(pieces: mpsc::Receiver<Bytes>) -> Self {
        Self {
            pieces,
            current: Bytes::new(),
        }
    }
}

impl Read for ChannelReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.pieces.blocking_recv() {
                Some(bytes) => self.current = bytes,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.current.len());
        buffer[..length].copy_from_slice(&self.current.split_to(length));
        Ok(length)
    }
}

/// Holds back whoever takes too much.
struct Throttle {
    bytes_per_second: u64,
    begun: Instant,
    taken: u64,
}

impl Throttle {
    fn new(bytes_per_second: u64) -> Self {
        Self {
            bytes_per_second: bytes_per_second.max(1),
            begun: Instant::now(),
            taken: 0,
        }
    }

    async fn wait(&mut self, bytes: u64) {
        self.taken += bytes;
        let due = Duration::from_secs_f64(self.taken as f64 / self.bytes_per_second as f64);
        sleep_until(self.begun + due).await;
    }
}

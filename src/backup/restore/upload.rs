//! An archive, or bytes, on their way into a command in a pod: decrypted here, decompressed there,
//! compared at both ends, in bounded memory.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::contents::{archive, opened};
use super::load_error::place_in_dump;
use crate::backup::format::{Fingerprint, Identities, Manifest, Meter, Method};
use crate::backup::store::{Store, StoreError};
use crate::backup::tools::{ENDING, LOST, PipeReport, RemoteProcess, read_report};

/// The script that takes it. Values reach it as arguments, never as text.
const SCRIPT: &str = concat!(
    include_str!("../tools/pipe_begin.sh"),
    include_str!("upload.sh"),
    include_str!("../tools/pipe_end.sh"),
);

/// Size of the pieces that travel.
const CHUNK: usize = 128 * 1024;
/// Pieces that may wait for a slower reader: 4 MiB.
const WAITING: usize = 32;

/// An archive or bytes, and how they travel.
pub struct Upload {
    source: Source,
    file: String,
    /// The method that is undone in the pod.
    remote: Method,
    /// Bytes that travel.
    bytes: u64,
    word: String,
}

enum Source {
    Archive {
        store: Arc<dyn Store>,
        manifest: Box<Manifest>,
        identities: Identities,
    },
    Bytes(Vec<u8>),
}

/// What came of it.
#[derive(Debug)]
pub struct Uploaded {
    /// What arrived there.
    pub arrived: Fingerprint,
}

/// Why an archive did not arrive, or could not be used.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The store does not give it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something else was read than what was stored.
    #[error("{file} in the store is not what was stored: {problem}")]
    Changed {
        /// Name of the archive within the backup.
        file: String,
        /// What is wrong with it, in words.
        problem: String,
    },
    /// The connection was lost.
    #[error("the connection to the pod was lost after {sent} of {of} bytes of {file}")]
    Lost {
        /// Name of the archive within the backup.
        file: String,
        /// Bytes that were sent.
        sent: u64,
        /// Bytes that there are.
        of: u64,
    },
    /// The command did not like it.
    #[error("{file}: {why}")]
    Command {
        /// Name of the archive within the backup.
        file: String,
        /// What the tool that loads it said.
        why: String,
    },
    /// Something else arrived than what was sent.
    #[error(
        "{file}: {sent} bytes were sent, and {arrived} arrived: the stream was cut or changed on its way"
    )]
    Different {
        /// Name of the archive within the backup.
        file: String,
        /// Bytes that were sent.
        sent: u64,
        /// Bytes that arrived.
        arrived: String,
    },
}

impl Upload {
    /// An archive of a backup. `has`: whether the pod can undo a compression.
    ///
    /// # Errors
    /// When the backup has no such file.
    pub fn new(
        store: Arc<dyn Store>,
        manifest: Manifest,
        file: &str,
        identities: Identities,
        has: impl Fn(Method) -> bool,
    ) -> Result<Self, StoreError> {
        let archive = archive(&manifest, file)?;
        let (remote, bytes) = match archive.compression {
            method if has(method) => (method, archive.sent.bytes),
            _ => (Method::None, archive.raw_bytes),
        };
        Ok(Self {
            file: file.to_owned(),
            source: Source::Archive {
                store,
                manifest: Box::new(manifest),
                identities,
            },
            remote,
            bytes,
            word: word(),
        })
    }

    /// Bytes as they are. `what` they are, for messages.
    pub fn of_bytes(what: &str, bytes: Vec<u8>) -> Self {
        Self {
            file: what.to_owned(),
            remote: Method::None,
            bytes: bytes.len() as u64,
            source: Source::Bytes(bytes),
            word: word(),
        }
    }

    fn opened(&self) -> Result<Box<dyn Read + Send + '_>, StoreError> {
        match &self.source {
            Source::Archive {
                store,
                manifest,
                identities,
            } => {
                let decompress = self.remote == Method::None;
                let archive = archive(manifest, &self.file)?;
                opened(store.as_ref(), manifest, archive, identities, decompress)
            }
            Source::Bytes(bytes) => Ok(Box::new(bytes.as_slice())),
        }
    }

    /// Bytes that will travel.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The whole command: the script, and the command that reads the archive.
    pub fn argv(&self, command: &[String]) -> Vec<String> {
        let method = self.remote.name();
        let bytes = self.bytes.to_string();
        let mut argv: Vec<String> = ["sh", "-c", SCRIPT, "pgctl", &self.word, method, &bytes]
            .map(str::to_owned)
            .to_vec();
        argv.extend_from_slice(command);
        argv
    }
}

/// Sends an archive to a command that was started with [`Upload::argv`]. `sent` is told of bytes as
/// they leave.
///
/// # Errors
/// [`UploadError`]; the command was told to stop, and what it did is not to be used.
pub async fn upload(
    process: RemoteProcess,
    archive: Upload,
    password: &str,
    sent: &(dyn Fn(u64) + Sync),
) -> Result<Uploaded, UploadError> {
    let RemoteProcess {
        mut stdin,
        stdout,
        stderr,
        exit,
        guard,
    } = process;
    let (file, bytes) = (archive.file.clone(), archive.bytes);
    let report = tokio::spawn(read_report(stderr, archive.word.clone()));
    let draining = tokio::spawn(drain(stdout));
    let (to_wire, mut for_wire) = mpsc::channel(WAITING);
    let reading = tokio::task::spawn_blocking(move || read(&archive, &to_wire));

    let mut meter = Meter::default();
    let sending = async {
        write(&mut stdin, format!("{password}\n").as_bytes()).await?;
        while let Some(piece) = for_wire.recv().await {
            write(&mut stdin, &piece).await?;
            meter.update(&piece);
            sent(meter.bytes());
        }
        stdin.flush().await?;
        if meter.bytes() == bytes {
            // Its end would stop the command: it stays open until there is an exit status.
            std::future::pending::<()>().await;
        }
        Ok::<_, std::io::Error>(())
    };
    let mut exit = exit;
    let ended = {
        let mut sending = std::pin::pin!(sending);
        tokio::select! {
            code = &mut exit => Some(code),
            // There is no more to send, or nobody takes it: whoever it was is about to say why.
            _ = &mut sending => None,
        }
    };
    drop(for_wire);
    drop(stdin);
    let code = match ended {
        Some(code) => code,
        None => timeout(ENDING, &mut exit).await.ok().flatten(),
    };
    let limit = if code.is_some() { ENDING } else { LOST };
    let said = timeout(limit, report).await;
    let report = said.ok().and_then(Result::ok).unwrap_or_default();
    draining.abort();
    drop(guard);
    let read = reading.await.unwrap_or_else(|error| {
        Err(UploadError::Changed {
            file: file.clone(),
            problem: error.to_string(),
        })
    });
    let sent = meter.finish();
    judge(file, bytes, code, report, sent, read)
}

/// What begins each line of the report: nothing that is sent can pass for it.
fn word() -> String {
    format!("pgctl-{:016x}", rand::random::<u64>())
}

async fn write(stdin: &mut (dyn AsyncWrite + Send + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    stdin.write_all(bytes).await
}

async fn drain(mut stdout: Box<dyn AsyncRead + Send + Unpin>) {
    let mut sink = tokio::io::sink();
    // Its end, or an error, shows in the exit status.
    tokio::io::copy(&mut stdout, &mut sink).await.ok();
}

/// Compares everything that was said. A failure of the command is the cause when there is one; an
/// archive that can't be read when that cut the stream short.
fn judge(
    file: String,
    bytes: u64,
    code: Option<i32>,
    report: PipeReport,
    sent: Fingerprint,
    read: Result<bool, UploadError>,
) -> Result<Uploaded, UploadError> {
    read?;
    let lost = |file| UploadError::Lost {
        file,
        sent: sent.bytes,
        of: bytes,
    };
    let Some(code) = code else {
        return Err(lost(file));
    };
    let failed = report
        .failed_stage()
        .map(|(stage, status)| (stage.to_owned(), status));
    match (failed, report.sent) {
        // Killed by the script: its stdin has ended before its time.
        (Some((_, Some(143))), _) if sent.bytes < bytes => Err(lost(file)),
        (Some((stage, status)), _) => {
            let why = place_in_dump(&report.first_said).unwrap_or_else(|| {
                let stage = match stage.as_str() {
                    "command" => "the command",
                    "compress" => "decompressing",
                    _ => "receiving",
                };
                let ending = match status {
                    Some(status) => format!("exit status {status}"),
                    None => format!("no exit status of its own, {code} of the script"),
                };
                format!(
                    "{stage} failed in the pod ({ending}): {}",
                    report.said.join("; ")
                )
            });
            Err(UploadError::Command { file, why })
        }
        (None, Some(arrived)) if code == 0 && arrived == sent && sent.bytes == bytes => {
            Ok(Uploaded { arrived })
        }
        (None, arrived) => Err(UploadError::Different {
            file,
            sent: sent.bytes,
            arrived: arrived.map_or_else(|| "?".to_owned(), |it| it.bytes.to_string()),
        }),
    }
}

/// Reads the archive to its end; whether it came that far before nobody wanted more of it.
fn read(upload: &Upload, to_wire: &mpsc::Sender<Bytes>) -> Result<bool, UploadError> {
    let mut input = upload.opened()?;
    let mut total = 0;
    loop {
        let mut buffer = vec![0; CHUNK];
        let length = input
            .read(&mut buffer)
            .map_err(|error| UploadError::Changed {
                file: upload.file.clone(),
                problem: error.to_string(),
            })?;
        if length == 0 {
            break;
        }
        total += length as u64;
        if total > upload.bytes {
            break;
        }
        buffer.truncate(length);
        if to_wire.blocking_send(buffer.into()).is_err() {
            return Ok(false);
        }
    }
    if total == upload.bytes {
        Ok(true)
    } else {
        Err(UploadError::Changed {
            file: upload.file.clone(),
            problem: format!("it has {total} bytes instead of {}", upload.bytes),
        })
    }
}

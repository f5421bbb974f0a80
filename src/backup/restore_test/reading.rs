//! A backup's files as they were before they were compressed and encrypted.

use std::io::{self, BufRead, BufReader, Read};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{ChildStdin, Command};
use tokio::sync::mpsc;

use super::RestoreTestError;
use super::last_lines::last_lines;
use crate::backup::format::{Archive, Identities, Manifest};
use crate::backup::store::{Store, StoreError};

/// What is done to each line of a text on its way.
pub(super) type Change = fn(&[u8]) -> Vec<u8>;

/// Lines of an error that are told.
const ERROR_LINES: usize = 4;

const CHUNK: usize = 256 * 1024;

/// What a restore test reads from.
#[derive(Clone)]
pub(super) struct TestedBackup {
    pub(super) store: Arc<dyn Store>,
    pub(super) manifest: Arc<Manifest>,
    pub(super) identities: Identities,
    /// Ends every read.
    pub(super) stop: Arc<AtomicBool>,
}

impl TestedBackup {
    /// Opens a file of the backup, decrypted and unpacked. Blocks.
    pub(super) fn open(&self, archive: &Archive) -> Result<Box<dyn Read + Send>, StoreError> {
        let file = self.store.open(&self.manifest.id, &archive.file)?;
        let stored = Stoppable {
            input: file,
            stop: Arc::clone(&self.stop),
        };
        let what = format!("{} of {}", archive.file, self.manifest.id);
        let failed = |error| StoreError::while_reading(&what, error);
        let plain: Box<dyn Read + Send> = if self.manifest.encrypted_for.is_empty() {
            Box::new(stored)
        } else {
            self.identities.decrypt(stored).map_err(failed)?
        };
        archive.compression.decoder(plain).map_err(failed)
    }

    /// Feeds a file of the backup to a process, which may end before it has read it all. The lines
    /// of a text can be changed on their way.
    async fn feed(
        &self,
        archive: &Archive,
        stdin: Option<ChildStdin>,
        change: Option<Change>,
    ) -> Result<(), StoreError> {
        let Some(mut stdin) = stdin else {
            return Ok(());
        };
        let (pieces, mut waiting) = mpsc::channel::<Bytes>(16);
        let (source, archive) = (self.clone(), archive.clone());
        let reading = tokio::task::spawn_blocking(move || {
            let what = format!("{} of {}", archive.file, source.manifest.id);
            let mut input = BufReader::with_capacity(CHUNK, source.open(&archive)?);
            loop {
                let piece = match change {
                    Some(change) => {
                        let mut line = Vec::new();
                        input.read_until(b'\n', &mut line).map(|_| change(&line))
                    }
                    None => input.fill_buf().map(<[u8]>::to_vec).inspect(|piece| {
                        input.consume(piece.len());
                    }),
                };
                let piece = piece.map_err(|error| StoreError::while_reading(&what, error))?;
                // Who takes no more has ended, and says why itself.
                if piece.is_empty() || pieces.blocking_send(piece.into()).is_err() {
                    return Ok(());
                }
            }
        });
        while let Some(piece) = waiting.recv().await {
            if stdin.write_all(&piece).await.is_err() {
                break;
            }
        }
        drop((stdin, waiting));
        match reading.await {
            Ok(result) => result,
            Err(error) => Err(StoreError::Settings(format!(
                "a thread of pgctl ended: {error}"
            ))),
        }
    }
}

/// Runs a program that reads a file of the backup.
pub(super) async fn fed(
    mut tool: Command,
    source: &TestedBackup,
    archive: &Archive,
    change: Option<Change>,
) -> Result<Option<String>, RestoreTestError> {
    let name = tool.as_std().get_program().to_string_lossy().into_owned();
    let mut child = tool
        .stdin(Stdio::piped())
        .spawn()
        .map_err(RestoreTestError::machine(format!("running {name}")))?;
    let stdin = child.stdin.take();
    // Both at once: a program whose words nobody reads stops reading, too.
    let (fed, output) = futures::join!(
        source.feed(archive, stdin, change),
        child.wait_with_output()
    );
    let output = output.map_err(RestoreTestError::machine(format!("running {name}")))?;
    fed?;
    Ok(if output.status.success() {
        None
    } else {
        Some(format!("{}: {}", archive.file, first_error(&output.stderr)))
    })
}

/// What went wrong first, without what came before and long after.
fn first_error(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let from_error: Vec<String> = lines
        .skip_while(|line| !line.contains("error:") && !line.contains("ERROR:"))
        .take(ERROR_LINES)
        .map(|line| line.chars().take(300).collect())
        .collect();
    if from_error.is_empty() {
        last_lines(said)
    } else {
        from_error.join("; ")
    }
}

/// A reader that can be told to stop.
struct Stoppable<R> {
    input: R,
    stop: Arc<AtomicBool>,
}

impl<R: Read> Read for Stoppable<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("interrupted"));
        }
        self.input.read(buffer)
    }
}

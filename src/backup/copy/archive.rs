//! One archive on its way from one store to the other, in bounded memory.
//!
//! Everything here blocks: call it from a thread that may (`tokio::task::spawn_blocking`).

use std::io::{self, Read as _, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::{CopyError, not_written};
use crate::backup::StopSignal;
use crate::backup::catalogue::differs;
use crate::backup::format::{Archive, MeteredWriter};
use crate::backup::store::{Store, StoreError, UnfinishedBackup};

/// What is in memory of it at once, beside what the stores themselves hold.
const CHUNK: usize = 1024 * 1024;

/// Copies an archive. It is finished in the second store only when size and SHA-256 of what was written are those of
/// the manifest. `seen` counts the bytes; it ends soon after `stop` becomes true.
///
/// # Errors
/// [`CopyError`]; then nothing of it was finished.
pub(super) fn copy_archive(
    from: &dyn Store,
    id: &str,
    archive: &Archive,
    unfinished: &dyn UnfinishedBackup,
    seen: &AtomicU64,
    stop: &StopSignal,
) -> Result<(), CopyError> {
    let file = archive.file.as_str();
    let damaged = |problem: &str| CopyError::Damaged(format!("{file}: {problem}"));
    let mut input = match from.open(id, file) {
        Ok(input) => input,
        Err(StoreError::NotFound { .. }) => return Err(damaged("it is missing")),
        // What the disk can't read is this file's trouble, as in the middle of it.
        Err(StoreError::Disk { source, .. }) => return Err(unreadable(file, source)),
        Err(error) => return Err(CopyError::From(error)),
    };
    let mut output = MeteredWriter::new(unfinished.create(file).map_err(CopyError::To)?);
    let mut buffer = vec![0; CHUNK];
    let mut copied = 0;
    loop {
        if *stop.borrow() {
            return Err(CopyError::Interrupted);
        }
        let read = match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(file, error)),
        };
        copied += read as u64;
        // What is not of this backup must not fill up the second store.
        if copied > archive.stored.bytes {
            let problem = format!("it has more than {} bytes", archive.stored.bytes);
            return Err(damaged(&problem));
        }
        output
            .write_all(&buffer[..read])
            .map_err(|error| CopyError::To(not_written(file, error)))?;
        seen.fetch_add(read as u64, Ordering::Relaxed);
    }
    let (writer, written) = output.into_parts();
    if let Some(problem) = differs(&archive.stored, &written) {
        return Err(damaged(&problem));
    }
    writer.finish().map_err(CopyError::To)
}

/// What a failed read means: what has no words of the store's is the disk's, a file that can't be read.
fn unreadable(file: &str, error: io::Error) -> CopyError {
    let damaged = |problem: &str| CopyError::Damaged(format!("{file}: {problem}"));
    match error.downcast::<StoreError>() {
        Ok(StoreError::NotFound { .. }) => damaged("it is missing"),
        Ok(error) => CopyError::From(error),
        Err(error) => damaged(&format!("it can't be read: {error}")),
    }
}

//! One archive on its way from one store to the other, in bounded memory.
//!
//! Everything here blocks: call it from a thread that may (`tokio::task::spawn_blocking`).

use std::io::{self, Read as _, Write as _};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::error::{CopyError, not_written};
use crate::backup::StopSignal;
use crate::backup::catalogue::differs;
use crate::backup::format::{Archive, MeteredWriter};
use crate::backup::store::{Store, StoreError, UnfinishedBackup};

/// What is in memory of it at once, beside what the stores themselves hold.
const CHUNK: usize = 1024 * 1024;

/// What ends the work before its end.
#[derive(Clone, Copy)]
pub(super) struct Ends<'a> {
    /// Becomes true when somebody wants it to stop.
    pub(super) stop: &'a StopSignal,
    /// Becomes true when somebody else has removed what was begun: the rest would be written for nobody.
    pub(super) lost: &'a AtomicBool,
}

/// Copies an archive. It is finished in the second store only when size and SHA-256 of what was written are those of
/// the manifest. `seen` counts the bytes.
///
/// # Errors
/// [`CopyError`]; then nothing of it was finished.
pub(super) fn copy_archive(
    from: &dyn Store,
    id: &str,
    archive: &Archive,
    unfinished: &dyn UnfinishedBackup,
    seen: &AtomicU64,
    ends: Ends<'_>,
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
        if *ends.stop.borrow() {
            return Err(CopyError::Interrupted);
        }
        if ends.lost.load(Ordering::Relaxed) {
            let what = file.to_owned();
            return Err(CopyError::To(StoreError::Lost { what }));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::format::{Content, Fingerprint, Method};
    use crate::backup::store::DirectoryStore;

    const ID: &str = "n_c_20261128T011500Z_physical_07d1";
    const FILE: &str = "00-globals.sql";

    #[test]
    fn nothing_more_is_written_of_what_somebody_else_has_removed() {
        let root = tempfile::tempdir().expect("a folder");
        let store = |name: &str| DirectoryStore::new(&root.path().join(name)).expect("a path");
        let (from, to) = (store("from"), store("to"));
        let begun = from.begin(ID).expect("it is begun");
        let mut file = begun.create(FILE).expect("it is made");
        file.write_all(b"text").expect("it is written");
        file.finish().expect("it is written");
        begun.commit(&[], b"{}").expect("it is finished");
        let sum = Fingerprint::of(b"text");
        let archive = Archive {
            file: FILE.to_owned(),
            content: Content::Globals,
            compression: Method::None,
            stored: sum.clone(),
            sent: sum,
            raw_bytes: 4,
        };
        let unfinished = to.begin(ID).expect("it is begun");
        let (_keep, stop) = tokio::sync::watch::channel(false);
        let (seen, lost) = (AtomicU64::new(0), AtomicBool::new(true));
        let ends = Ends {
            stop: &stop,
            lost: &lost,
        };
        let copied = copy_archive(&from, ID, &archive, unfinished.as_ref(), &seen, ends);
        assert!(
            matches!(copied, Err(CopyError::To(StoreError::Lost { .. }))),
            "{copied:?}"
        );
        assert_eq!(seen.into_inner(), 0);
    }
}

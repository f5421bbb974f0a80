//! What a store in a directory asks of the disk.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::SystemTime;

pub(super) fn make_folders(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

pub(super) fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Whether what is at this path is what is held open.
pub(super) fn is_the_same(held: &File, path: &Path) -> io::Result<bool> {
    let (held, found) = (held.metadata()?, fs::metadata(path)?);
    Ok((held.dev(), held.ino()) == (found.dev(), found.ino()))
}

pub(super) fn remove_if_there(path: &Path) -> io::Result<()> {
    not_found_is_fine(fs::remove_file(path))
}

pub(super) fn remove_folder(path: &Path) -> io::Result<()> {
    not_found_is_fine(fs::remove_dir_all(path))
}

/// When a folder or a file in it was last changed; none when it is not there.
pub(super) fn last_change(folder: &Path) -> io::Result<Option<SystemTime>> {
    let seen = |entry: io::Result<fs::Metadata>| match entry {
        Ok(found) => found.modified().map(Some),
        // It was removed, or renamed, in this moment.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    let mut newest = seen(fs::metadata(folder))?;
    if newest.is_none() {
        return Ok(None);
    }
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // A file of such a name has a time of its own.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(newest),
        // What can't be looked into is not silent.
        entries => entries?,
    };
    for entry in entries {
        newest = newest.max(seen(entry?.metadata())?);
    }
    Ok(newest)
}

fn not_found_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

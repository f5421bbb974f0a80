//! Backups in a directory. An unfinished one is a folder whose name ends in `.partial`; it is renamed when
//! everything in it is on disk.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use jiff::Timestamp;

use super::directory_objects::DirectoryObjects;
use super::file_name::plain;
use super::{Listing, Objects, Store, StoreError, StoreWriter, StoredFile, UnfinishedBackup};
use crate::backup::format::{MANIFEST_FILE, is_id};

const PARTIAL: &str = ".partial";
const DOOMED: &str = ".deleting";

/// A directory of backups. Folders in it are 0700, files 0600.
#[derive(Debug)]
pub struct DirectoryStore {
    root: PathBuf,
}

impl DirectoryStore {
    /// The store at this path, which need not exist yet.
    ///
    /// # Errors
    /// When the current directory is unknown (for a relative path).
    pub fn new(root: &Path) -> Result<Self, StoreError> {
        let root = std::path::absolute(root)
            .map_err(StoreError::disk(format!("finding {}", root.display())))?;
        Ok(Self { root })
    }

    fn folder(&self, id: &str) -> Result<PathBuf, StoreError> {
        if is_id(id) {
            Ok(self.root.join(id))
        } else {
            Err(StoreError::NotFound {
                what: format!("a backup named {id:?}"),
            })
        }
    }
}

impl Store for DirectoryStore {
    fn location(&self) -> String {
        self.root.display().to_string()
    }

    fn begin(&self, id: &str) -> Result<Arc<dyn UnfinishedBackup>, StoreError> {
        let finished = self.folder(id)?;
        let folder = self.root.join(format!("{id}{PARTIAL}"));
        let doing = || format!("making {}", folder.display());
        make_folders(&self.root).map_err(StoreError::disk(doing()))?;
        if finished.exists() {
            return Err(StoreError::disk(doing())(
                io::ErrorKind::AlreadyExists.into(),
            ));
        }
        DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .map_err(StoreError::disk(doing()))?;
        Ok(Arc::new(UnfinishedInDirectory { folder, finished }))
    }

    fn list(&self) -> Result<Listing, StoreError> {
        let doing = || format!("reading {}", self.root.display());
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Listing::default()),
            Err(error) => return Err(StoreError::disk(doing())(error)),
        };
        let mut listing = Listing::default();
        for entry in entries {
            let entry = entry.map_err(StoreError::disk(doing()))?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let unfinished = name
                .strip_suffix(PARTIAL)
                .or_else(|| name.strip_suffix(DOOMED));
            if let Some(id) = unfinished.filter(|id| is_id(id)) {
                listing.partial.push(id.to_owned());
            } else if is_id(name) {
                listing.finished.push(name.to_owned());
            }
        }
        listing.finished.sort();
        listing.partial.sort();
        listing.partial.dedup();
        Ok(listing)
    }

    fn open(&self, id: &str, file: &str) -> Result<Box<dyn Read + Send>, StoreError> {
        let path = self.folder(id)?.join(plain(file)?);
        match File::open(&path) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::NotFound {
                what: path.display().to_string(),
            }),
            Err(error) => Err(StoreError::disk(format!("opening {}", path.display()))(
                error,
            )),
        }
    }

    fn put(&self, id: &str, file: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let folder = self.folder(id)?;
        let path = folder.join(plain(file)?);
        let temporary = folder.join(format!(".{file}.new"));
        let written = remove_if_there(&temporary)
            .and_then(|()| private_file(&temporary))
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&temporary, &path))
            .and_then(|()| sync_folder(&folder));
        written.map_err(StoreError::disk(format!("writing {}", path.display())))
    }

    fn remove(&self, id: &str) -> Result<(), StoreError> {
        let finished = self.folder(id)?;
        let doomed = self.root.join(format!("{id}{DOOMED}"));
        let doing = || format!("deleting {}", finished.display());
        // Renamed first: half a deleted backup must not look like a backup.
        if finished.exists() {
            fs::rename(&finished, &doomed).map_err(StoreError::disk(doing()))?;
            sync_folder(&self.root).map_err(StoreError::disk(doing()))?;
        }
        remove_folder(&doomed).map_err(StoreError::disk(doing()))?;
        self.remove_unfinished(id).map(drop)
    }

    fn last_written(&self, id: &str) -> Result<Option<Timestamp>, StoreError> {
        self.folder(id)?;
        let mut newest = None;
        for ending in [PARTIAL, DOOMED] {
            let folder = self.root.join(format!("{id}{ending}"));
            let written = last_change(&folder)
                .map_err(StoreError::disk(format!("looking at {}", folder.display())))?;
            newest = newest.max(written);
        }
        let time = |changed| {
            Timestamp::try_from(changed)
                .map_err(|error: jiff::Error| StoreError::Settings(error.to_string()))
        };
        newest.map(time).transpose()
    }

    fn remove_unfinished(&self, id: &str) -> Result<bool, StoreError> {
        let finished = self.folder(id)?;
        let partial = self.root.join(format!("{id}{PARTIAL}"));
        let doomed = self.root.join(format!("{id}{DOOMED}"));
        // Renamed first: whoever still writes it can't finish it any more, or has finished it already.
        let removed = remove_folder(&doomed)
            .and_then(|()| not_found_is_fine(fs::rename(&partial, &doomed)))
            .and_then(|()| remove_folder(&doomed));
        removed.map_err(StoreError::disk(format!("deleting {}", partial.display())))?;
        Ok(!finished.exists())
    }

    fn objects(&self) -> Arc<dyn Objects> {
        let root = self.root.clone();
        Arc::new(DirectoryObjects { root })
    }
}

struct UnfinishedInDirectory {
    folder: PathBuf,
    finished: PathBuf,
}

impl UnfinishedBackup for UnfinishedInDirectory {
    fn create(&self, file: &str) -> Result<Box<dyn StoreWriter>, StoreError> {
        let path = self.folder.join(plain(file)?);
        let file =
            private_file(&path).map_err(StoreError::disk(format!("making {}", path.display())))?;
        Ok(Box::new(FileWriter { path, file }))
    }

    fn still_written(&self) -> Result<(), StoreError> {
        File::open(&self.folder)
            .and_then(|folder| folder.set_modified(SystemTime::now()))
            .map_err(StoreError::disk(format!(
                "touching {}",
                self.folder.display()
            )))
    }

    fn commit(&self, files: &[StoredFile], manifest: &[u8]) -> Result<(), StoreError> {
        for file in files {
            let path = self.folder.join(plain(&file.name)?);
            match fs::metadata(&path) {
                Ok(found) if found.len() == file.bytes => {}
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    let doing = format!("looking at {}", path.display());
                    return Err(StoreError::disk(doing)(error));
                }
                _ => {
                    return Err(StoreError::Lost {
                        what: path.display().to_string(),
                    });
                }
            }
        }
        let path = self.folder.join(MANIFEST_FILE);
        remove_if_there(&path)
            .and_then(|()| private_file(&path))
            .and_then(|mut file| file.write_all(manifest).and_then(|()| file.sync_all()))
            .and_then(|()| sync_folder(&self.folder))
            .map_err(StoreError::disk(format!("writing {}", path.display())))?;
        let renaming = || StoreError::disk(format!("renaming {}", self.folder.display()));
        // On Linux a folder may be renamed over an empty one only: a finished backup is safe.
        fs::rename(&self.folder, &self.finished).map_err(renaming())?;
        self.finished
            .parent()
            .map_or(Ok(()), sync_folder)
            .or_else(|error| {
                // What is said to have failed must not be listed.
                fs::rename(&self.finished, &self.folder)?;
                Err(error)
            })
            .map_err(renaming())
    }

    fn discard(&self) -> Result<(), StoreError> {
        remove_folder(&self.folder).map_err(StoreError::disk(format!(
            "deleting {}",
            self.folder.display()
        )))
    }
}

struct FileWriter {
    path: PathBuf,
    file: File,
}

impl Write for FileWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl StoreWriter for FileWriter {
    fn finish(self: Box<Self>) -> Result<(), StoreError> {
        self.file
            .sync_all()
            .map_err(StoreError::disk(format!("writing {}", self.path.display())))
    }
}

fn make_folders(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    not_found_is_fine(fs::remove_file(path))
}

fn remove_folder(path: &Path) -> io::Result<()> {
    not_found_is_fine(fs::remove_dir_all(path))
}

/// When a folder or a file in it was last changed; none when it is not there.
fn last_change(folder: &Path) -> io::Result<Option<SystemTime>> {
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
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        newest = newest.max(seen(entry.metadata())?);
    }
    Ok(newest)
}

fn not_found_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests;

//! Backups in a directory. An unfinished one is a folder whose name ends in `.partial`; it is renamed when
//! everything in it is on disk. Its name has a word in it that nobody else has: whoever was taken over while he stood
//! still finds nothing under it, and can't touch what somebody else writes of the same backup.

mod file_writer;
mod files;

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::directory_objects::DirectoryObjects;
use super::file_name::plain;
use super::{
    Listing, Objects, Place, Store, StoreError, StoreWriter, StoredFile, UnfinishedBackup,
};
use crate::backup::format::{MANIFEST_FILE, is_id};
use file_writer::FileWriter;
use files::{
    is_the_same, last_change, make_folders, private_file, remove_folder, remove_if_there,
    sync_folder,
};

const PARTIAL: &str = ".partial";
const DOOMED: &str = ".deleting";

/// Written anew now and then while it lasts: so the time of it is by the clock of who keeps the directory, as that of all
/// else there, and not by the writer's own.
const SIGN_FILE: &str = "still-written";

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

    /// Makes the folder of a backup that is about to be written.
    fn begun(&self, id: &str) -> Result<UnfinishedInDirectory, StoreError> {
        let finished = self.folder(id)?;
        let folder = self.private(id, PARTIAL);
        let doing = || format!("making {}", folder.display());
        make_folders(&self.root).map_err(StoreError::disk(doing()))?;
        if finished.try_exists().map_err(StoreError::disk(doing()))? {
            let what = finished.display().to_string();
            return Err(StoreError::Taken { what });
        }
        DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .map_err(StoreError::disk(doing()))?;
        Ok(UnfinishedInDirectory {
            folder,
            finished,
            has_ended: Mutex::new(false),
        })
    }

    /// A name that nobody else has, for what is unfinished of a backup.
    fn private(&self, id: &str, ending: &str) -> PathBuf {
        let word = rand::random::<u64>();
        self.root.join(format!("{id}.{word:016x}{ending}"))
    }

    /// The folders of what was begun of a backup and not finished, or is being removed.
    fn unfinished(&self, id: &str) -> io::Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            if name.to_str().and_then(unfinished_id) == Some(id) {
                found.push(self.root.join(name));
            }
        }
        Ok(found)
    }

    fn remove_all_unfinished(&self, id: &str) -> Result<(), StoreError> {
        let doing = || format!("deleting what is unfinished of {id}");
        for folder in self.unfinished(id).map_err(StoreError::disk(doing()))? {
            let is_doomed = folder.to_str().is_some_and(|it| it.ends_with(DOOMED));
            let removed = match is_doomed {
                true => remove_folder(&folder),
                false => self.doom(id, &folder),
            };
            let doing = format!("deleting {}", folder.display());
            removed.map_err(StoreError::disk(doing))?;
        }
        Ok(())
    }

    /// Deletes a folder. It is renamed first: whoever still writes it can't finish it any more, and half a deleted backup
    /// must not look like a backup.
    fn doom(&self, id: &str, folder: &Path) -> io::Result<()> {
        let doomed = self.private(id, DOOMED);
        match fs::rename(folder, &doomed) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            renamed => renamed?,
        }
        sync_folder(&self.root)?;
        remove_folder(&doomed)
    }
}

/// The backup of which a folder of this name is unfinished, with a writer's own word in it or, as it was once, without.
fn unfinished_id(name: &str) -> Option<&str> {
    let stem = name
        .strip_suffix(PARTIAL)
        .or_else(|| name.strip_suffix(DOOMED))?;
    let without_word = || stem.rsplit_once('.').map(|(id, _)| id);
    let id = Some(stem).filter(|stem| is_id(stem));
    id.or_else(without_word).filter(|id| is_id(id))
}

impl Store for DirectoryStore {
    fn location(&self) -> String {
        self.root.display().to_string()
    }

    fn begin(&self, id: &str) -> Result<Arc<dyn UnfinishedBackup>, StoreError> {
        Ok(Arc::new(self.begun(id)?))
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
            if let Some(id) = unfinished_id(name) {
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

    fn is_finished(&self, id: &str) -> Result<bool, StoreError> {
        let finished = self.folder(id)?;
        let doing = format!("looking at {}", finished.display());
        finished.try_exists().map_err(StoreError::disk(doing))
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

    fn size(&self, id: &str, file: &str) -> Result<Option<u64>, StoreError> {
        let path = self.folder(id)?.join(plain(file)?);
        match fs::metadata(&path) {
            Ok(found) => Ok(Some(found.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::disk(format!("looking at {}", path.display()))(
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
        self.remove_all_unfinished(id)?;
        let doing = format!("deleting {}", finished.display());
        self.doom(id, &finished).map_err(StoreError::disk(doing))
    }

    fn last_written(&self, id: &str) -> Result<Option<Timestamp>, StoreError> {
        self.folder(id)?;
        let doing = format!("looking for what is unfinished of {id}");
        let mut newest = None;
        for folder in self.unfinished(id).map_err(StoreError::disk(doing))? {
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
        self.folder(id)?;
        self.remove_all_unfinished(id)?;
        self.is_finished(id).map(|finished| !finished)
    }

    fn place(&self) -> Result<Option<Place>, StoreError> {
        match fs::metadata(&self.root) {
            Ok(found) => Ok(Some(Place::Folder {
                device: found.dev(),
                inode: found.ino(),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                let doing = format!("looking at {}", self.root.display());
                Err(StoreError::disk(doing)(error))
            }
        }
    }

    fn objects(&self) -> Arc<dyn Objects> {
        let root = self.root.clone();
        Arc::new(DirectoryObjects { root })
    }
}

struct UnfinishedInDirectory {
    /// Nobody else has ever had a folder of this name.
    folder: PathBuf,
    finished: PathBuf,
    /// Held while a sign of life is written: none comes after the end.
    has_ended: Mutex<bool>,
}

impl UnfinishedInDirectory {
    /// What went wrong at `path`, which is in its folder: that this is gone, perhaps.
    fn failed(&self, doing: &str, path: &Path, error: io::Error) -> StoreError {
        match error.kind() {
            io::ErrorKind::NotFound => StoreError::Lost {
                what: path.display().to_string(),
            },
            _ => StoreError::disk(format!("{doing} {}", path.display()))(error),
        }
    }

    /// Whether every file is there with its size.
    fn is_whole(&self, files: &[StoredFile]) -> Result<(), StoreError> {
        for file in files {
            let path = self.folder.join(plain(&file.name)?);
            let found = fs::metadata(&path);
            let found = found.map_err(|error| self.failed("looking at", &path, error))?;
            if found.len() != file.bytes {
                let what = path.display().to_string();
                return Err(StoreError::Lost { what });
            }
        }
        Ok(())
    }

    fn write_manifest(&self, manifest: &[u8]) -> Result<(), StoreError> {
        let path = self.folder.join(MANIFEST_FILE);
        remove_if_there(&path)
            .and_then(|()| private_file(&path))
            .and_then(|mut file| file.write_all(manifest).and_then(|()| file.sync_all()))
            .and_then(|()| sync_folder(&self.folder))
            .map_err(|error| self.failed("writing", &path, error))
    }

    /// Waits for a sign of life that is under way, and lets no other follow.
    fn end(&self) {
        *self
            .has_ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Gives it the name of a backup.
    fn publish(&self) -> Result<(), StoreError> {
        let failed = |error: io::Error| match error.kind() {
            // On Linux a folder may be renamed over an empty one only: a finished backup is safe.
            io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists => StoreError::Taken {
                what: self.finished.display().to_string(),
            },
            _ => self.failed("renaming", &self.folder, error),
        };
        let held = File::open(&self.folder).map_err(failed)?;
        match fs::rename(&self.folder, &self.finished) {
            // A server that has lost its own answer was asked twice.
            Err(error)
                if error.kind() == io::ErrorKind::NotFound
                    && is_the_same(&held, &self.finished).unwrap_or(false) => {}
            renamed => renamed.map_err(failed)?,
        }
        self.finished
            .parent()
            .map_or(Ok(()), sync_folder)
            .or_else(|error| {
                // What is said to have failed must not be listed; what somebody else has put there meanwhile stays.
                if is_the_same(&held, &self.finished)? {
                    fs::rename(&self.finished, &self.folder)?;
                }
                Err(error)
            })
            .map_err(failed)
    }
}

impl UnfinishedBackup for UnfinishedInDirectory {
    fn create(&self, file: &str) -> Result<Box<dyn StoreWriter>, StoreError> {
        let path = self.folder.join(plain(file)?);
        let file = private_file(&path).map_err(|error| self.failed("making", &path, error))?;
        Ok(Box::new(FileWriter::new(path, file)))
    }

    fn still_written(&self) -> Result<(), StoreError> {
        let has_ended = self
            .has_ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if *has_ended {
            return Ok(());
        }
        let path = self.folder.join(SIGN_FILE);
        remove_if_there(&path)
            .and_then(|()| private_file(&path))
            // What is not on the server yet has no time of the server's.
            .and_then(|mut file| {
                file.write_all(b"still written\n")
                    .and_then(|()| file.sync_all())
            })
            .map_err(|error| self.failed("writing", &path, error))
    }

    fn commit(&self, files: &[StoredFile], manifest: &[u8]) -> Result<(), StoreError> {
        self.end();
        let sign = self.folder.join(SIGN_FILE);
        remove_if_there(&sign).map_err(|error| self.failed("deleting", &sign, error))?;
        // Somebody may take it over before each of these: then the next one finds nothing.
        self.is_whole(files)?;
        self.write_manifest(manifest)?;
        self.publish()
    }

    fn discard(&self) -> Result<(), StoreError> {
        self.end();
        let doing = format!("deleting {}", self.folder.display());
        remove_folder(&self.folder).map_err(StoreError::disk(doing))
    }
}

#[cfg(test)]
mod tests;

//! Single objects in a directory: each is written beside its place under a name that begins with a dot, and
//! renamed when it is on disk.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use super::error::StoreError;
use super::objects::{Objects, StoredObject, plain_path};

/// Ending of what is being written.
const NEW: &str = ".new";

/// What nobody has written to for so long was left by a writer that was killed.
const GIVEN_UP: Duration = Duration::from_secs(24 * 3600);

/// The objects of a store in a directory. Folders are 0700, files 0600.
#[derive(Debug, Clone)]
pub(super) struct DirectoryObjects {
    pub(super) root: PathBuf,
}

impl DirectoryObjects {
    fn path(&self, path: &str) -> Result<PathBuf, StoreError> {
        Ok(self.root.join(plain_path(path)?))
    }
}

impl Objects for DirectoryObjects {
    fn list(&self, folder: &str) -> Result<Vec<StoredObject>, StoreError> {
        let top = self.path(folder)?;
        let mut found = Vec::new();
        walk(&top, &mut |path, metadata| {
            let below = path.strip_prefix(&top).ok().and_then(Path::to_str);
            if let Some(below) = below.filter(|it| plain_path(it).is_ok()) {
                let written = metadata.modified()?;
                let written = Timestamp::try_from(written).map_err(io::Error::other)?;
                found.push(StoredObject {
                    path: below.to_owned(),
                    bytes: metadata.len(),
                    written,
                });
            }
            Ok(())
        })
        .map_err(StoreError::disk(format!("reading {}", top.display())))?;
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    fn folders(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let top = self.path(folder)?;
        let read = || -> io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in entries(&top)? {
                let entry = entry?;
                let name = entry.file_name().into_string().ok();
                let name = name.filter(|name| plain_path(name).is_ok());
                if entry.file_type()?.is_dir() {
                    names.extend(name);
                }
            }
            names.sort();
            Ok(names)
        };
        read().map_err(StoreError::disk(format!("reading {}", top.display())))
    }

    fn written(&self, path: &str) -> Result<Option<Timestamp>, StoreError> {
        let path = self.path(path)?;
        let doing = || format!("looking at {}", path.display());
        match fs::metadata(&path).and_then(|found| found.modified()) {
            Ok(time) => Timestamp::try_from(time)
                .map(Some)
                .map_err(|error: jiff::Error| StoreError::Settings(error.to_string())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::disk(doing())(error)),
        }
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + Send>, StoreError> {
        let path = self.path(path)?;
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

    fn put(&self, path: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        let mut writer = self.begin(path)?;
        writer
            .file
            .write_all(&bytes)
            .map_err(StoreError::disk(format!(
                "writing {}",
                writer.path.display()
            )))?;
        writer.finish()
    }

    fn remove(&self, path: &str) -> Result<(), StoreError> {
        let path = self.path(path)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::disk(
                format!("deleting {}", path.display()),
            )(error)),
            _ => Ok(()),
        }
    }

    fn sweep(&self, folder: &str) -> Result<(), StoreError> {
        let top = self.path(folder)?;
        let now = SystemTime::now();
        walk(&top, &mut |path, metadata| {
            let unfinished = path.file_name().and_then(|name| name.to_str());
            let unfinished = unfinished.is_some_and(|it| it.starts_with('.') && it.ends_with(NEW));
            let age = now.duration_since(metadata.modified()?);
            if unfinished && age.is_ok_and(|age| age > GIVEN_UP) {
                return there(fs::remove_file(path)).map(drop);
            }
            Ok(())
        })
        .map_err(StoreError::disk(format!("tidying {}", top.display())))
    }
}

impl DirectoryObjects {
    fn begin(&self, path: &str) -> Result<ObjectFile, StoreError> {
        let path = self.path(path)?;
        let doing = || format!("writing {}", path.display());
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(StoreError::disk(doing())(
                io::ErrorKind::InvalidInput.into(),
            ));
        };
        let temporary = format!(".{}.{:08x}{NEW}", name.display(), rand::random::<u32>());
        let temporary = folder.join(temporary);
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .and_then(|()| {
                OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(&temporary)
            });
        Ok(ObjectFile {
            file: made.map_err(StoreError::disk(doing()))?,
            temporary: Some(temporary),
            path,
        })
    }
}

/// An object that is being written.
struct ObjectFile {
    file: File,
    /// Where it is until it is finished.
    temporary: Option<PathBuf>,
    path: PathBuf,
}

impl ObjectFile {
    /// Gives it its name, when it is on disk.
    fn finish(mut self) -> Result<(), StoreError> {
        let finish = |it: &mut Self| -> io::Result<()> {
            it.file.sync_all()?;
            if let Some(temporary) = &it.temporary {
                fs::rename(temporary, &it.path)?;
            }
            it.temporary = None;
            match it.path.parent() {
                Some(folder) => File::open(folder)?.sync_all(),
                None => Ok(()),
            }
        };
        finish(&mut self).map_err(StoreError::disk(format!("writing {}", self.path.display())))
    }
}

impl Drop for ObjectFile {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            let _ = fs::remove_file(temporary);
        }
    }
}

/// The entries of a folder; none when it is not there.
fn entries(folder: &Path) -> io::Result<impl Iterator<Item = io::Result<fs::DirEntry>>> {
    Ok(there(fs::read_dir(folder))?.into_iter().flatten())
}

/// None for what is not there.
fn there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

/// Shows every file below a folder. One that goes meanwhile is none.
fn walk(
    folder: &Path,
    see: &mut dyn FnMut(&Path, &fs::Metadata) -> io::Result<()>,
) -> io::Result<()> {
    for entry in entries(folder)? {
        let path = entry?.path();
        let Some(metadata) = there(fs::symlink_metadata(&path))? else {
            continue;
        };
        if metadata.is_dir() {
            walk(&path, see)?;
        } else if metadata.is_file() {
            see(&path, &metadata)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects() -> anyhow::Result<(tempfile::TempDir, DirectoryObjects)> {
        let folder = tempfile::tempdir()?;
        let root = folder.path().join("not/yet/there");
        Ok((folder, DirectoryObjects { root }))
    }

    #[test]
    fn what_was_put_is_listed_and_read_and_replaced() -> anyhow::Result<()> {
        let (_folder, objects) = objects()?;
        assert_eq!(objects.list("wal")?, []);
        assert_eq!(objects.folders("wal")?, [""; 0]);
        objects.put("wal/a_b/7/one", b"first".to_vec())?;
        objects.put("wal/a_b/7/one", b"second".to_vec())?;
        objects.put("wal/a_b/7/x/two", b"2".to_vec())?;
        let listed = objects.list("wal/a_b/7")?;
        let seen: Vec<_> = listed
            .iter()
            .map(|it| (it.path.as_str(), it.bytes))
            .collect();
        assert_eq!(seen, [("one", 6), ("x/two", 1)]);
        assert_eq!(objects.folders("wal/a_b")?, ["7"]);
        let mut text = String::new();
        objects.open("wal/a_b/7/one")?.read_to_string(&mut text)?;
        assert_eq!(text, "second");
        objects.remove("wal/a_b/7/one")?;
        objects.remove("wal/a_b/7/one")?;
        assert!(matches!(
            objects.open("wal/a_b/7/one"),
            Err(StoreError::NotFound { .. })
        ));
        Ok(())
    }

    #[test]
    fn half_an_object_is_none_and_is_swept_away_after_a_day() -> anyhow::Result<()> {
        let (_folder, objects) = objects()?;
        let mut writer = objects.begin("wal/one")?;
        writer.file.write_all(b"half")?;
        assert_eq!(objects.list("wal")?, []);
        drop(writer);
        assert_eq!(fs::read_dir(objects.root.join("wal"))?.count(), 0);
        // Whoever was killed removes nothing.
        std::mem::forget(objects.begin("wal/one")?);
        objects.sweep("wal")?;
        let left = fs::read_dir(objects.root.join("wal"))?.next();
        let left = left.expect("it may still be written")?.path();
        File::open(&left)?.set_modified(SystemTime::now() - 2 * GIVEN_UP)?;
        objects.sweep("wal")?;
        assert!(!left.exists());
        Ok(())
    }

    #[test]
    fn no_path_leads_out_of_the_store() -> anyhow::Result<()> {
        let (_folder, objects) = objects()?;
        for path in [
            "",
            "/etc/passwd",
            "../x",
            "wal/../../x",
            "wal//x",
            "wal/.x",
            "wal/x/",
        ] {
            assert!(objects.put(path, Vec::new()).is_err(), "{path}");
            assert!(objects.open(path).is_err(), "{path}");
        }
        Ok(())
    }
}

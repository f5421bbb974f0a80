//! The archive: a .tar.gz that appears whole or not at all, and is nobody else's to read.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::NamedTempFile;

/// An archive that is being written, beside its place.
pub(super) struct Archive {
    builder: tar::Builder<GzEncoder<NamedTempFile>>,
    folder: String,
    modified: u64,
}

impl Archive {
    /// Begins one. What is in it lies in a folder of this name.
    pub(super) fn begin(file: &Path, folder: &str, modified: u64) -> io::Result<Self> {
        let beside = match file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        // Only its owner may read a temporary file.
        let temporary = NamedTempFile::new_in(beside)?;
        Ok(Self {
            builder: tar::Builder::new(GzEncoder::new(temporary, Compression::default())),
            folder: folder.to_owned(),
            modified,
        })
    }

    /// Adds a file.
    pub(super) fn add(&mut self, name: &str, text: &str) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(self.modified);
        let path = format!("{}/{name}", self.folder);
        self.builder.append_data(&mut header, path, text.as_bytes())
    }

    /// Puts it in its place. A file that is there stays.
    pub(super) fn end(self, file: &Path) -> io::Result<()> {
        let mut temporary = self.builder.into_inner()?.finish()?;
        temporary.flush()?;
        temporary.as_file().sync_all()?;
        temporary.persist_noclobber(file).map_err(|it| it.error)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn what_is_put_in_comes_out_and_a_file_that_is_there_stays() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("r.tar.gz");
        let mut archive = Archive::begin(&file, "r", 0)?;
        archive.add("logs/a.log", "one\n")?;
        archive.end(&file)?;
        let bytes = std::fs::read(&file)?;
        let mut unpacked = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
        let mut entry = unpacked.entries()?.next().expect("a file")?;
        assert_eq!(entry.path()?.to_string_lossy(), "r/logs/a.log");
        let mut text = String::new();
        entry.read_to_string(&mut text)?;
        assert_eq!(text, "one\n");
        let again = Archive::begin(&file, "r", 0)?
            .end(&file)
            .expect_err("it is there");
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(
            std::fs::read_dir(folder.path())?.count(),
            1,
            "nothing is left beside it"
        );
        Ok(())
    }
}

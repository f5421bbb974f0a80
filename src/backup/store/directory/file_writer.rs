//! A file of a backup on its way to the disk.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use crate::backup::store::{StoreError, StoreWriter};

/// It is brought to the disk in such steps, in bytes: all of a large one at its end would look as if the disk hung.
const SYNC_EVERY: u64 = 256 << 20;

/// It is written to until it is finished.
pub(super) struct FileWriter {
    path: PathBuf,
    file: File,
    /// Bytes since it was last brought to the disk.
    unsynced: u64,
}

impl FileWriter {
    /// The file at this path, which was just made.
    pub(super) fn new(path: PathBuf, file: File) -> Self {
        Self {
            path,
            file,
            unsynced: 0,
        }
    }
}

impl Write for FileWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.unsynced += written as u64;
        if self.unsynced >= SYNC_EVERY {
            self.file.sync_data()?;
            self.unsynced = 0;
        }
        Ok(written)
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

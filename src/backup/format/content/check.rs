//! Reading an archive to its end.

use std::io::{self, Read};

use super::base_backup::{BaseBackupFacts, check_base_backup};
use super::custom_archive::check_custom_archive;
use super::error::ContentError;
use super::globals::check_globals;

/// What to look for in an archive, uncompressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// SQL of `pg_dumpall --globals-only`.
    Globals,
    /// The custom format of `pg_dump`.
    CustomArchive,
    /// A tar file of `pg_basebackup` of the cluster with this system identifier.
    BaseBackup {
        /// As a decimal.
        system_identifier: String,
    },
}

/// What a check found out on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentFacts {
    /// Bytes before they were compressed.
    pub raw_bytes: u64,
    /// Of a base backup.
    pub base_backup: Option<BaseBackupFacts>,
}

/// Reads an archive, uncompressed, from end to end.
///
/// # Errors
/// [`ContentError`] when it is not a whole one of what was expected.
pub(crate) fn check(expected: &Expected, input: impl Read) -> Result<ContentFacts, ContentError> {
    let mut input = Counted { input, bytes: 0 };
    let base_backup = match expected {
        Expected::Globals => check_globals(&mut input).map(|()| None),
        Expected::CustomArchive => check_custom_archive(&mut input).map(|()| None),
        Expected::BaseBackup { system_identifier } => {
            check_base_backup(&mut input, system_identifier).map(Some)
        }
    }?;
    // Whatever comes after its end still has to decompress.
    io::copy(&mut input, &mut io::sink())?;
    Ok(ContentFacts {
        raw_bytes: input.bytes,
        base_backup,
    })
}

struct Counted<R> {
    input: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.bytes += read as u64;
        Ok(read)
    }
}

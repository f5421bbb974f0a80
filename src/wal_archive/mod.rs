//! The WAL of a cluster in a store, beside its backups: `docs/wal-archive.md`.

mod about;
mod archive;
mod archiver;
mod bases;
mod error;
mod last;
mod place;
mod reading;
mod reading_ahead;
mod records;
#[cfg(test)]
mod tests;
mod verify;
mod writing;

pub use about::About;
pub use archive::WalArchive;
pub use archiver::{
    Archiver, ArchiverError, ArchiverOptions, ExpectedServer, Primaries, Primary, Spool, WalRoute,
};
pub use bases::base_backups;
pub use error::ArchiveError;
pub use last::{LastArchive, last_archive};
pub use place::{ArchivePlace, places};
pub use reading::SegmentReader;
pub use verify::{VerifiedWal, verify};
pub use writing::NewSegment;

//! Whether an archive holds what it should, to its very end: read as a stream, never unpacked.

mod base_backup;
mod check;
mod custom_archive;
mod error;
mod globals;
mod pg_manifest;
mod toc;

pub use base_backup::BaseBackupFacts;
pub(crate) use check::check;
pub use check::{ContentFacts, Expected};
pub(crate) use custom_archive::read_table_of_contents;
pub use error::ContentError;
pub(crate) use toc::TocEntry;

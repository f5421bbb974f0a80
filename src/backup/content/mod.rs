//! Whether an archive holds what it should, to its very end: read as a stream, never unpacked.

mod base_backup;
mod check;
mod custom_archive;
mod globals;
mod pg_manifest;
mod toc;

pub use base_backup::{BaseBackupFacts, check_base_backup};
pub use check::{ContentError, ContentFacts, Expected, check};
pub use custom_archive::check_custom_archive;
pub use globals::check_globals;
pub use toc::{TocEntry, read_table_of_contents};

//! The table of contents of a custom archive: it comes first, so that it can be read without the
//! data.

use std::io::Read;

use super::ContentError;
use super::custom_archive::Archive;

/// An entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TocEntry {
    /// Its number, by which `pg_restore` names it.
    pub id: i64,
    /// What it is: `TABLE`, `ACL`, `DATABASE PROPERTIES`, ...
    pub kind: String,
    /// What it is called.
    pub tag: String,
    /// The statements that make it.
    pub definition: String,
    /// The tablespace that it is in; empty: the default one.
    pub tablespace: String,
    /// Its owner; may be empty.
    pub owner: String,
}

/// Reads the table of contents of an archive of `pg_dump`, and nothing after it.
///
/// # Errors
/// When it is not such an archive, or ends too early.
pub fn read_table_of_contents(input: impl Read) -> Result<Vec<TocEntry>, ContentError> {
    Archive::open(input)?.entries()
}

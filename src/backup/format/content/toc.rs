//! The table of contents of a custom archive: it comes first, so that it can be read without the
//! data.

/// An entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TocEntry {
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

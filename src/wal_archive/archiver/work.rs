//! What archiving is about.

use std::sync::Arc;

use super::primary::Primaries;
use super::spool::Spool;
use super::telling::Telling;
use crate::backup::format::Recipient;
use crate::backup::store::Store;

/// How to archive.
pub struct ArchiverOptions {
    /// Into which store.
    pub store: Arc<dyn Store>,
    /// Where it waits meanwhile.
    pub spool: Spool,
    /// The most bytes that may wait there.
    pub spool_limit: u64,
    /// Whom to encrypt for; none: nobody.
    pub recipients: Vec<Recipient>,
}

/// What everything that archives shares.
pub(super) struct Work<'a> {
    pub(super) options: ArchiverOptions,
    pub(super) primaries: &'a dyn Primaries,
    pub(super) telling: Telling,
}

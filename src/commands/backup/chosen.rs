//! The backups that are meant.

use crate::backup::catalogue::{Catalogue, Entry};
use crate::backup::format::resolve;
use crate::failure::Failure;

/// Those of these names, in full or in part, in the order given.
pub(super) fn named<'a>(
    names: &[String],
    catalogue: &'a Catalogue,
) -> Result<Vec<&'a Entry>, Failure> {
    let mut chosen = Vec::new();
    for given in names {
        let ids = catalogue.entries.iter().map(|entry| entry.id.as_str());
        let id = resolve(given, ids)?;
        chosen.extend(catalogue.entries.iter().filter(|entry| entry.id == id));
    }
    Ok(chosen)
}

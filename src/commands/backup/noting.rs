//! Writes down what `pgctl backup verify` has found.

use std::sync::Arc;

use super::progress::Display;
use crate::backup::catalogue::{record, with_what_came_meanwhile};
use crate::backup::format::Verification;
use crate::backup::store::{Store, StoreError, blocking};

/// Writes down what was found, with what others have found meanwhile. It is worth telling even where that does not work.
///
/// # Errors
/// When the work itself breaks off.
pub(super) async fn note(
    store: &Arc<dyn Store>,
    found: Verification,
    display: &Display,
) -> Result<(), StoreError> {
    let (store, id) = (Arc::clone(store), found.id.clone());
    let noted = blocking(move || {
        let store = store.as_ref();
        let current = with_what_came_meanwhile(store, found);
        Ok(current.and_then(|it| record(store, &it)))
    });
    if let Err(error) = noted.await? {
        display.warning(&format!(
            "{id}: what was found could not be written down: {error}"
        ));
    }
    Ok(())
}

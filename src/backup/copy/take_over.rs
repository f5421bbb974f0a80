//! A backup that was begun in the second store and not finished: somebody is at it, or was killed.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use super::asking::Asking;
use super::error::CopyError;
use crate::backup::StopSignal;
use crate::backup::store::{Store, StoreError, UnfinishedBackup, blocking};
use crate::events::RunEvent;

/// How often whoever writes to a second store shows that. Much more often than for a first one, whose names are
/// never used twice.
const SIGN: Duration = Duration::from_secs(15);

/// How long is watched whether somebody still writes. No clock has a say in it: neither that of the store nor ours.
pub const WATCHED: Duration = Duration::from_secs(60);

/// Shows again and again that it is still being written. One sign that fails says nothing; what came of it is seen
/// at the end.
pub(super) async fn show_life(unfinished: Arc<dyn UnfinishedBackup>) -> Infallible {
    loop {
        tokio::time::sleep(SIGN).await;
        let shown = Arc::clone(&unfinished);
        let _ = blocking(move || shown.still_written()).await;
    }
}

/// Removes it when nothing is written to it for so long. Should somebody write on all the same, he finds it gone, and
/// finishes nothing. False when it is gone, as when it was finished in the meantime.
///
/// # Errors
/// [`CopyError::BeingWritten`]; when the store does not answer.
pub(super) async fn take_over(
    to: &Arc<dyn Store>,
    id: &str,
    watched: Duration,
    stop: &StopSignal,
    asking: &Asking<'_>,
) -> Result<bool, CopyError> {
    (asking.tell)(RunEvent::warning(format!(
        "{id} was begun in the second store and not finished: for {} s it is watched whether somebody writes it",
        watched.as_secs()
    )));
    let last_written = async || {
        let (to, id) = (Arc::clone(to), id.to_owned());
        let asked = asking.ask(move || to.last_written(&id).map_err(CopyError::To));
        asked.await
    };
    let before = last_written().await?;
    let mut stopped = stop.clone();
    tokio::select! {
        () = tokio::time::sleep(watched) => {}
        Ok(_) = stopped.wait_for(|stop| *stop) => return Err(CopyError::Interrupted),
    }
    match last_written().await? {
        // It was finished, or removed.
        None => return Ok(false),
        now if now != before => return Err(CopyError::BeingWritten),
        _ => {}
    }
    let (to, id) = (Arc::clone(to), id.to_owned());
    let removing = asking.ask(move || to.remove_unfinished(&id).map_err(CopyError::To));
    match removing.await {
        // Somebody else was quicker.
        Err(CopyError::To(StoreError::Taken { .. })) => Err(CopyError::BeingWritten),
        removed => removed,
    }
}

//! A backup that was begun in the second store and not finished: somebody is at it, or was killed.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::asking::Asking;
use super::error::CopyError;
use super::places::now_there;
use crate::backup::store::{Store, StoreError, UnfinishedBackup, blocking};

/// How often whoever writes to a second store shows that. More often than for a first one, whose names are never used
/// twice.
const SIGN: Duration = Duration::from_secs(60);

/// After so long without a sign, by the store's own clock, it was given up. Nothing can be on its way for as long as that: a
/// request has 300 s, and is repeated for 30 s.
const GIVEN_UP: Duration = Duration::from_secs(3600);

/// Shows again and again that it is still being written. One sign that fails says nothing; `lost` becomes true when
/// somebody else has removed it.
pub(super) async fn show_life(
    unfinished: Arc<dyn UnfinishedBackup>,
    lost: Arc<AtomicBool>,
) -> Infallible {
    loop {
        tokio::time::sleep(SIGN).await;
        let shown = Arc::clone(&unfinished);
        if let Err(StoreError::Lost { .. }) = blocking(move || shown.still_written()).await {
            lost.store(true, Ordering::Relaxed);
        }
    }
}

/// Removes it when nothing was written to it for an hour. Should somebody write on all the same, he finds it gone, and
/// finishes nothing. False when it is gone, as when it was finished in the meantime.
///
/// # Errors
/// [`CopyError::BeingWritten`]; when the store does not answer.
pub(super) async fn take_over(
    to: &Arc<dyn Store>,
    id: &str,
    asking: &Asking<'_>,
) -> Result<bool, CopyError> {
    match silent_for(to, id, asking).await? {
        // It was finished, or removed.
        None => return Ok(false),
        Some(silent) if silent < GIVEN_UP => return Err(CopyError::BeingWritten(silent)),
        Some(_) => {}
    }
    let (there, name) = (Arc::clone(to), id.to_owned());
    let removing = asking.ask(move || there.remove_unfinished(&name).map_err(CopyError::To));
    match removing.await {
        // Somebody else was quicker.
        Err(CopyError::To(StoreError::Taken { .. })) => Err(being_written(to, id, asking).await?),
        removed => removed,
    }
}

/// That somebody is at it.
///
/// # Errors
/// When the store does not answer.
pub(super) async fn being_written(
    to: &Arc<dyn Store>,
    id: &str,
    asking: &Asking<'_>,
) -> Result<CopyError, CopyError> {
    let silent = silent_for(to, id, asking).await?;
    Ok(CopyError::BeingWritten(silent.unwrap_or_default()))
}

/// How long nothing was written to it, by the store's own clock; none when nothing unfinished is there.
async fn silent_for(
    to: &Arc<dyn Store>,
    id: &str,
    asking: &Asking<'_>,
) -> Result<Option<Duration>, CopyError> {
    let (to, id) = (Arc::clone(to), id.to_owned());
    let looking = asking.ask(move || {
        // In this order: a sign that comes in between is none of long ago.
        let now = now_there(to.as_ref())?;
        let last = to.last_written(&id).map_err(CopyError::To)?;
        // A sign that is later than that is one of now.
        Ok(last.map(|last| Duration::try_from(now.duration_since(last)).unwrap_or_default()))
    });
    looking.await
}

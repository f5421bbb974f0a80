//! `pgctl backup --copy-to`: a backup that is finished is copied. Whatever comes of that, it stays one.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::super::interruption::interruption;
use super::copy::copied;
use super::progress::Display;
use super::second::said;
use crate::backup::catalogue::entry;
use crate::backup::copy::{Copied, CopyError, CopyWork, Proof, Silence, two_places};
use crate::backup::store::{Store, blocking};
use crate::events::RunEvent;
use crate::output::CopyEnd;

/// How long a store may take to remove what was begun: a pod that has to end is killed after a minute, and a Job whose pod
/// was killed would take the backup once more.
const CLEANING_UP: Duration = Duration::from_secs(30);

/// Copies the backup of this name from the first store to the second.
pub(super) async fn copied_to(
    first: &Arc<dyn Store>,
    second: &Arc<dyn Store>,
    id: &str,
    stop: &watch::Sender<bool>,
    display: &Display,
) -> CopyEnd {
    let work = CopyWork {
        from: Arc::clone(first),
        to: Arc::clone(second),
        silence: Silence::default(),
        stop: stop.subscribe(),
    };
    let problem = tokio::select! {
        result = copy_of(&work, id, display) => result.err().map(|error| said(&error)),
        () = has_to_end(stop) => {
            Some("interrupted before that had ended: it may be finished there or not".to_owned())
        }
    };
    CopyEnd {
        store: second.location(),
        problem,
    }
}

async fn copy_of(work: &CopyWork, id: &str, display: &Display) -> Result<Copied, CopyError> {
    if *work.stop.borrow() {
        return Err(CopyError::Interrupted);
    }
    let tell = |event: RunEvent| display.event(&event);
    two_places(&work.from, &work.to, Proof::Writing, work.silence, &tell).await?;
    let (from, id) = (Arc::clone(&work.from), id.to_owned());
    let limit = work.silence.given_up_after;
    let reading = blocking(move || entry(from.as_ref(), &id));
    let read = tokio::time::timeout(limit, reading).await;
    let entry = read
        .map_err(|_| CopyError::Silent(limit))?
        .map_err(CopyError::From)?;
    copied(work, &entry, display).await
}

/// Resolves at the second request to end, or when the first one was long ago. At that one it is to stop, and to remove what
/// it has begun.
async fn has_to_end(stop: &watch::Sender<bool>) {
    if !*stop.borrow() {
        interruption().await;
        stop.send_replace(true);
    }
    tokio::select! {
        () = interruption() => {}
        () = tokio::time::sleep(CLEANING_UP) => {}
    }
}

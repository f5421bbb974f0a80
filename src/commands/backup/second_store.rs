//! `pgctl backup verify --compare`: the copies in a second store. What was found of the first is told whatever becomes of
//! these.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::noting::note;
use super::progress::Display;
use super::second::{self, not_two_places, said};
use crate::backup::StopSignal;
use crate::backup::catalogue::Entry;
use crate::backup::copy::{Comparison, CopyError, CopyState, Proof, Silence, compare, two_places};
use crate::backup::store::{Store, StoreError};
use crate::events::RunEvent;
use crate::failure::Failure;

/// A second store, and how the copies in it compare.
pub(super) struct SecondStore {
    store: Arc<dyn Store>,
    /// Why it is asked nothing more.
    silent: Option<String>,
    /// In the order asked.
    pub(super) compared: Vec<Comparison>,
}

impl SecondStore {
    /// The one that the text of `--compare` names.
    pub(super) async fn open(
        text: &str,
        first: &Arc<dyn Store>,
        display: &Display,
    ) -> Result<Self, Failure> {
        let store = second::open("--compare", text, first)?;
        let tell = |event: RunEvent| display.event(&event);
        let two = two_places(first, &store, Proof::Looking, Silence::default(), &tell).await;
        let silent = match two {
            Ok(()) => None,
            // The first can be verified all the same.
            Err(error @ (CopyError::To(_) | CopyError::Silent(_))) => Some(said(&error)),
            Err(error) => return Err(not_two_places("--compare", error)),
        };
        Ok(Self {
            store,
            silent,
            compared: Vec::new(),
        })
    }

    pub(super) fn location(&self) -> String {
        self.store.location()
    }

    /// Reads the copy of a backup from end to end; false when somebody wanted it to stop.
    pub(super) async fn compares(
        &mut self,
        entry: &Entry,
        stopped: &StopSignal,
        display: &Display,
    ) -> Result<bool, Failure> {
        let unknown = |why: &str| Comparison {
            id: entry.id.clone(),
            state: CopyState::Unknown(why.to_owned()),
        };
        if let Some(why) = &self.silent {
            self.compared.push(unknown(why));
            return Ok(true);
        }
        let mut stopped = stopped.clone();
        let seen = Arc::new(AtomicU64::new(0));
        let total = entry.manifest.as_ref().map_or(0, |it| it.stored_bytes());
        let share = async || RunEvent::ReadProgress {
            backup: entry.id.clone(),
            bytes: seen.load(Ordering::Relaxed),
            of_bytes: total,
        };
        let tell = |event: RunEvent| display.event(&event);
        let found = tokio::select! {
            found = compare(&self.store, entry, &seen, Silence::default(), &tell) => found,
            Ok(_) = stopped.wait_for(|stop| *stop) => return Ok(false),
            () = display.repeat(share) => unreachable!("it shows until it is dropped"),
        };
        match found {
            Ok((comparison, found)) => {
                self.compared.push(comparison);
                if let Some(found) = found {
                    let limit = Silence::default().given_up_after;
                    let noting = note(&self.store, found, display);
                    match tokio::time::timeout(limit, noting).await {
                        Ok(noted) => noted?,
                        Err(_) => {
                            let why = CopyError::Silent(limit).to_string();
                            display.warning(&format!(
                                "{}: what was found could not be written down: {why}",
                                entry.id
                            ));
                            self.silent = Some(why);
                        }
                    }
                }
            }
            // As by a prune beside this: another may be there.
            Err(CopyError::To(error @ StoreError::NotFound { .. })) => {
                self.compared.push(unknown(&error.to_string()));
            }
            Err(error) => {
                let why = said(&error);
                self.compared.push(unknown(&why));
                self.silent = Some(why);
            }
        }
        Ok(true)
    }
}

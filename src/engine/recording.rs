//! What an operation tells: one event after the other, to whoever listens and to the journal, which is
//! stored under the lock.

use std::time::{Duration, Instant};

use super::attempts::{FIRST_PAUSE, LONGEST_PAUSE};
use super::{Ending, ErrorKind, Executor, Known, World, WorldError};
use crate::events::RunEvent;
use crate::plan::OperationFinding;

/// How long the journal is tried to be stored.
const STORE_LIMIT: Duration = Duration::from_secs(30);

impl<W: World> Executor<'_, W> {
    pub(super) fn known(&self) -> Known {
        Known::of(&self.journal.plan, &self.journal.entries)
    }

    /// Tells an event.
    pub(super) fn say(&self, event: &RunEvent) {
        self.reporter.report(&self.journal.plan, event);
    }

    /// Tells and keeps what was learnt, unless it was known.
    pub(super) fn learn(&mut self, findings: Vec<OperationFinding>) {
        for finding in findings {
            let event = RunEvent::Found { finding };
            let entries = &self.journal.entries;
            let kept = event.journaled();
            if !entries.iter().any(|it| Some(&it.event) == kept.as_ref()) {
                // What can't be kept is not relied on.
                let _ = self.note(&event);
            }
        }
    }

    /// Whether something did not work while the lock could not be renewed: the API was away.
    pub(super) fn is_away(&self, error: &WorldError) -> bool {
        error.kind != ErrorKind::LostLock && !self.world.is_ours()
    }

    /// Goes on only while the lock is ours. That it has expired, because the API was away, is not that
    /// somebody else has it: it is renewed, and the journal stored once more, before anything is done.
    pub(super) async fn hold_lock(&mut self) -> Result<(), WorldError> {
        if self.world.is_ours() {
            return Ok(());
        }
        self.world.regain().await?;
        self.unstored = true;
        self.store().await
    }

    /// Has the journal read an event; what it keeps of it is stored with the next that has to be.
    pub(super) fn keep(&mut self, event: &RunEvent) -> Result<(), Ending> {
        self.unstored = true;
        self.journal
            .add(event)
            .map_err(|error| Ending::incomplete(None, error.to_string()))
    }

    /// Has the journal read an event, and tells it.
    pub(super) fn note(&mut self, event: &RunEvent) -> Result<(), Ending> {
        self.keep(event)?;
        self.say(event);
        Ok(())
    }

    /// Tells an event when it is stored, and not before.
    pub(super) async fn enter(&mut self, event: &RunEvent) -> Result<(), Ending> {
        self.keep(event)?;
        self.store()
            .await
            .map_err(|error| Ending::incomplete(None, error.reason))?;
        self.say(event);
        Ok(())
    }

    /// Stores what was added, as long as nobody else has written to the journal.
    pub(super) async fn store(&mut self) -> Result<(), WorldError> {
        let mut deadline = Instant::now() + STORE_LIMIT;
        let mut pause = FIRST_PAUSE;
        while self.unstored {
            if !self.world.is_ours() {
                self.world.regain().await?;
                deadline = Instant::now() + STORE_LIMIT;
            }
            match self.world.store(&self.journal).await {
                Ok(()) => self.unstored = false,
                // Looked at anew when the lock is ours again.
                Err(error) if self.is_away(&error) => {}
                Err(error) if error.kind == ErrorKind::Transient && Instant::now() < deadline => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

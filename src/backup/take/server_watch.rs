//! The connection beside a transfer. It keeps the WAL of a base backup, knows how far the server has
//! come, and notices when the server is not the one that it was.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use super::error::TakeError;
use super::request::SourcePod;
use super::transfer::TransferProgress;
use crate::cluster::{Lsn, words};
use crate::events::RunEvent;
use crate::postgres::{LockWait, ServerStart, Session, SqlError};

/// Between two looks whether the connection is still there.
const LOOKS: Duration = Duration::from_secs(1);

/// Between two questions on it: a connection that says nothing for minutes is cut by what lies
/// between, and with it goes the slot that keeps a base backup's WAL.
const TALKING: Duration = Duration::from_secs(20);

/// Between two looks whether the tool waits for a lock, while nothing comes.
const LOCK_LOOKS: Duration = Duration::from_secs(5);

/// When neither bytes nor answers have come for so long, the source counts as lost. A dump alone may
/// be silent for longer: it waits for locks, and it sorts.
const SILENCE: Duration = Duration::from_secs(600);

/// How long another connection is tried for at the end, when everything else is here.
const LAST_TRIES: Duration = Duration::from_secs(60);

/// A base backup is read so far before it is estimated how much WAL will be written meanwhile.
const ESTIMATE_AFTER: Duration = Duration::from_secs(60);

/// A slot that keeps the WAL of a base backup.
struct Slot {
    name: String,
    /// From here on.
    from: Lsn,
    /// Said already: it is likely to be given up.
    warned: bool,
}

/// The connection beside a transfer, and what is known from it.
pub(super) struct ServerWatch<'a> {
    source: &'a SourcePod,
    /// What took the place of the first connection.
    again: Option<Session>,
    /// As it was when the backup began.
    start: ServerStart,
    /// For the parts of a backup that several connections make.
    one_start: bool,
    slot: Option<Slot>,
    position: Lsn,
    tell: &'a (dyn Fn(RunEvent) + Sync),
}

impl<'a> ServerWatch<'a> {
    /// Begins it. With a name for a slot, that keeps WAL from now on; `one_start` when what is received
    /// must all come from the server as it is now.
    pub(super) async fn begin(
        source: &'a SourcePod,
        slot: Option<&str>,
        one_start: bool,
        tell: &'a (dyn Fn(RunEvent) + Sync),
    ) -> Result<Self, TakeError> {
        let mut watch = Self {
            source,
            again: None,
            start: source.session.server_start().await?,
            one_start,
            slot: None,
            position: Lsn::new(0),
            tell,
        };
        if let Some(name) = slot {
            match source.session.keep_wal(name).await {
                Ok(from) => {
                    watch.slot = Some(Slot {
                        name: name.to_owned(),
                        from,
                        warned: false,
                    });
                }
                Err(error) => tell(RunEvent::warning(format!(
                    "no slot keeps the WAL for this backup ({error}); on a busy server it may fail because WAL is gone"
                ))),
            }
        }
        Ok(watch)
    }

    fn session(&self) -> &Session {
        self.again.as_ref().unwrap_or(&self.source.session)
    }

    /// Keeps it until something shows that nothing can come of the backup any more. `application` is
    /// the name of the backup's own sessions.
    pub(super) async fn keep(
        &mut self,
        application: &str,
        progress: &TransferProgress,
    ) -> Result<Infallible, TakeError> {
        let began = Instant::now();
        let mut silence = Silence::default();
        let (mut talked, mut was_closed) = (Instant::now(), false);
        let mut locks = Locks::new(began);
        loop {
            tokio::time::sleep(LOOKS).await;
            self.look_for_locks(application, progress, &mut locks).await;
            let closed = self.session().is_closed();
            let lost_just_now = closed && !was_closed;
            was_closed = closed;
            if talked.elapsed() < TALKING && !lost_just_now {
                continue;
            }
            talked = Instant::now();
            if closed {
                self.open_again().await?;
            }
            let answer = self.session().wal_position().await;
            if silence.lasts(Instant::now(), progress.received(), answer.is_ok()) {
                return Err(TakeError::Silent(SILENCE));
            }
            if let Ok((_, now)) = answer {
                self.position = now;
                self.look_at_slot(application, began.elapsed()).await?;
            }
        }
    }

    /// Says for which lock the tool waits, and who has it, when nothing has come for a while.
    async fn look_for_locks(
        &self,
        application: &str,
        progress: &TransferProgress,
        locks: &mut Locks,
    ) {
        let received = progress.received();
        if received != locks.received {
            (locks.received, locks.since) = (received, Instant::now());
        }
        if locks.since.elapsed() < LOCK_LOOKS || self.session().is_closed() {
            return;
        }
        locks.since = Instant::now();
        // An answer that does not come says nothing.
        let waits = self.session().lock_waits(application).await;
        for wait in waits.unwrap_or_default() {
            let told = (wait.statement.clone(), wait.blockers.len());
            if locks.told.as_ref() != Some(&told) {
                (self.tell)(RunEvent::warning(waits_for(&wait)));
                locks.told = Some(told);
            }
        }
    }

    /// Opens another connection where that is possible, and asks what has become of the server.
    async fn open_again(&mut self) -> Result<(), TakeError> {
        let Some(reconnect) = &self.source.reconnect else {
            return Ok(());
        };
        let Ok(session) = reconnect().await else {
            return Ok(());
        };
        let Ok(start) = session.server_start().await else {
            return Ok(());
        };
        if self.one_start && start != self.start {
            return Err(TakeError::ServerRestarted);
        }
        let written = session.wal_position().await;
        let limit = session.slot_limit().await;
        if let (Some(slot), Ok((_, now)), Ok(Some(limit))) = (&self.slot, written, limit)
            && now.bytes().saturating_sub(slot.from.bytes()) >= limit
        {
            // What ended the connection is the server, which gave up the slot.
            return Err(TakeError::SlotGivenUp(limit));
        }
        if let Some(slot) = &self.slot {
            let kept = session.keep_wal(&slot.name).await;
            let what = match kept {
                Ok(_) => "another one keeps it from now on".to_owned(),
                Err(error) => format!("and no other one does ({error})"),
            };
            (self.tell)(RunEvent::warning(format!(
                "the connection that kept the WAL for this backup was lost; {what}: if the server removes what lies before, the backup fails at its end"
            )));
        }
        self.again = Some(session);
        Ok(())
    }

    async fn look_at_slot(&mut self, application: &str, lasted: Duration) -> Result<(), TakeError> {
        let Some(slot) = &self.slot else {
            return Ok(());
        };
        // An answer that does not come says nothing.
        let Ok(Some(limit)) = self.session().slot_limit().await else {
            return Ok(());
        };
        if let Ok(false) = self.session().slot_holds(&slot.name).await {
            return Err(TakeError::SlotGivenUp(limit));
        }
        let written = self.position.bytes().saturating_sub(slot.from.bytes());
        if slot.warned || lasted < ESTIMATE_AFTER {
            return Ok(());
        }
        let read = self.session().base_backup_progress(application).await;
        if let Ok(Some((sent, Some(total)))) = read
            && let Some(expected) = expected(written, sent, total)
            && expected > limit
        {
            (self.tell)(RunEvent::warning(format!(
                "about {} of WAL will have been written when this backup ends, and the server keeps {} (max_slot_wal_keep_size): it is likely to stop the backup before; raise the setting, or take the backup when less is written",
                words::bytes(expected),
                words::bytes(limit)
            )));
            if let Some(slot) = &mut self.slot {
                slot.warned = true;
            }
        }
        Ok(())
    }

    /// The position at the end, when everything is here. The server must still be the one that it
    /// was where several connections made the backup.
    pub(super) async fn end(mut self) -> Result<Lsn, TakeError> {
        let began = Instant::now();
        loop {
            let error = match self.session().wal_position().await {
                Ok((_, end)) => return Ok(end),
                Err(error) => error,
            };
            let hopeless = self.source.reconnect.is_none() || began.elapsed() > LAST_TRIES;
            if hopeless {
                return self.without_end(error);
            }
            if self.session().is_closed() {
                self.again = None;
                self.open_again().await?;
            }
            tokio::time::sleep(LOOKS).await;
        }
    }

    fn without_end(&self, error: SqlError) -> Result<Lsn, TakeError> {
        if self.one_start && self.source.reconnect.is_some() {
            return Err(error.into());
        }
        // Everything is here and compared: a lost connection must not throw it away.
        (self.tell)(RunEvent::warning(format!(
            "the manifest's last position in the WAL is one before the end: {error}"
        )));
        Ok(self.position)
    }
}

/// How much WAL will have been written when all of it is read, by what was so far; none when too
/// little was.
fn expected(written: u64, read: u64, total: u64) -> Option<u64> {
    let share = read as f64 / total.max(1) as f64;
    (share >= 0.01).then(|| (written as f64 / share.min(1.0)) as u64)
}

/// What a tool waits for, and whom it waits for, in words.
fn waits_for(wait: &LockWait) -> String {
    let database = wait.database.as_deref().unwrap_or_default();
    let relation = wait
        .relation
        .map(|oid| format!(" (relation {oid})"))
        .unwrap_or_default();
    let blockers = match wait.blockers.as_slice() {
        [] => "who has it can't be seen".to_owned(),
        some => format!("held by {}", some.join("; and ")),
    };
    format!(
        "the dump of {database} has waited {} s for a lock: {}{relation}; {blockers}",
        wait.seconds, wait.statement
    )
}

/// What was seen and said of locks.
struct Locks {
    received: u64,
    since: Instant,
    told: Option<(String, usize)>,
}

impl Locks {
    fn new(now: Instant) -> Self {
        Self {
            received: 0,
            since: now,
            told: None,
        }
    }
}

/// How long nothing has been heard of the source.
#[derive(Debug, Default)]
struct Silence {
    received: u64,
    since: Option<Instant>,
}

impl Silence {
    /// Whether it has lasted too long.
    fn lasts(&mut self, now: Instant, received: u64, answered: bool) -> bool {
        if answered || received != self.received {
            self.received = received;
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(now);
        now.duration_since(since) >= SILENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_silence_on_both_connections_is_the_end() {
        let began = Instant::now();
        let after = |seconds| began + Duration::from_secs(seconds);
        let mut silence = Silence::default();
        assert!(!silence.lasts(after(0), 10, false));
        // Bytes come, and nobody answers: as when the connection beside it was cut.
        assert!(!silence.lasts(after(900), 20, false));
        // Nothing comes, and the database answers: as when a dump waits for a lock.
        assert!(!silence.lasts(after(1800), 20, true));
        assert!(!silence.lasts(after(1820), 20, false));
        assert!(!silence.lasts(after(2400), 20, false));
        assert!(silence.lasts(after(2420), 20, false));
    }

    #[test]
    fn the_wal_of_the_whole_backup_is_estimated_from_a_part_of_it() {
        assert_eq!(expected(1_000, 10, 100), Some(10_000));
        assert_eq!(expected(1_000, 200, 100), Some(1_000));
        assert_eq!(expected(1_000, 0, 100), None);
        assert_eq!(expected(1_000, 0, 0), None);
    }
}

//! Streaming from one primary, for as long as it is one.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::time::sleep;

use super::super::about::About;
use super::super::archive::WalArchive;
use super::super::error::ArchiveError;
use super::super::place::ArchivePlace;
use super::error::ArchiverError;
use super::primary::Primary;
use super::program;
use super::receiver::Receiver;
use super::upload::{Stored, Uploader, work};
use super::uploading::Uploading;
use super::work::Work;
use crate::backup::StopSignal;
use crate::backup::store::StoreError;
use crate::cluster::{Lsn, Timeline, names, words};
use crate::events::{WalEvent, WalWait};
use crate::postgres::{SqlError, WalServer, WalWritten};
use crate::wal::{
    GapReason, Resume, SegmentSize, ServerWal, TimelineHistory, WalArchiveFacts, WalGap,
};

/// Between two questions to the server.
const LOOKS: Duration = Duration::from_secs(1);

/// Between two looks which pod is the primary.
const POD: Duration = Duration::from_secs(15);

/// A stream in which nothing comes for so long, while the server has more, is given up; and so is a server that
/// does not answer for so long.
const SILENCE: Duration = Duration::from_secs(45);

/// How often a slot that is in use is looked at again before it counts as somebody else's.
const TRIES: u32 = 10;

/// How it ended.
pub(super) enum Ended {
    /// Somebody wanted it to stop.
    Stopped,
    /// Nothing was streamed.
    BeforeStreaming,
    /// Something was.
    AfterStreaming,
}

/// Why nothing is streamed.
enum Obstacle {
    /// It may pass.
    Wait(WalWait, String),
    /// A person has to mend it.
    End(ArchiverError),
}

impl From<ArchiverError> for Obstacle {
    fn from(error: ArchiverError) -> Self {
        Self::End(error)
    }
}

impl From<SqlError> for Obstacle {
    fn from(error: SqlError) -> Self {
        Self::Wait(WalWait::Primary, error.to_string())
    }
}

/// Streams from whichever pod is the primary.
pub(super) struct Streaming<'a> {
    with: &'a Work<'a>,
    pub(super) uploading: Option<Uploading>,
    /// Whether the store has ever answered.
    store_known: bool,
}

/// A primary that is ready to be streamed from.
struct Ready {
    primary: Primary,
    written: WalWritten,
    receiver: Receiver,
}

impl<'a> Streaming<'a> {
    pub(super) fn new(with: &'a Work<'a>) -> Self {
        Self {
            with,
            uploading: None,
            store_known: false,
        }
    }

    /// Finds the primary and streams from it for as long as that goes.
    ///
    /// # Errors
    /// What a person has to mend.
    pub(super) async fn follow(&mut self, stop: &mut StopSignal) -> Result<Ended, ArchiverError> {
        let mut stopped = stop.clone();
        let ready = tokio::select! {
            ready = self.prepare() => ready,
            _ = stopped.wait_for(|stop| *stop) => return Ok(Ended::Stopped),
        };
        let telling = &self.with.telling;
        let mut ready = match ready {
            Ok(ready) => ready,
            Err(Obstacle::End(error)) => return Err(error),
            Err(Obstacle::Wait(what, reason)) => {
                telling.waiting(what, reason);
                return Ok(Ended::BeforeStreaming);
            }
        };
        for what in [WalWait::Primary, WalWait::Slot] {
            telling.back(what);
        }
        let Some(uploading) = &self.uploading else {
            return Ok(Ended::BeforeStreaming);
        };
        let uploader = Arc::clone(&uploading.uploader);
        let ended = tokio::select! {
            reason = ready.receiver.ended() => Some((WalWait::Stream, reason)),
            (what, reason) = self.watch(&mut ready.primary, ready.written, &uploader) => Some((what, reason)),
            _ = stop.wait_for(|stop| *stop) => None,
        };
        ready.receiver.stop().await;
        match ended {
            None => Ok(Ended::Stopped),
            Some((what, reason)) => {
                telling.waiting(what, reason);
                if what == WalWait::Spool {
                    self.make_room(&uploader, stop).await;
                }
                Ok(Ended::AfterStreaming)
            }
        }
    }

    async fn prepare(&mut self) -> Result<Ready, Obstacle> {
        let found = self.with.primaries.connect().await;
        let primary = found.map_err(|reason| Obstacle::Wait(WalWait::Primary, reason))?;
        let server = primary.session.wal_server(names::WAL_SLOT).await?;
        let written = writes(&primary, &server)?;
        program::suffices(server.version).await?;
        let size = SegmentSize::new(server.segment_bytes).ok_or_else(|| {
            let reason = format!("segments of {} bytes", server.segment_bytes);
            Obstacle::Wait(WalWait::Primary, reason)
        })?;
        let facts = self.open(&primary, &server, size).await?;
        let had_slot = server.slot.as_ref().is_some_and(|slot| !slot.lost);
        self.slot(&primary, server).await?;
        let server = primary.session.wal_server(names::WAL_SLOT).await?;
        let written = writes(&primary, &server).unwrap_or(written);
        let history = primary.session.wal_history().await?;
        let history = history.unwrap_or_default();
        let server_wal = ServerWal {
            history: TimelineHistory::parse(written.timeline, &history)
                .map_err(|error| Obstacle::Wait(WalWait::Primary, error.to_string()))?,
            flushed: written.flushed,
            files: primary.session.wal_files().await?,
            slot: server.slot.as_ref().and_then(|slot| slot.restart),
        };
        let Some(uploading) = &self.uploading else {
            let reason = "nothing is open".to_owned();
            return Err(Obstacle::Wait(WalWait::Store, reason));
        };
        let uploader = Arc::clone(&uploading.uploader);
        let ends = self.ends(&uploader).await?;
        let resume = Resume::decide(&ends, &server_wal, size);
        self.record_gaps(&uploader, &facts, &resume, &server_wal, had_slot)
            .await?;
        let folder = uploader.folder.clone();
        folder
            .begin_with(resume.segment)
            .map_err(|source| self.spool_error(source))?;
        let child = program::start(&primary.route, &self.with.options.spool, &folder)
            .map_err(|error| ArchiverError::NoProgram(error.to_string()))?;
        self.with.telling.tell(WalEvent::Streaming {
            pod: primary.pod.clone(),
            timeline: written.timeline,
            segment: resume.segment,
        });
        if let Ok(mut timeline) = uploader.timeline.lock() {
            *timeline = Some(written.timeline);
        }
        Ok(Ready {
            primary,
            written,
            receiver: Receiver::new(child),
        })
    }

    /// Opens the archive of this server, and begins to store what waits for it in the spool.
    async fn open(
        &mut self,
        primary: &Primary,
        server: &WalServer,
        size: SegmentSize,
    ) -> Result<WalArchiveFacts, Obstacle> {
        let options = &self.with.options;
        let place = ArchivePlace::of(&primary.cluster, &server.system_identifier);
        let archive = WalArchive::new(&options.store, place);
        let about = About {
            api_version: About::API_VERSION.to_owned(),
            kind: About::KIND.to_owned(),
            cluster: primary.cluster.clone(),
            system_identifier: server.system_identifier.clone(),
            segment_bytes: size,
            server_version: server.version,
            begun: Timestamp::now(),
        };
        let opened = archive.clone();
        let facts = work(move || {
            opened.begin(&about)?;
            opened.sweep()?;
            let facts = opened.list()?.unwrap_or(WalArchiveFacts::empty(size));
            opened.remove_superseded(&facts)?;
            Ok(facts)
        })
        .await;
        let facts = facts.map_err(|error| self.store_obstacle(error))?;
        self.store_known = true;
        let place = archive.place();
        let folder = options
            .spool
            .folder(&place.cluster, &place.system_identifier)
            .map_err(|source| self.spool_error(source))?;
        self.uploading = Some(Uploading::begin(Uploader {
            stored: Mutex::new(Stored::of(&facts)),
            archive,
            folder,
            size,
            system: server.system_identifier.parse().ok(),
            recipients: options.recipients.clone(),
            telling: self.with.telling.clone(),
            marks: Mutex::default(),
            timeline: Mutex::default(),
        }));
        Ok(facts)
    }

    /// Sees to the slot: it is there, it holds WAL, and nobody else streams through it.
    async fn slot(&mut self, primary: &Primary, mut server: WalServer) -> Result<(), Obstacle> {
        let (session, pod) = (&primary.session, &primary.pod);
        for _ in 0..TRIES {
            if server.slot.as_ref().is_none_or(|slot| slot.user.is_none()) {
                break;
            }
            // Most likely our own stream, of which the server has not noticed the end.
            sleep(LOOKS / 2).await;
            server = session.wal_server(names::WAL_SLOT).await?;
        }
        if let Some(slot) = &server.slot {
            if !slot.physical {
                return Err(Obstacle::End(ArchiverError::LogicalSlot {
                    pod: pod.clone(),
                    slot: names::WAL_SLOT,
                }));
            }
            if slot.user.is_some() {
                let client = slot.client.as_deref().unwrap_or("an unknown address");
                let reason = format!(
                    "somebody else streams through {} of {pod}, from {client}",
                    names::WAL_SLOT
                );
                return Err(Obstacle::Wait(WalWait::Slot, reason));
            }
            if slot.lost {
                session.drop_slots([names::WAL_SLOT]).await?;
            }
        }
        session.create_slots([names::WAL_SLOT]).await?;
        Ok(())
    }

    /// The ends of what is stored, and of what waits to be.
    async fn ends(&self, uploader: &Arc<Uploader>) -> Result<Vec<(Timeline, Lsn)>, Obstacle> {
        let asked = Arc::clone(uploader);
        let spooled = tokio::task::spawn_blocking(move || asked.spooled_ends()).await;
        let spooled =
            spooled.map_err(|error| self.spool_error(std::io::Error::other(error.to_string())))?;
        let mut ends = spooled.map_err(|source| self.spool_error(source))?;
        ends.extend(uploader.stored().ends());
        Ok(ends)
    }

    /// Records what is missing, before anything after it is stored.
    async fn record_gaps(
        &self,
        uploader: &Arc<Uploader>,
        facts: &WalArchiveFacts,
        resume: &Resume,
        server: &ServerWal,
        had_slot: bool,
    ) -> Result<(), Obstacle> {
        let newest = facts.newest_timeline();
        let reason = match had_slot {
            true => GapReason::SpoolLost,
            false if newest.is_some_and(|it| it < server.history.timeline) => {
                GapReason::NoSlotAfterFailover
            }
            false => GapReason::RemovedByServer,
        };
        for (timeline, from, to) in &resume.missing {
            let gap = WalGap {
                timeline: *timeline,
                from: *from,
                to: *to,
                reason,
                detail: format!("the server goes on with {}", resume.segment),
                found: Timestamp::now(),
            };
            let known = |it: &WalGap| (it.timeline, it.from, it.to) == (*timeline, *from, *to);
            if facts.gaps.iter().any(known) {
                continue;
            }
            let (archive, put) = (uploader.archive.clone(), gap.clone());
            work(move || archive.put_gap(&put))
                .await
                .map_err(|error| self.store_obstacle(error))?;
            self.with.telling.tell(WalEvent::Gap { gap });
        }
        Ok(())
    }

    /// Watches over a stream; why it is to end.
    async fn watch(
        &self,
        primary: &mut Primary,
        begun: WalWritten,
        uploader: &Arc<Uploader>,
    ) -> (WalWait, String) {
        let limit = self.with.options.spool_limit;
        let pod = primary.pod.clone();
        let (mut answered, mut asked_pod) = (Instant::now(), Instant::now());
        let (mut moved, mut position) = (Instant::now(), None);
        loop {
            sleep(LOOKS).await;
            match uploader.folder.bytes(uploader.size) {
                Ok(bytes) if bytes > limit => {
                    let reason = format!(
                        "{} wait in the spool: the slot {} holds the rest on {pod}",
                        words::bytes(bytes),
                        names::WAL_SLOT
                    );
                    return (WalWait::Spool, reason);
                }
                Ok(_) => self.with.telling.back(WalWait::Spool),
                Err(error) => return (WalWait::Spool, error.to_string()),
            }
            match primary.session.wal_server(names::WAL_SLOT).await {
                Ok(server) => {
                    answered = Instant::now();
                    let Some(written) = server.writes else {
                        return (WalWait::Primary, format!("{pod} is a standby now"));
                    };
                    if written.timeline != begun.timeline {
                        let reason = format!("{pod} has gone on to timeline {}", written.timeline);
                        return (WalWait::Stream, reason);
                    }
                    if let Ok(mut marks) = uploader.marks.lock() {
                        marks.add(written);
                    }
                    let sent = server.slot.as_ref().and_then(|slot| slot.restart);
                    if sent != position || sent >= Some(written.flushed) {
                        (moved, position) = (Instant::now(), sent);
                        self.with.telling.back(WalWait::Stream);
                    }
                    if moved.elapsed() > SILENCE {
                        let reason = format!("nothing has come from {pod} for a while");
                        return (WalWait::Stream, reason);
                    }
                }
                Err(error) => {
                    if answered.elapsed() > SILENCE {
                        return (WalWait::Primary, format!("{pod}: {error}"));
                    }
                    // The way to ask may be cut, and the stream not.
                    if let Ok(again) = self.with.primaries.connect().await {
                        if again.pod != pod {
                            return (WalWait::Stream, format!("the primary is {} now", again.pod));
                        }
                        primary.session = again.session;
                    }
                }
            }
            if asked_pod.elapsed() > POD {
                asked_pod = Instant::now();
                match self.with.primaries.pod().await {
                    Some(now) if now != pod => {
                        return (WalWait::Stream, format!("the primary is {now} now"));
                    }
                    _ => {}
                }
            }
        }
    }

    /// Waits until half of what may wait in the spool is stored.
    async fn make_room(&self, uploader: &Arc<Uploader>, stop: &mut StopSignal) {
        let limit = self.with.options.spool_limit / 2;
        loop {
            match uploader.folder.bytes(uploader.size) {
                Ok(bytes) if bytes > limit => {}
                _ => return,
            }
            tokio::select! {
                () = sleep(LOOKS) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    fn spool_error(&self, source: std::io::Error) -> ArchiverError {
        ArchiverError::Spool {
            folder: self.with.options.spool.path().to_owned(),
            source,
        }
    }

    /// What the store says at first may be a mistake in how it was named; later it passes.
    fn store_obstacle(&self, error: ArchiveError) -> Obstacle {
        let passes = match &error {
            ArchiveError::Store(StoreError::Remote { .. }) => true,
            ArchiveError::OtherSize { .. } => false,
            ArchiveError::Store(_)
            | ArchiveError::Broken { .. }
            | ArchiveError::NoKey { .. }
            | ArchiveError::WrongKey { .. } => self.store_known,
        };
        match passes {
            true => Obstacle::Wait(WalWait::Store, error.to_string()),
            false => Obstacle::End(error.into()),
        }
    }
}

fn writes(primary: &Primary, server: &WalServer) -> Result<WalWritten, Obstacle> {
    server.writes.ok_or_else(|| {
        let reason = format!("{} is a standby", primary.pod);
        Obstacle::Wait(WalWait::Primary, reason)
    })
}

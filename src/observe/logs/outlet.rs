//! Where a reader puts what it reads: a queue that holds so many bytes, however small the entries.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::kubernetes::KubeError;
use crate::log::LogEntry;
use crate::observe::open::OpenError;

/// The most that waits in one queue, in bytes.
const ROOM: u32 = 512 * 1024;
/// What an entry takes besides its text.
const OVERHEAD: u32 = 256;
/// No entry takes more room than this.
const MOST: u32 = 128 * 1024;

/// What is to be known of a log, beside its entries.
#[derive(Debug)]
pub enum LogNews {
    /// It can't be read, and will not be.
    Unreadable(KubeError),
    /// It can't be read now; it is tried again.
    NotNow(KubeError),
    /// Nothing more came, and its end did not either.
    Silent,
    /// The files that the server writes its log into by itself can't be read.
    FilesUnreadable {
        /// Why not.
        error: OpenError,
        /// Whether it is tried again.
        again: bool,
    },
    /// It broke off.
    Broken(String),
    /// The container was started again.
    Restarted,
    /// There is another pod of the same name.
    Replaced,
    /// There is no such pod any more; one may come.
    Gone,
}

/// What comes out of a queue.
pub(super) enum Arrival {
    Entry {
        time: Option<Timestamp>,
        entry: LogEntry,
        /// Its room in the queue.
        _room: OwnedSemaphorePermit,
    },
    News(LogNews),
}

/// The side of the reader.
#[derive(Clone)]
pub(super) struct Outlet {
    queue: mpsc::UnboundedSender<Arrival>,
    room: Arc<Semaphore>,
}

/// The side of the merge.
pub(super) struct Inlet {
    pub(super) queue: mpsc::UnboundedReceiver<Arrival>,
    room: Arc<Semaphore>,
}

pub(super) fn outlet() -> (Outlet, Inlet) {
    let (sender, queue) = mpsc::unbounded_channel();
    let room = Arc::new(Semaphore::new(ROOM as usize));
    let outlet = Outlet {
        queue: sender,
        room: Arc::clone(&room),
    };
    (outlet, Inlet { queue, room })
}

impl Outlet {
    /// Waits for room, and puts an entry into it. False when nobody reads any more.
    pub(super) async fn entry(&self, time: Option<Timestamp>, entry: LogEntry) -> bool {
        let length = u32::try_from(entry.text.len()).unwrap_or(MOST);
        let size = length.saturating_add(OVERHEAD).min(MOST);
        let room = Arc::clone(&self.room).acquire_many_owned(size).await;
        let Ok(room) = room else { return false };
        let arrival = Arrival::Entry {
            time,
            entry,
            _room: room,
        };
        self.queue.send(arrival).is_ok()
    }

    /// Tells something. There is little of it.
    pub(super) fn news(&self, news: LogNews) {
        // Nobody reads any more: then it need not be told.
        self.queue.send(Arrival::News(news)).ok();
    }
}

impl Inlet {
    /// Whether the reader has to wait for room.
    pub(super) fn is_full(&self) -> bool {
        self.room.available_permits() < MOST as usize
    }
}

//! The write-ahead log outside of a server: segments, histories of timelines, what an archive has of
//! them, and to which moments that leads.

mod archive;
mod breaks;
mod expiry;
mod gap;
mod history;
mod object_name;
mod protection;
mod reach;
mod recoverable;
mod resume;
mod segment;

pub use archive::{ArchivedSegment, Held, NewestWal, WalArchiveFacts, WalRun};
pub use breaks::{BreakReason, WalBreak};
pub use expiry::ExpiredWal;
pub use gap::{GapReason, WalGap};
pub use history::{Fork, ParseHistoryError, TimelineHistory};
pub use object_name::{ArchiveObject, NameOfSegment};
pub use protection::WalProtection;
pub use reach::{Reach, ReachEnd, WalPosition};
pub use recoverable::{BaseBackup, Recoverable, RecoveryWindow};
pub use resume::{Resume, ServerWal};
pub use segment::{ParseSegmentError, SegmentName, SegmentSize};

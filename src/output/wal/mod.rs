//! `pgctl wal`, for people.

mod event;
mod last;
mod list;
mod verified;
mod view;
mod words;

pub use event::wal_event_line;
pub(super) use last::last_archive_section;
pub use list::wal_archives_screen;
pub use verified::{VerifiedArchive, wal_verified_screen};
pub use view::ArchiveView;

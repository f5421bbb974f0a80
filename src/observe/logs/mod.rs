//! The logs of several servers as one stream, in the order in which they were written.

mod lines;
mod merge;
mod outlet;
mod position;
mod reader;
mod server_files;

pub use merge::{LogEvent, LogMerge};
pub use outlet::LogNews;
pub use server_files::end_of_server_log;

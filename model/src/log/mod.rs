//! What servers write into their logs: where an entry begins and ends, how bad it is, and what is in it,
//! in each of PostgreSQL's formats and languages.

mod assemble;
mod csv;
mod entry;
mod fields;
mod head;
mod json;
mod level;
mod prefix;
mod quotes;
mod shape;
mod slow;
mod written;

pub use assemble::{Assembler, Line};
pub use entry::{LogEntry, LogFormat};
pub use fields::LogFields;
pub use level::LogLevel;
pub use shape::shape_of;
pub use slow::{SlowStatement, SlowStatements};
pub use written::{LogTimes, begins};

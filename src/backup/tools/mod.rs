//! PostgreSQL's tools: where they run, what there is of them, and what a run of them reports.

mod available;
mod process;
mod report;
mod tool_location;

pub use available::{Tools, ToolsError, major};
pub use process::RemoteProcess;
pub(super) use report::{ENDING, LOST, PipeReport, read_report};
pub use tool_location::{LocalSocket, ToolLocation, ToolLocationError};

//! What is told while something runs: one stream of events, which the screen shows in words, `--events`
//! writes down as they are, and the journal of an operation keeps what it needs of.

mod line;
mod run_event;
mod standby_stage;
mod wal_event;

pub use line::EventLine;
pub use run_event::{EventError, Reporter, RunEvent};
pub use standby_stage::StandbyStage;
pub use wal_event::{WalEvent, WalEventLine, WalWait};

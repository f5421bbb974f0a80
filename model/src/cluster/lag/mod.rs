//! How far the standbys are behind: bytes and seconds at each stage, what that costs in WAL, and
//! how fast it changes.

mod limit;
mod rate;
mod report;

pub use limit::{LagCheck, LagLimit, ParseLagLimitError};
pub use rate::{CatchUp, LagRates, StandbyRate, lag_rates};
pub use report::{
    Behind, LagReport, LagStage, Reference, SlotLag, StandbyLag, TimeLag, lag_report, sender_of,
};

//! What a server does at the moment: its counters, compared over time (`pgctl top`).

mod board;
mod counters;
mod series;

pub use board::{InstanceActivity, TopBoard};
pub use counters::{RunningStatement, ServerCounters, ServerRates, TopSample, server_rates};
pub use series::Series;

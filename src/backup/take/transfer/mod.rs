//! One archive on its way from the source to the store, in bounded memory.

mod channel_reader;
mod error;
mod progress;
mod receive;
mod source;
mod storing;
mod throttle;

pub use error::TransferError;
pub use progress::TransferProgress;
pub use receive::{Received, Reception, receive};

//! Reading WAL: pages, records, and when transactions were committed.

mod page;
mod reader;
mod record;

pub(super) use reader::{WalEnd, WalReader};

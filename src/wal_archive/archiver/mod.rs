//! Archiving: `pg_receivewal` streams into a spool, from where everything goes to the store.

mod error;
mod marks;
mod primary;
mod program;
mod receiver;
mod run;
mod spool;
mod streaming;
mod telling;
mod upload;
mod uploading;
mod work;

pub use error::ArchiverError;
pub use primary::{ExpectedServer, Primaries, Primary, WalRoute};
pub use run::Archiver;
pub use spool::Spool;
pub use work::ArchiverOptions;

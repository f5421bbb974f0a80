//! Backups in a bucket of an S3-compatible store.

mod answers;
mod bucket;
mod environment;
mod holder;
mod lying;
mod objects;
mod reading;
mod store;
mod unfinished;
mod waiting;
mod writing;

pub use environment::names_of_second;
pub use store::S3Store;

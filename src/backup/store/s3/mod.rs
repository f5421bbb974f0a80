//! Backups in a bucket of an S3-compatible store.

mod answers;
mod bucket;
mod environment;
mod objects;
mod reading;
mod store;
mod unfinished;
mod waiting;
mod writing;

pub use store::S3Store;

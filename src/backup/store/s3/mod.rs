//! Backups in a bucket of an S3-compatible store.

mod bucket;
mod reading;
mod waiting;
mod writing;

pub use bucket::S3Store;

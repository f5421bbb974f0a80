//! Where backups lie: a directory, or a bucket of an S3-compatible store.
//!
//! Everything here blocks: call it from a thread that may (`tokio::task::spawn_blocking`).

mod blocking;
mod contract;
mod directory;
mod directory_objects;
mod error;
mod file_name;
mod location;
mod objects;
mod open;
mod place;
mod s3;

pub(crate) use blocking::blocking;
pub use contract::{Listing, SIGN_OF_LIFE, Store, StoreWriter, StoredFile, UnfinishedBackup};
pub use directory::DirectoryStore;
pub use error::StoreError;
pub(crate) use error::explained;
pub use location::{Location, ParseLocationError, default_location};
pub use objects::{Objects, StoredObject};
pub use place::Place;
pub use s3::{S3Store, names_of_second};

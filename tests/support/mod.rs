//! What the test files share. Each uses a part of it.
#![allow(dead_code, unused_imports, reason = "each test file uses a part")]

pub(crate) mod difficult_data;
mod recorded;
mod s3;
mod s3_names;
mod server;
mod wait;

pub(crate) use recorded::Recording;
pub(crate) use s3::{BUCKET, S3Server};
pub(crate) use server::Server;
pub(crate) use wait::eventually;

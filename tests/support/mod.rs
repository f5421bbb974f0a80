//! What the test files share. Each uses a part of it.
#![allow(dead_code, unused_imports, reason = "each test file uses a part")]

mod server;
mod wait;

pub(crate) use server::Server;
pub(crate) use wait::eventually;

//! The four kinds of patches.

mod apply;
mod handler;
mod schema;
mod strategic;
#[cfg(test)]
mod tests;

pub(super) use apply::{ListKeys, list_item};
pub(super) use handler::{Patch, patch};
pub(super) use schema::{Shape, shape_of};
